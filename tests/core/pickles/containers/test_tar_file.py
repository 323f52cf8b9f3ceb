"""Tars of `tarfile` in all its formats, and tars that lie."""

import io
import lzma
import struct
import tarfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pickles.formats import Format
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.samples import array, benign, planted, saved, tarred, tensors, zipped

FORMS = pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
LONG = "folder/" * 30 + "weights.pkl"


@FORMS
@pytest.mark.parametrize("name", ["weights.pkl", "folder/notes", LONG])
def test_every_member_is_judged_by_its_content(form: int, name: str) -> None:
    if form == tarfile.USTAR_FORMAT and name == LONG:
        name = "f" * 90 + "/" + "w" * 90
    good = scan(tarred({"readme.txt": b"words\n", name: benign()}, form))
    bad = scan(tarred({"readme.txt": b"words\n", name: planted()}, form))
    assert (good.format, good.verdict) == (Format.TAR, Verdict.DATA_ONLY)
    assert bad.verdict is Verdict.DANGEROUS
    assert {finding.member for finding in bad.findings} == {name}


def test_members_have_their_offsets_in_the_file() -> None:
    content = benign()
    data = tarred({"a.pkl": content})
    member = scan(data).members[1]
    assert member.offset is not None
    assert data[member.offset : member.offset + member.size] == content


def test_a_torch_file_or_a_zip_at_the_end_of_a_tar_is_a_member_and_not_a_second_format() -> None:
    assert (
        scan(tarred({"a.pt": saved(tensors()), "b.zip": zipped({"x.txt": b"words"})})).verdict
        is Verdict.DATA_ONLY
    )


def test_a_pickle_in_front_of_a_tar_is_two_formats_at_once() -> None:
    # The name's field is the first of the header: there the opcodes stand.
    info = tarfile.TarInfo("cos\nsystem\n(S'echo never'\ntR.")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(info)
    report = scan(file.getvalue())
    assert report.verdict is Verdict.DANGEROUS
    assert any(finding.subject == "polyglot" for finding in report.findings)


SMALL = b"cos\nsystem\n(S'echo never'\ntR."
RAW = {"id": lzma.FILTER_LZMA1, "dict_size": 4096, "lc": 3, "lp": 0, "pb": 2}
NAMES = {
    Format.LZMA: b"]" + struct.pack("<Iq", 2048, -1) + lzma.compress(SMALL, lzma.FORMAT_RAW, filters=[RAW]),
    Format.ZFILE: b"ZF" + f"{len(SMALL):x}".ljust(19).encode() + zlib.compress(SMALL, 9),
}


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_that_joblib_unpacks_is_a_second_format(kind: Format) -> None:
    report = scan(NAMES[kind])
    assert (report.format, report.verdict) == (kind, Verdict.DANGEROUS)
    block = bytearray(raw_member("", b"")[:512])
    block[: len(NAMES[kind])] = NAMES[kind]
    block[148:156] = b"%06o\0 " % (256 + sum(block[:148] + block[156:]))
    report = scan(bytes(block) + END)
    assert report.verdict is Verdict.DANGEROUS
    assert any(finding.subject == "polyglot" for finding in report.findings)


def test_a_name_that_is_no_text_needs_trust() -> None:
    assert scan(raw_member("a\x01b", b"words") + END).verdict is Verdict.NEEDS_TRUST
    assert scan(raw_member("größe.txt", b"words") + END).verdict is Verdict.DATA_ONLY


def link(name: str, target: str) -> bytes:
    info = tarfile.TarInfo(name)
    info.type = tarfile.SYMTYPE
    info.linkname = target
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(info)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (tarred({"../evil.txt": b"words"}), Verdict.DANGEROUS),
        (tarred({"a/../../evil.txt": b"words"}), Verdict.DANGEROUS),
        (tarred({"/etc/evil.txt": b"words"}), Verdict.NEEDS_TRUST),
        (link("a", "/etc/passwd"), Verdict.NEEDS_TRUST),
        (link("a", "b"), Verdict.DATA_ONLY),
    ],
)
def test_paths_that_lead_out_of_the_folder(data: bytes, verdict: Verdict) -> None:
    assert scan(data).verdict is verdict


def test_members_behind_the_end_are_read() -> None:
    first, second = tarred({"a.txt": b"words"}), tarred({"b.pkl": planted()})
    with tarfile.open(fileobj=io.BytesIO(first + second)) as archive:
        assert archive.getnames() == ["a.txt"]
    assert scan(first + second).verdict is Verdict.DANGEROUS


def test_a_name_that_is_there_twice_is_a_disagreement() -> None:
    twice = tarred({"a.txt": b"one"})[:1024] + tarred({"a.txt": b"two"})
    assert scan(twice).verdict is Verdict.NEEDS_TRUST


