"""Zips of every kind: real ones are data-only, and what is hidden in one is found."""

import io
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pickles.bounds import DEFAULT
from core.pickles.formats import Format
from core.pickles.ledger import Reading
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.containers.test_zip_end import (
    behind_its_end,
    in_a_comment,
    located_elsewhere,
    parts,
    plain_end,
    shifted,
    with_zip64,
)
from tests.core.pickles.samples import array, benign, planted, rewritten, saved, tensors, zipped
from tests.core.pickles.tripwire import torch_would_run

COMPRESSIONS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def test_a_state_dict_of_torch_is_data_only_and_every_member_has_its_offset() -> None:
    data = saved(tensors())
    report = scan(data, "model.pt")
    assert (report.format, report.verdict) == (Format.TORCH_ZIP, Verdict.DATA_ONLY)
    assert report.ledger.complete
    assert not report.findings
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        contents = {info.filename: archive.read(info) for info in archive.infolist()}
    assert {member.name for member in report.members[1:]} == set(contents)
    for member in report.members[1:]:
        assert member.offset is not None
        assert data[member.offset : member.offset + member.size] == contents[member.name]


@pytest.mark.parametrize(
    "value",
    [
        torch.arange(3),
        torch.nn.Parameter(torch.zeros(2)),
        {"a": torch.zeros(2, dtype=torch.bfloat16), "epoch": 3, "loss": 0.5},
        torch.optim.Adam([torch.nn.Parameter(torch.zeros(2))]).state_dict(),
        torch.nn.Linear(2, 3).state_dict(),
        [torch.zeros(0), torch.eye(2).to_sparse()],
    ],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_what_torch_saves_without_code_is_data_only(value: object, legacy: bool) -> None:
    assert scan(saved(value, legacy=legacy)).verdict is Verdict.DATA_ONLY


def test_a_whole_module_needs_trust_and_is_not_dangerous() -> None:
    assert scan(saved(torch.nn.Linear(2, 3))).verdict is Verdict.NEEDS_TRUST


def test_a_call_in_data_pkl_is_found() -> None:
    report = scan(rewritten(saved(tensors()), {"data.pkl": planted()}), "model.pt")
    assert report.verdict is Verdict.DANGEROUS
    assert any(finding.member.endswith("data.pkl") for finding in report.findings)
    assert any("echo never" in each.call.arguments for each in report.calls)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("name", ["evil.pkl", "archive/data.pkl", "notes", "x/y/z.bin", "pytorch_model.bin"])
def test_a_pickle_is_found_in_any_member_with_any_compression(name: str, compression: int) -> None:
    good = scan(zipped({"readme.txt": b"words\n", name: benign()}, compression))
    bad = scan(zipped({"readme.txt": b"words\n", name: planted()}, compression))
    assert good.verdict is Verdict.DATA_ONLY
    assert bad.verdict is Verdict.DANGEROUS


def test_a_zip_in_a_zip_is_read() -> None:
    inner = zipped({"deep.pkl": planted()}, zipfile.ZIP_DEFLATED)
    report = scan(zipped({"inner.zip": inner}, zipfile.ZIP_DEFLATED))
    assert report.verdict is Verdict.DANGEROUS
    assert any(finding.member == "inner.zip!deep.pkl" for finding in report.findings)


def test_arrays_of_numpy_are_data_only_and_objects_are_judged() -> None:
    file = io.BytesIO()
    np.savez(file, a=np.arange(3), b=np.ones(2))
    report = scan(file.getvalue(), "x.npz")
    assert (report.format, report.verdict) == (Format.NPZ, Verdict.DATA_ONLY)
    file = io.BytesIO()
    np.savez_compressed(file, a=np.array([pickle.loads], dtype=object))
    assert scan(file.getvalue()).verdict is Verdict.DANGEROUS


def test_torchscript_needs_trust_because_it_carries_code() -> None:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 3)), file)
    report = scan(file.getvalue(), "model.pt")
    assert report.format is Format.TORCHSCRIPT
    assert report.verdict is Verdict.NEEDS_TRUST
    assert any("TorchScript code" in finding.reason for finding in report.findings)


