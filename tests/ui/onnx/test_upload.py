"""What is said of a visitor's file, for every way in which its examination can end."""

import dataclasses
import re
from typing import Any

import pytest

from core.export.child import start_upload
from core.export.parity import Deviation, OutputParity
from core.export.trial import Given, Trial
from core.export.upload import MAX_BYTES, Upload, examine
from tests.core.export.test_upload import external, in_initializer, model_of, node, ordinary, weights
from ui.job import Job
from ui.onnx import upload
from ui.onnx.upload import Uploaded, uploaded

GOOD = examine(ordinary().SerializeToString(), "good.onnx")
RAN = Trial((("x", (2, 4)),), (Given("y", "float32", (2, 4), ("1",), None),))


def refused() -> Upload:
    return examine(in_initializer(external(weights(), "<b>secrets</b>.toml")).SerializeToString(), "bad.onnx")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Uploaded(refused()), ("✗", "refused, and nothing of it was run")),
        (Uploaded(GOOD, problem="It took longer than 20 s."), ("✗", "examined, but its run was ended")),
        (Uploaded(GOOD, "", Trial((), (), "It does not load.")), ("✗", "it does not run")),
        (
            Uploaded(GOOD, "", Trial((), (), "No known rank.", tried=False)),
            ("✓", "examined; the lab cannot make inputs for it"),
        ),
        (
            Uploaded(GOOD, "It objects.", Trial((), (), "No known rank.", tried=False)),
            ("✗", "not run, and ONNX's checker objects"),
        ),
        (Uploaded(GOOD, "It objects.", RAN), ("✗", "it runs, but ONNX's checker objects")),
        (Uploaded(GOOD, "", RAN), ("✓", "examined, and it runs")),
    ],
)
def test_the_verdict(found: Uploaded, said: tuple[str, str]) -> None:
    sign, headline, why = upload._verdict(found)
    assert (sign, headline) == said
    assert len(why.splitlines()) == 1


def test_a_finding_is_a_row_of_text() -> None:
    row = upload._row(refused().findings[0])
    assert "✗ refused" in row
    assert "<b>" not in row
    assert "&lt;b&gt;secrets&lt;/b&gt;.toml" in row
    assert set(re.findall(r"<(\w+)", row)) == {"tr", "td"}


def test_a_warning_is_no_refusal() -> None:
    found = examine(model_of(node("RandomNormalLike", ["x"])).SerializeToString())
    assert "! to know" in upload._row(found.findings[0])


def test_a_file_without_a_graph_has_no_numbers() -> None:
    assert upload._cards(Uploaded(examine(b"no model", "a"))) == []
    assert len(upload._cards(Uploaded(GOOD))) == 2


@pytest.mark.parametrize(
    ("parity", "said"),
    [
        (None, ""),
        (OutputParity("y", (2,), "float32", Deviation(0.5, 1, 9, (0,), 1, 1.5, False)), "✗ 0.5 apart"),
        (OutputParity("y", (2,), "float32", Deviation(0, 0, 0, (0,), 1, 1, True)), "✓ 0 apart"),
        (
            OutputParity("y", (2,), "float32", None, "The shape is (3,), and eager gives (2,)."),
            "The shape is",
        ),
    ],
)
def test_an_output_is_beside_the_evaluator_s(parity: OutputParity | None, said: str) -> None:
    row = upload._given_row(Given("y", "float32", (2,), ("1", "1.5"), parity))
    assert str(row["reference evaluator"]).startswith(said)
    assert (row["first numbers"], row["shape"]) == ("1, 1.5", "(2,)")


def test_an_output_that_was_not_read_says_so() -> None:
    row = upload._given_row(Given("y", "bfloat16", (), (), None, "NumPy has no bfloat16."))
    assert (row["shape"], row["first numbers"]) == ("", "NumPy has no bfloat16.")


def test_a_file_that_is_too_large_is_never_sent_to_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(upload, "start_upload", never)
    found = uploaded("large.onnx", bytes(MAX_BYTES + 1), "1")
    assert found is not None
    assert found.upload.refused
    assert upload._verdict(found)[2] == "The file has 20.0 MiB; at most 20.0 MiB may be."


def test_what_a_process_says_is_put_together_and_its_bytes_are_let_go() -> None:
    process = start_upload(ordinary().SerializeToString(), "good.onnx")
    process.wait(0)
    job = Job("", process)
    while job.listen():
        pass
    lines: list[dict[str, Any]] = list(job.lines)
    found = upload._read(job)
    assert found is not None
    assert found.upload == GOOD
    assert found.checker == ""
    assert found.trial is not None
    assert found.trial.problem == ""
    assert len(lines) == 4
    assert [list(line) for line in job.lines] == [["stage"], ["stage"]]
    # Read again it is the same.
    assert upload._read(job) is found


def test_before_anything_is_said_nothing_is_known() -> None:
    @dataclasses.dataclass
    class Waiting:
        finished: bool = False

        def lines(self) -> list[dict[str, Any]]:
            return []

    job = Job("", Waiting())  # type: ignore[arg-type] # stands in for it
    assert job.listen()
    assert upload._read(job) is None
    assert upload._words(job) == "Examining the file"
    job.lines = [{"stage": "checking"}, {"stage": "running"}]
    assert upload._words(job) == "In a process of its own: running"
