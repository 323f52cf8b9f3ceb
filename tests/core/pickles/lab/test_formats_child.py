from collections.abc import Mapping
from subprocess import TimeoutExpired

import pytest
import torch

from core import zoo
from core.pickles.lab import formats_child
from core.pickles.lab.encoders import EncodingError, Subject, encode, subject
from core.pickles.lab.formats import FileFormat, FormatRow
from core.pickles.lab.formats_child import MOST_ROUNDS, measure, timed, witnessed


def test_the_first_time_is_apart_and_its_result_is_kept() -> None:
    given: list[int] = []

    def action() -> int:
        given.append(len(given))
        return given[-1]

    timing, first = timed(action)
    assert first == 0
    assert timing.rounds == len(given) - 1 == MOST_ROUNDS
    assert timing.median >= 0


def test_what_takes_long_is_repeated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr("core.pickles.lab.formats_child.time.perf_counter", lambda: float(next(clock)))
    timing, _ = timed(lambda: None)
    assert (timing.first, timing.median, timing.rounds) == (2.0, 2.0, 1)


def test_a_format_is_measured_and_scanned() -> None:
    row, data = measure(subject(zoo.build("simple_mlp")), FileFormat.STATE_DICT)
    assert row.size == len(data)
    assert row.save is not None
    assert row.load is not None
    assert (row.verdict, row.names, row.problem) == ("data-only", 3, "")


def test_a_format_that_the_model_does_not_allow_is_a_row_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(subject: Subject, kind: FileFormat) -> bytes:
        raise EncodingError("RuntimeError: no")

    monkeypatch.setattr(formats_child, "encode", refuse)
    row, data = measure(subject(zoo.build("simple_mlp")), FileFormat.TORCHSCRIPT)
    assert data == b""
    assert (row.size, row.save, row.needs_source) == (None, None, None)
    assert row.problem == "RuntimeError: no"


def test_the_witness_needs_no_source_for_a_class_of_torchs_own() -> None:
    torchs = subject(zoo.build("scalar_linear"))
    (said,) = witnessed(torchs, {FileFormat.PICKLE: encode(torchs, FileFormat.PICKLE)}).values()
    assert (said["loaded"], said["ran"]) == (True, True)


class Silent:
    """A child whose messages nobody reads."""

    def __init__(self) -> None:
        self.said: list[Mapping[str, object]] = []

    def emit(self, message: Mapping[str, object]) -> None:
        self.said.append(message)


def test_without_a_witness_the_rest_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise TimeoutExpired("python", 120.0)

    monkeypatch.setattr(formats_child, "witnessed", fail)
    monkeypatch.setattr(formats_child, "measure", lambda subject, kind: (FormatRow(kind, 1), b"x"))
    child = Silent()
    report = formats_child.compare("simple_mlp", 0, child)  # type: ignore[arg-type]  # stands in for one
    assert [row.format for row in report.rows] == list(FileFormat)
    assert all(row.needs_source is None for row in report.rows)
    assert report.note.startswith("Whether the files load elsewhere was not tried: TimeoutExpired: ")
    assert {"stage": "measuring ONNX"} in child.said


def test_no_number_of_threads_is_changed_here() -> None:
    before = torch.get_num_threads()
    measure(subject(zoo.build("simple_mlp")), FileFormat.SAFETENSORS)
    assert torch.get_num_threads() == before