class _Pipe(io.BytesIO):
    """A file that cannot go back: what is written to it has its sizes behind each member's data."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation


def test_a_zip_that_was_streamed_is_read_like_any_other() -> None:
    for content, verdict in ((benign(), Verdict.DATA_ONLY), (planted(), Verdict.DANGEROUS)):
        file = _Pipe()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.pkl", content)
            archive.writestr("b.txt", b"words")
        report = scan(file.getvalue())
        assert report.verdict is verdict
        assert not [finding for finding in report.findings if finding.subject == "zip"]


@pytest.mark.parametrize("content", [None, b"", bytes(15), bytes(17)])
def test_a_storage_that_is_missing_or_of_another_size_could_not_be_read(content: bytes | None) -> None:
    data = saved({"a": torch.zeros(4), "b": torch.zeros(2, 3)[:1], "c": torch.zeros(0)})
    assert scan(data).verdict is Verdict.DATA_ONLY
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    (name,) = [each for each in members if each.endswith("data/0")]
    if content is None:
        del members[name]
    else:
        members[name] = content
    changed = zipped(members)
    with pytest.raises(RuntimeError):
        torch.load(io.BytesIO(changed), weights_only=True)
    report = scan(changed, "model.pt")
    assert report.verdict is Verdict.COULD_NOT_READ
    assert any("the storage 0" in entry.reason for entry in report.ledger.entries)


def test_an_empty_zip_is_data_only() -> None:
    assert scan(zipped({})).verdict is Verdict.DATA_ONLY


def test_a_wrong_checksum_hides_nothing_and_damns_nothing() -> None:
    for content, verdict in ((benign(), Verdict.DATA_ONLY), (planted(), Verdict.DANGEROUS)):
        data = bytearray(zipped({"a/data.pkl": content}))
        place = data.rindex(b"PK\x01\x02") + 16
        data[place] ^= 0xFF
        report = scan(bytes(data))
        assert report.verdict is verdict
        assert any("checksum" in note for note in report.notes)


def test_a_wrong_checksum_of_a_zip_that_torch_does_not_read_could_not_be_read() -> None:
    for name, content in (("a.npy", array(np.arange(9))), ("a.txt", b"words"), ("a.pkl", benign())):
        data = bytearray(zipped({name: content}))
        assert scan(bytes(data)).verdict is Verdict.DATA_ONLY
        data[data.rindex(b"PK\x01\x02") + 16] ^= 0xFF
        with pytest.raises(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.read(name)
        assert scan(bytes(data)).verdict is Verdict.COULD_NOT_READ


def test_another_name_in_the_local_header_is_a_disagreement_and_the_content_is_read() -> None:
    data = zipped({"a/data.pkl": planted()}).replace(b"a/data.pkl", b"a/data.txt", 1)
    report = scan(data)
    assert report.verdict is Verdict.DANGEROUS
    assert any("readers of zips disagree" in finding.reason for finding in report.findings)


def test_two_members_of_one_name_are_both_read() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", planted())
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a/data.pkl", benign())
    report = scan(file.getvalue())
    assert report.verdict is Verdict.DANGEROUS
    assert {member.name for member in report.members[1:]} == {"a/data.pkl", "a/data.pkl#2"}


def test_a_member_that_no_directory_names_is_found() -> None:
    hidden = zipped({"hidden.pkl": planted()})
    hidden = hidden[: hidden.rindex(b"PK\x01\x02")]
    shown = zipped({"a.txt": b"words"})
    body, rest = shown[: shown.rindex(b"PK\x01\x02")], shown[shown.rindex(b"PK\x01\x02") :]
    size = len(rest) - 22
    end = rest[size:-6] + struct.pack("<L", len(body) + len(hidden)) + b"\0\0"
    data = body + hidden + rest[:size] + end
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["a.txt"]
    report = scan(data)
    assert report.verdict is Verdict.DANGEROUS
    assert any("in no directory" in finding.reason for finding in report.findings)


@pytest.mark.parametrize("size", [4, 16, 32, 33, 64])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_header_in_a_gap_of_any_size_is_looked_at(size: int, share: float) -> None:
    whole = zipped({"a.txt": b"words", "b.txt": b"more"})
    second, directory = whole.index(b"PK\x03\x04", 4), whole.index(b"PK\x01\x02")
    end, behind = len(whole) - 22, whole.rindex(b"PK\x01\x02")

    def with_gap(gap: bytes) -> bytes:
        data = bytearray(whole)
        data[end + 16 : end + 20] = struct.pack("<L", directory + size)
        data[behind + 42 : behind + 46] = struct.pack("<L", second + size)
        data[second:second] = gap
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.read("b.txt") == b"more"
        return bytes(data)

    first = round(share * (size - 4))
    assert scan(with_gap(b"\x01" * size)).verdict is Verdict.DATA_ONLY
    hidden = scan(with_gap(b"\x01" * first + b"PK\x03\x04" + b"\x01" * (size - first - 4)))
    assert hidden.verdict is Verdict.COULD_NOT_READ
    assert any(entry.reading is Reading.UNREAD for entry in hidden.ledger.entries)


def test_a_member_that_says_it_is_encrypted_could_not_be_read_and_is_looked_at() -> None:
    for content, verdict in ((benign(), Verdict.COULD_NOT_READ), (planted(), Verdict.DANGEROUS)):
        data = bytearray(zipped({"a.pkl": content}))
        data[6] |= 1
        data[data.rindex(b"PK\x01\x02") + 8] |= 1
        assert scan(bytes(data)).verdict is verdict


def test_a_list_of_words_in_a_zip_is_no_pickle() -> None:
    for words in (b"ant\ncat\ndog\n", b"a\nconfig.json\nmodel.bin\n"):
        assert scan(zipped({"labels.txt": words})).verdict is Verdict.DATA_ONLY


@pytest.mark.parametrize("prefix", [benign(), planted(), b"#!/bin/sh\n", b"words\n", b"\x00\x01\x02"])
def test_a_zip_behind_something_else_is_not_data_only(prefix: bytes) -> None:
    report = scan(prefix + zipped({"a.txt": b"words"}))
    assert report.verdict is not Verdict.DATA_ONLY


@pytest.mark.parametrize("inner", [planted(), benign()])
def test_a_zip_behind_a_pickle_is_two_formats_at_once(inner: bytes) -> None:
    report = scan(benign() + zipped({"a.pkl": inner}))
    assert report.verdict is Verdict.DANGEROUS
    assert any(finding.subject == "polyglot" for finding in report.findings)


def test_a_zip_within_a_pickled_value_is_not_two_formats() -> None:
    assert scan(pickle.dumps(zipped({"a.txt": b"words"}), 4)).verdict is Verdict.DATA_ONLY
    assert scan(pickle.dumps(zipped({"a.pkl": planted()}), 4)).verdict is Verdict.DANGEROUS


def test_a_zip_without_its_end_could_not_be_read_and_its_calls_are_found() -> None:
    for content, verdict in ((benign(), Verdict.COULD_NOT_READ), (planted(), Verdict.DANGEROUS)):
        data = zipped({"a.pkl": content, "b.txt": b"words"})
        assert scan(data[: data.index(b"PK\x01\x02")]).verdict is verdict


def test_a_pickle_among_the_tensors_numbers_is_found() -> None:
    data = rewritten(saved(tensors()), {"data/0": planted()})
    assert scan(data).verdict is Verdict.DANGEROUS


def test_numbers_that_look_like_opcodes_are_numbers() -> None:
    look_alike = torch.frombuffer(bytearray(b"\x80\x02]q\x00(K\x01e." * 8), dtype=torch.uint8)
    assert scan(saved({"a": look_alike})).verdict is Verdict.DATA_ONLY


def test_files_of_python_need_trust() -> None:
    assert scan(zipped({"model/code.py": b"print(1)\n"})).verdict is Verdict.NEEDS_TRUST


def test_a_lambda_layer_of_keras_needs_trust() -> None:
    config = b'{"layers": [{"class_name": "Lambda"}]}'
    assert scan(zipped({"config.json": config}), "m.keras").verdict is Verdict.NEEDS_TRUST
    assert scan(zipped({"config.json": b'{"class_name": "Dense"}'}), "m.keras").verdict is Verdict.DATA_ONLY


def test_bounds_on_members_and_expansion_are_told() -> None:
    many = zipped({f"{index}.txt": b"words" for index in range(50)})
    few = scan(many, bounds=replace(DEFAULT, members=20))
    assert few.verdict is Verdict.COULD_NOT_READ
    bomb = zipped({"a.txt": bytes(5 * 2**20)}, zipfile.ZIP_DEFLATED)
    assert scan(bomb, bounds=replace(DEFAULT, expansion=2**20)).verdict is Verdict.COULD_NOT_READ


@settings(max_examples=60)
@given(st.data())
def test_changed_bytes_never_make_an_exception(data: st.DataObject) -> None:
    raw = bytearray(zipped({"a/data.pkl": planted(), "b.txt": b"words"}))
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert scan(bytes(raw)).verdict in Verdict


@pytest.mark.parametrize("packed", [1, 50, 95])
def test_a_stored_entry_is_read_as_far_as_torch_reads_it(packed: int) -> None:
    data = bytearray(rewritten(saved(torch.zeros(2)), {"data.pkl": planted()}))
    place = data.index(b"PK\x01\x02")
    assert data[place + 46 :].startswith(b"archive/data.pkl")
    data[place + 20 : place + 24] = struct.pack("<L", packed)
    assert torch_would_run(bytes(data))
    assert scan(bytes(data)).verdict is Verdict.DANGEROUS


@settings(max_examples=100)
@given(st.data())
def test_where_torch_would_run_a_call_of_a_changed_file_it_is_not_data_only(data: st.DataObject) -> None:
    raw = bytearray(rewritten(saved(torch.zeros(2)), {"data.pkl": planted()}))
    assert torch_would_run(bytes(raw))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    if torch_would_run(bytes(raw)):
        assert scan(bytes(raw)).verdict is Verdict.DANGEROUS


@pytest.mark.parametrize("tail", [b"cos\nsystem\n(S'x'\ntR.", planted()])
def test_a_pickle_behind_the_end_of_a_zip_is_found(tail: bytes) -> None:
    assert scan(zipped({"a.txt": b"words"}) + tail).verdict is Verdict.DANGEROUS


def test_an_exported_program_of_torch_needs_trust() -> None:
    class Twice(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 2

    file = io.BytesIO()
    torch.export.save(torch.export.export(Twice(), (torch.zeros(2),)), file)
    report = scan(file.getvalue(), "model.pt2")
    assert (report.format, report.verdict) == (Format.TORCH_EXPORT, Verdict.NEEDS_TRUST)


def test_a_package_of_torch_needs_trust() -> None:
    members = {"p/.data/extern_modules": b"os\n", "p/.data/version": b"6\n", "p/.data/0.storage": bytes(8)}
    report = scan(zipped({**members, "p/model.pkl": benign()}))
    assert (report.format, report.verdict) == (Format.TORCH_PACKAGE, Verdict.NEEDS_TRUST)


def test_a_member_whose_header_lies_in_another_one_is_a_disagreement() -> None:
    inner = zipped({"evil.pkl": planted()})
    data = bytearray(zipped({"a.bin": inner, "evil.pkl": planted()}))
    place = data.rindex(b"PK\x01\x02") + 42
    data[place : place + 4] = struct.pack("<L", data.index(inner))
    report = scan(bytes(data))
    assert report.verdict is Verdict.DANGEROUS
    assert any("lies within" in finding.reason for finding in report.findings)


def torch_zip(content: bytes, **more: bytes) -> bytes:
    return zipped({"archive/data.pkl": content, "archive/version": b"3\n", **more})


@pytest.mark.parametrize(
    "build", [behind_its_end, partial(in_a_comment, by=0), partial(in_a_comment, by=10**6)]
)
def test_a_zip_in_the_comment_of_another_is_found(build: Callable[[bytes, bytes], bytes]) -> None:
    report = scan(build(torch_zip(benign()), torch_zip(planted())))
    assert report.verdict is Verdict.DANGEROUS
    assert any("comment" in finding.reason or "bytes before" in finding.reason for finding in report.findings)
    assert any(each.use.name == "system" for each in report.globals)


def test_a_comment_of_words_is_data_only() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", benign())
        archive.comment = b"Some words about a model, and PK."
    assert scan(file.getvalue()).verdict is Verdict.DATA_ONLY


def test_what_a_second_zip64_record_points_to_is_found() -> None:
    data = located_elsewhere(lambda raw: torch_zip(benign(), **{"archive/data/0": raw}), torch_zip(planted()))
    assert torch_would_run(data)
    report = scan(data)
    assert report.verdict is Verdict.DANGEROUS
    assert any(each.use.name == "system" for each in report.globals)


def test_a_zip64_of_one_mind_is_data_only() -> None:
    assert scan(with_zip64(torch_zip(benign()))).verdict is Verdict.DATA_ONLY


def test_a_zip_at_the_end_of_numbers_is_found_whatever_offsets_it_states() -> None:
    members, directory, count = parts(zipped({"x.pkl": planted()}))
    for by in (0, 10**6):
        end = plain_end(count, len(directory), len(members) + by)
        hidden = bytes(10) + members + shifted(directory, by) + end
        with zipfile.ZipFile(io.BytesIO(hidden)) as archive:
            assert archive.read("x.pkl") == planted()
        assert scan(array(np.frombuffer(hidden, np.uint8))).verdict is Verdict.DANGEROUS


def test_an_archive_called_as_the_folder_of_storages_has_its_pickle_read() -> None:
    named = b"\x80\x02cnobody\nknows\n)R."
    for content, verdict in (
        (benign(), Verdict.DATA_ONLY),
        (named, Verdict.NEEDS_TRUST),
        (planted(), Verdict.DANGEROUS),
    ):
        assert scan(zipped({".data/data.pkl": content, ".data/version": b"3\n"})).verdict is verdict


def test_the_numbers_of_a_package_of_torch_are_numbers() -> None:
    members = {"p/.data/extern_modules": b"", "p/.data/0.storage": b"\xff\xfe\xfd", "p/.data/1": b"\xff"}
    assert [member.format for member in scan(zipped(members)).members[2:]] == [Format.NUMBERS] * 2
