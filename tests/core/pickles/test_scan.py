"""Scans as a whole: never an exception, never data-only where something runs, and a report that says why."""

import json
import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pickles import scan as from_the_package
from core.pickles.bounds import DEFAULT
from core.pickles.formats import Format
from core.pickles.scan import scan, scan_file
from core.pickles.verdict import Verdict
from tests.core.pickles.samples import Planted, array, benign, planted, saved, tarred, tensors, zipped

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_the_package_offers_it() -> None:
    assert from_the_package is scan


@given(st.binary(max_size=400))
def test_any_bytes_get_a_report(data: bytes) -> None:
    report = scan(data)
    assert report.size == len(data)
    assert json.loads(report.to_json())["verdict"] == report.verdict
    assert report.to_text()
    assert report.to_markdown()


@given(PLAIN, st.integers(0, 5))
def test_plain_values_are_data_only(value: object, protocol: int) -> None:
    assert scan(pickle.dumps(value, protocol)).verdict is Verdict.DATA_ONLY


@settings(max_examples=50)
@given(PLAIN, st.integers(0, 5), st.sampled_from(["plain", "zip", "tar", "torch"]))
def test_a_planted_call_is_never_missed(value: object, protocol: int, container: str) -> None:
    raw = pickle.dumps([value, Planted(), value], protocol)
    data = {
        "plain": raw,
        "zip": zipped({"a": raw}),
        "tar": tarred({"a": raw}),
        "torch": zipped({"m/data.pkl": raw, "m/version": b"3\n"}),
    }[container]
    report = scan(data)
    assert report.verdict is Verdict.DANGEROUS
    assert any(each.use.name == "system" for each in report.globals)


@pytest.mark.parametrize("name", ["model.safetensors", "model.onnx", "model.json"])
def test_a_harmless_pickle_under_a_name_of_data_needs_trust(name: str) -> None:
    report = scan(benign(), name)
    assert report.verdict is Verdict.NEEDS_TRUST
    assert report.findings[0].subject == "name"


def test_a_member_under_a_name_of_data_is_told_too() -> None:
    report = scan(zipped({"weights.safetensors": benign()}))
    assert report.verdict is Verdict.NEEDS_TRUST
    assert report.findings[0].member == "weights.safetensors"


def test_the_verdict_is_the_worst_of_all_members() -> None:
    report = scan(
        zipped({"a.pkl": benign(), "b.bin": b"\xff\xfe\x00", "c.pkl": planted(), "d.txt": b"words"})
    )
    verdicts = {member.name: member.verdict for member in report.members}
    assert verdicts == {
        "": Verdict.DANGEROUS,
        "a.pkl": Verdict.DATA_ONLY,
        "b.bin": Verdict.COULD_NOT_READ,
        "c.pkl": Verdict.DANGEROUS,
        "d.txt": Verdict.DATA_ONLY,
    }


@pytest.mark.parametrize(
    "bounds",
    [
        replace(DEFAULT, bytes=10),
        replace(DEFAULT, seconds=0.0),
        replace(DEFAULT, opcodes=5),
        replace(DEFAULT, members=1),
        replace(DEFAULT, nesting=0),
    ],
)
def test_beyond_a_bound_nothing_is_data_only(bounds: object) -> None:
    assert isinstance(bounds, type(DEFAULT))
    report = scan(zipped({"a.pkl": benign(), "b.pkl": benign()}), bounds=bounds)
    assert report.verdict is Verdict.COULD_NOT_READ
    assert report.ledger.unread or report.findings


def test_more_findings_than_are_kept_still_count() -> None:
    data = zipped({f"{index}.pkl": planted() for index in range(20)})
    report = scan(data, bounds=replace(DEFAULT, findings=3))
    assert len(report.findings) == 3
    assert report.left_out > 0
    assert report.verdict is Verdict.DANGEROUS