def test_all_of_several_members_that_torch_would_read_are_looked_at() -> None:
    twice = tarred({"storages": planted()})[:1024] + tarred(
        dict.fromkeys(["storages", "tensors", "pickle"], benign())
    )
    assert scan(twice).verdict is Verdict.DANGEROUS


@pytest.mark.parametrize("cut", [600, 1100])
def test_a_tar_that_is_cut_off_could_not_be_read(cut: int) -> None:
    assert scan(tarred({"a.bin": bytes(1000)})[:cut]).verdict is Verdict.COULD_NOT_READ


def test_bytes_behind_the_end_could_not_be_read() -> None:
    assert scan(tarred({"a.txt": b"words"}) + b"x" * 600).verdict is Verdict.COULD_NOT_READ


@settings(max_examples=60)
@given(st.data())
def test_changed_bytes_never_make_an_exception(data: st.DataObject) -> None:
    raw = bytearray(tarred({"a.pkl": planted(), LONG: benign()})[:6000])
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert scan(bytes(raw)).verdict in Verdict


def record(key: bytes, value: bytes) -> bytes:
    """A record of pax: its own length, a space, key=value, a line break."""
    rest = b" " + key + b"=" + value + b"\n"
    size = next(size for size in range(1, 1000) if len(str(size)) + len(rest) == size)
    return str(size).encode() + rest


def raw_member(name: str, content: bytes, kind: bytes = tarfile.REGTYPE, size: int | None = None) -> bytes:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(content) if size is None else size
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % tarfile.BLOCKSIZE)


END = bytes(2 * tarfile.BLOCKSIZE)


def hidden(content: bytes, pax: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """A member of numbers that ends after its header for readers that take the pax record's size."""
    inside = raw_member("hidden.pkl", content)
    numbers = array(np.zeros(512 - 128 + len(inside), np.uint8))[:128]
    assert len(numbers.rstrip(b"\0")) <= 128
    return raw_member("p", pax, kind) + raw_member("a.npy", numbers.ljust(512, b"\0") + inside) + END


@pytest.mark.parametrize(
    "size", [b"+512", b" 512", b"5_12", b"0x200", b"", b"-512", "\u0665\u0661\u0662".encode()]
)
def test_a_size_of_pax_that_is_no_plain_number_could_not_be_read(size: bytes) -> None:
    assert scan(hidden(planted(), record(b"size", size))).verdict is Verdict.COULD_NOT_READ


def test_a_plain_size_of_pax_counts_and_not_the_header() -> None:
    for content, verdict in ((benign(), Verdict.DATA_ONLY), (planted(), Verdict.DANGEROUS)):
        members = raw_member("a.txt", b" " * 512 + raw_member("hidden.pkl", content))
        data = raw_member("p", record(b"size", b"512"), tarfile.XHDTYPE) + members + END
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            assert archive.getnames() == ["a.txt", "hidden.pkl"]
        assert scan(data).verdict is verdict


def test_one_size_for_all_members_could_not_be_read() -> None:
    data = hidden(planted(), record(b"size", b"512"), tarfile.XGLTYPE)
    assert scan(data).verdict is Verdict.COULD_NOT_READ


def test_a_comment_for_all_members_as_git_writes_it_is_data_only() -> None:
    comment = raw_member("pax_global_header", record(b"comment", b"0" * 40), tarfile.XGLTYPE)
    assert scan(comment + tarred({"a.pkl": benign(), "b.pkl": benign()})).verdict is Verdict.DATA_ONLY


def test_a_name_for_all_members_is_that_of_all() -> None:
    data = raw_member("g", record(b"path", b"x"), tarfile.XGLTYPE) + raw_member("a", b"1") + END
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["x"]
    assert [member.name for member in scan(data).members[1:]] == ["x"]


@pytest.mark.parametrize("pax", [b"5 a=", b"99 size=512\n", b"x", record(b"size", b"512")[:-1] + b"x"])
def test_a_broken_record_of_pax_could_not_be_read(pax: bytes) -> None:
    assert scan(raw_member("p", pax, tarfile.XHDTYPE) + tarred({"a.txt": b"words"})).verdict is not (
        Verdict.DATA_ONLY
    )


def test_two_records_that_say_different_sizes_could_not_be_read() -> None:
    first = raw_member("p", record(b"size", b"512"), tarfile.XHDTYPE)
    data = first + hidden(planted(), record(b"size", b"99"))
    assert scan(data).verdict is Verdict.COULD_NOT_READ


def test_an_old_folder_has_no_data_whatever_its_size() -> None:
    for content, verdict in ((benign(), Verdict.DATA_ONLY), (planted(), Verdict.DANGEROUS)):
        inside = raw_member("a.pkl", content)
        data = raw_member("folder/", b"", tarfile.AREGTYPE, len(inside)) + inside + END
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            assert archive.getnames() == ["folder", "a.pkl"]
        report = scan(data)
        assert report.verdict is verdict
        assert "a.pkl" in {member.name for member in report.members}
