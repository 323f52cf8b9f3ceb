"""Exports in a process of their own: how far it is, what it answers, and what it may not."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from core import wire
from core.export import child
from core.export.child import Answer, check, read_answer, read_stage, start_export
from core.export.exporter import export
from core.export.parity import BATCHES, sweep
from core.export.plan import Exporter, ExportError, ExportPlan
from core.process import Process

STAGES = ["loading PyTorch's exporter", "exporting", "checking", "comparing with PyTorch"]
LEGACY = Exporter.LEGACY

Keep = Callable[[Process], Process]


@pytest.fixture
def stopped() -> Iterator[Keep]:
    """Stops the processes that it is given, when the test is over."""
    given: list[Process] = []

    def keep(process: Process) -> Process:
        given.append(process)
        return process

    yield keep
    for process in given:
        process.stop()


def the_answer(process: Process) -> tuple[Answer, list[str]]:
    """What the process answers, and the stages that it went through."""
    lines = process.wait(120)
    assert process.error == ""
    (found,) = filter(None, map(read_answer, lines))
    return found, list(filter(None, map(read_stage, lines)))


def timeless(answer: Answer) -> Answer:
    """The answer without what differs from one run to the next."""
    exported = answer.exported and dataclasses.replace(answer.exported, seconds=0.0)
    return dataclasses.replace(answer, exported=exported, peak_bytes=0, import_seconds=0.0)


class Quiet:
    """Stands in for the child's end, in this process."""

    memory_bytes = 2**30

    def __init__(self, request: dict[str, Any] | None = None) -> None:
        self.request = request or {}
        self.emitted: list[dict[str, Any]] = []

    def emit(self, message: dict[str, Any]) -> None:
        self.emitted.append(message)

    def fail(self, error: str) -> None:
        self.emit({"error": error})


def here(plan: ExportPlan) -> tuple[Answer, list[str]]:
    """The same in this process."""
    quiet = Quiet()
    found = child.answer(plan, quiet)  # type: ignore[arg-type] # stands in for it
    return found, [read_stage(line) for line in quiet.emitted]


@pytest.mark.parametrize(
    "plan",
    [
        ExportPlan("keywords", exporter=LEGACY, input_names=("a", "b", "c"), output_names=("y",), seed=3),
        ExportPlan("loop_over_batch", exporter=LEGACY, batch=3),  # disagrees: nan and problems travel too
        ExportPlan("dict_output", opset=18),
    ],
    ids=lambda plan: f"{plan.model}-{plan.exporter}",
)
def test_an_export_elsewhere_is_the_export_here(stopped: Keep, plan: ExportPlan) -> None:
    found, stages = the_answer(stopped(start_export(plan)))
    expected, stages_here = here(plan)
    assert stages == stages_here == STAGES
    assert repr(timeless(found)) == repr(timeless(expected))
    assert found.exported is not None
    assert found.exported.data == export(plan).data
    assert found.exported.seconds > 0
    assert found.import_seconds >= 0
    assert 50 * 2**20 < found.peak_bytes < child.EXPORT_BYTES


def test_the_cases_are_those_of_the_sweep() -> None:
    plan = ExportPlan("early_exit", exporter=LEGACY)
    found, _ = here(plan)
    assert found.exported is not None
    assert found.cases == sweep(plan.build(), found.exported.data)
    assert {case.batch for case in found.cases} == set(BATCHES)
    assert not all(case.parity.agree for case in found.cases)


def test_a_refusal_is_an_answer_of_one_line(stopped: Keep) -> None:
    plan = ExportPlan("early_exit")
    process = stopped(start_export(plan))
    found, stages = the_answer(process)
    assert stages == STAGES[:2]
    assert found.plan == plan
    assert (found.exported, found.checker, found.cases) == (None, "", ())
    assert found.refusal.startswith(
        "The dynamo exporter refuses this model: Could not guard on data-dependent"
    )
    assert len(found.refusal.splitlines()) == 1
    # Of what PyTorch prints about it, nothing is in the log.
    assert "def forward" not in process.last_words