def test_text_and_nothing() -> None:
    assert scan(b"words about a model\n").verdict is Verdict.DATA_ONLY
    assert scan(b"print(1)\n", "setup.py").verdict is Verdict.NEEDS_TRUST
    assert scan(b"").verdict is Verdict.COULD_NOT_READ
    assert scan(os.urandom(1000).replace(b"\x80", b"\xff")).verdict is not Verdict.DATA_ONLY


# More than is mapped at once: of such files little stretches are read one by one.
MUCH = 17 * 2**20


@pytest.mark.parametrize(
    "content",
    [
        lambda: saved(tensors()),
        lambda: saved({f"layer{index}": torch.zeros(2**20) for index in range(5)}),
        lambda: saved({"weight": torch.zeros(MUCH // 4)}, legacy=True),
        lambda: zipped({"numbers": bytes(MUCH), "a.pkl": planted(), "words": b"and more"}),
        lambda: zipped({"a.pkl": planted(), "numbers": os.urandom(MUCH)}, zipfile.ZIP_DEFLATED),
        lambda: pickle.dumps([bytes(MUCH), Planted()]),
        lambda: planted() + bytes(MUCH) + zipped({"a.pkl": planted()}),
        lambda: tarred({"numbers": bytes(MUCH), "a.pkl": planted()}),
        lambda: array(np.zeros(MUCH // 8)),
    ],
)
def test_a_file_is_read_in_place_and_gives_the_same_report(
    tmp_path: Path, content: Callable[[], bytes]
) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content())
    one, other = scan_file(str(path)), scan(path.read_bytes(), "model.pt")
    assert replace(one, seconds=0.0) == replace(other, seconds=0.0)
    path.unlink()


def test_what_is_no_file_gets_a_report(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "empty", tmp_path / "pipe", Path("a\0b")):
        report = scan_file(path)
        assert report.verdict is Verdict.COULD_NOT_READ


def test_a_name_that_is_no_text_is_spelled_out() -> None:
    report = scan(benign(), "a\udc80\x1b[31m.pkl")
    report.name.encode("utf-8")
    assert "\x1b" not in report.to_text()
    assert "\x1b" not in report.to_markdown()


def test_two_formats_at_once_are_both_read() -> None:
    report = scan(benign() + zipped({"a.pkl": planted()}))
    assert report.format is Format.PICKLE
    assert any(each.use.name == "system" for each in report.globals)


def test_an_array_of_objects_among_a_tensors_numbers_is_read() -> None:
    for value, verdict in ((np.arange(3), Verdict.DATA_ONLY), (Planted(), Verdict.DANGEROUS)):
        content = array(value if isinstance(value, np.ndarray) else np.array([value], dtype=object))
        assert scan(zipped({"a/data.pkl": benign(), "a/data/0": content})).verdict is verdict


def test_numbers_that_begin_like_a_zip_are_numbers_and_a_whole_zip_is_read() -> None:
    for numbers, verdict in (
        (b"PK\x03\x04" + bytes(60), Verdict.DATA_ONLY),
        (zipped({"x.pkl": planted()}), Verdict.DANGEROUS),
    ):
        tensor = torch.frombuffer(bytearray(numbers), dtype=torch.uint8)
        assert scan(saved({"a": tensor}), "m.pt").verdict is verdict


def _text(text: str) -> bytes:
    """BINUNICODE."""
    encoded = text.encode("utf-8", "surrogatepass")
    return b"X" + len(encoded).to_bytes(4, "little") + encoded


@given(*[st.text(st.characters(categories=["Cs", "Co", "Cc", "L", "P"]), max_size=8)] * 3)
def test_a_report_can_be_written_whatever_signs_names_and_arguments_have(
    module: str, name: str, argument: str
) -> None:
    called = _text(module) + _text(name) + b"\x93" + _text(argument) + b"\x85R"
    report = scan(b"\x80\x04" + called + b"}" + _text(argument) + called + b"s\x86.")
    assert report.calls
    for written in (report.to_json(), report.to_text(), report.to_markdown()):
        written.encode("utf-8")
    for each in report.calls:
        assert f"{each.call.function}{each.call.arguments}".isprintable()