def test_what_does_not_fit_the_model_is_one_line(stopped: Keep) -> None:
    process = stopped(start_export(ExportPlan(dynamic=("y:0",))))
    lines = process.wait(60)
    assert process.error == "`y:0` is no axis of simple_mlp: choose among input:0, input:1."
    assert not any(map(read_answer, lines))


def test_an_unknown_task_is_one_line(stopped: Keep) -> None:
    process = stopped(Process("core.export.child", {"task": "dance"}, seconds=60))
    process.wait(60)
    assert process.error == "There is no task 'dance': ask for export, layers, cases or upload."


def test_a_chosen_input_is_compared(stopped: Keep) -> None:
    plan = ExportPlan("early_exit", exporter=Exporter.LEGACY)
    data = export(plan).data
    process = stopped(child.start_cases(plan, data, batch=5, seed=7, kind="ones"))
    (cases,) = filter(None, map(child.read_cases, process.wait(60)))
    assert process.error == ""
    assert {(case.batch, case.seed, case.kind) for case in cases} == {(5, 7, "ones")}
    assert cases == sweep(plan.build(), data, batches=[5], seeds=[7], kinds=["ones"])


def test_it_ends_when_its_time_is_up(stopped: Keep) -> None:
    process = stopped(start_export(ExportPlan("cnn"), seconds=0.3))
    lines = process.wait(20)
    assert process.finished
    assert process.error == "It took longer than 0.3 s and was ended."
    assert not any(map(read_answer, lines))


def test_no_secret_reaches_it(stopped: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UTH_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "DATABASE_URL", "CANARY"):
        monkeypatch.setenv(name, "canary-5150")
    process = stopped(start_export(ExportPlan(exporter=LEGACY)))
    end = time.monotonic() + 30
    while not process.lines():  # it has begun
        assert time.monotonic() < end
        time.sleep(0.01)
    environment = psutil.Process(process.pid).environ()
    process.stop()
    assert "canary" not in repr(environment).lower()
    assert environment["PATH"] == os.environ["PATH"]
    # Others work on this machine too.
    assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "1"


def errors(request: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    quiet = Quiet(request)
    monkeypatch.setattr(child, "Child", lambda: quiet)
    child.main()
    return [message["error"] for message in quiet.emitted if "error" in message]


REQUEST = {"task": "export", "plan": wire.write(ExportPlan, ExportPlan(exporter=LEGACY))}


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "It needed more than 1 GiB of memory: choose a smaller model or batch."),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
            "It needed more than 1 GiB of memory: choose a smaller model or batch.",
        ),
        (RuntimeError("two\nlines"), "RuntimeError: two lines"),
        (KeyError("oh"), "KeyError: 'oh'"),
    ],
)
def test_what_nobody_expected_is_a_line_and_the_log_has_all_of_it(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(child, "sweep", fails)
    assert errors(REQUEST, monkeypatch) == [line]
    assert ("Traceback" in caplog.text) == (not isinstance(error, MemoryError))


def test_a_plan_that_is_none_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {"task": "export", "plan": REQUEST["plan"] | {"opset": 99}}
    (line,) = errors(broken, monkeypatch)
    assert "Opset 99 is none that the legacy exporter knows" in line
    assert len(line.splitlines()) == 1


def test_a_line_about_something_else_holds_nothing() -> None:
    assert read_answer({"stage": "exporting"}) is None
    assert read_stage({"answer": {}}) == ""


def test_the_checker_has_a_line_for_what_is_not_valid() -> None:
    data = export(ExportPlan(exporter=LEGACY)).data
    assert check(data) == ""
    for broken in (data[:-20], b"no model", data.replace(b"Gemm", b"Germ")):
        line = check(broken)
        assert line
        assert len(line.splitlines()) == 1
        assert len(line) <= 300


def test_a_plan_that_cannot_be_is_refused_before_a_process_starts() -> None:
    with pytest.raises(ExportError, match="Opset 99"):
        start_export(ExportPlan(opset=99))
