"""What needs a process of its own: compiled runs, measurements and training, started and read from here."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.hooks import child
from core.hooks.child import (
    read_effect,
    read_plan,
    read_report,
    read_steps,
    read_training,
    start_measure,
    start_run,
    start_training,
    write_plan,
    write_training,
)
from core.hooks.doctor import Reason
from core.hooks.events import Event
from core.hooks.plan import Mode, Plan
from core.hooks.run import Report, run_here
from core.hooks.spec import parse_spec
from core.hooks.training import Step, Training, train
from core.hooks.traps import WARNINGS
from core.process import Process, alone
from core.zoo import InputKind

pytestmark = [pytest.mark.filterwarnings(f"ignore:{re.escape(text)}") for text in WARNINGS]


def plan(model: str, *hooks: str, **settings: Any) -> Plan:  # noqa: ANN401
    return Plan(model, hooks=tuple(parse_spec(hook) for hook in hooks), **settings)


@pytest.fixture
def stopped() -> Iterator[Callable[[Process], Process]]:
    """Stops the processes that it is given, when the test is over."""
    given: list[Process] = []

    def keep(process: Process) -> Process:
        given.append(process)
        return process

    yield keep
    for process in given:
        process.stop()


Keep = Callable[[Process], Process]


def collect(process: Process, until: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The lines up to where a condition holds, or the process has ended."""
    lines: list[dict[str, Any]] = []
    end = time.monotonic() + 60
    while time.monotonic() < end:
        finished = process.finished
        lines += process.lines()
        if finished or until(lines):
            return lines
        time.sleep(0.01)
    raise AssertionError(f"It never came: {process.error or process.last_words}")


def the_report(process: Process) -> Report:
    lines = process.wait(180)
    assert process.error == ""
    (report,) = filter(None, map(read_report, lines))
    return report


def through_json(value: Any) -> Any:  # noqa: ANN401 - JSON
    return json.loads(json.dumps(value))


def test_hooks_before_compiling_fire_and_hooks_after_it_do_not(stopped: Keep) -> None:
    hooks = ["linear forward", "linear forward_pre scale=2", "linear parameter", "model forward"]
    asked = plan("simple_mlp", *hooks, mode=Mode.COMPILED)
    late = plan("simple_mlp", *hooks, mode=Mode.COMPILED_FIRST)
    first = stopped(start_run(asked, seconds=180))
    second = stopped(start_run(late, seconds=180))
    before, after = the_report(first), the_report(second)
    assert (before.plan, after.plan) == (asked, late)
    assert (before.error, after.error) == ("", "")
    assert [firing.fired for firing in before.firings] == [1, 1, 1, 1]
    # Only the compiled function itself is still called, and so are the hooks around it.
    assert [firing.fired for firing in after.firings] == [0, 0, 1, 1]
    assert [firing.reason for firing in after.firings] == [Reason.AFTER_COMPILE] * 2 + [None] * 2
    assert before.difference is not None
    assert after.difference is not None
    assert before.difference.largest > 0.01
    assert after.difference.largest < 1e-6
    assert (before.left, after.left) == (0, 0)


def test_a_run_elsewhere_gives_the_same_report(stopped: Keep) -> None:
    asked = plan("dict_output", "trunk forward capture", "relu full_backward", mode=Mode.BACKWARD)
    found, here = the_report(stopped(start_run(asked))), run_here(asked)
    assert (found.plan, found.firings, found.layers, found.calls) == (
        here.plan,
        here.firings,
        here.layers,
        here.calls,
    )
    assert (found.bare, found.output, found.difference) == (here.bare, here.output, here.difference)
    assert [event.observed[0].value for event in found.events] == [None, None]
    assert here.events[0].observed[0].value is not None
    assert [event.observed[0].statistics for event in found.events] == [
        event.observed[0].statistics for event in here.events
    ]
    assert all(isinstance(event, Event) for event in found.events)


def test_a_measurement_waits_for_its_turn(stopped: Keep) -> None:
    with alone(lambda: None):
        asked = plan("mlp", "fc1 forward", "fc2 full_backward", mode=Mode.BACKWARD)
        process = stopped(start_measure(asked, rounds=3))
        assert collect(process, bool) == [{"queued": True}]
        time.sleep(0.2)
        assert process.lines() == []
    (effect,) = map(read_effect, process.wait(60))
    assert process.error == ""
    assert effect is not None
    assert (effect.rounds, effect.firings, effect.threads) == (3, 2, 1)
    assert effect.low <= effect.ratio <= effect.high
    assert [(each.hook, each.firing) for each in effect.durations] == [(0, 1), (1, 1)]


def test_a_training_can_be_paused_and_resumed_and_stopped(stopped: Keep) -> None:
    training = Training(plan("cnn", "conv1 forward", "head full_backward", batch=64), steps=2_000)
    process = stopped(start_training(training))
    lines = collect(process, lambda lines: any("steps" in line for line in lines))
    process.send({"command": "pause"})
    lines += collect(process, lambda lines: {"state": "paused"} in lines)
    assert lines[-1] == {"state": "paused"}
    time.sleep(0.3)
    assert process.lines() == []
    process.send({"command": "resume"})
    more = collect(process, lambda lines: any("steps" in line for line in lines))
    assert more[0] == {"state": "running"}
    process.send({"command": "pause"})
    more += collect(process, lambda lines: {"state": "paused"} in lines)
    process.send({"command": "stop"})
    lines += more + process.wait(20)
    assert process.finished
    assert process.error == ""
    steps = [step for line in lines for step in read_steps(line)]
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert len(steps) < 2_000
    # The same bits as here, also across the pause.
    here = train(training)
    expected = [next(here) for _ in range(3)]
    assert [step.loss for step in steps[:3]] == pytest.approx([step.loss for step in expected], rel=1e-4)
    assert [len(step.readings) for step in steps] == [3] * len(steps)


class Quiet:
    """Stands in for the child's end, in this process."""

    memory_bytes = 2**30

    def __init__(self, request: dict[str, Any] | None = None) -> None:
        self.request = request or {}
        self.emitted: list[dict[str, Any]] = []

    def emit(self, message: dict[str, Any]) -> None:
        self.emitted.append(through_json(message))

    def fail(self, error: str) -> None:
        self.emit({"error": error})

    def command(self, timeout: float = 0) -> None:
        assert timeout == 0


def errors(request: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    quiet = Quiet(request)
    monkeypatch.setattr(child, "Child", lambda: quiet)
    child.main()
    return [message["error"] for message in quiet.emitted]


def test_an_error_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = Training(plan("mlp", "fc9 forward"))
    (line,) = errors({"task": "train", "training": write_training(unknown)}, monkeypatch)
    assert line.startswith("The model has no layer `fc9`: the closest is")
    (line,) = errors({"task": "run", "plan": write_plan(plan("gpt"))}, monkeypatch)
    assert line.startswith("There is no model 'gpt': choose one of")
    asked = {"task": "measure", "plan": write_plan(plan("mlp")), "rounds": 1}
    assert errors(asked, monkeypatch) == ["Got 1 rounds: an interval needs at least 2."]
    assert errors({"task": "dance"}, monkeypatch) == [
        "There is no task 'dance': ask for run, measure or train."
    ]


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
    def fails(_plan: Plan) -> Report:
        raise error

    monkeypatch.setattr(child, "run_here", fails)
    assert errors({"task": "run", "plan": write_plan(plan("mlp"))}, monkeypatch) == [line]
    assert ("Traceback" in caplog.text) == (not line.startswith("It needed"))


def test_few_messages_a_second_hold_all_steps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(child, "MESSAGE_SECONDS", 1_000.0)
    training = Training(plan("mlp", "fc1 forward_pre"), steps=30, nan_at=28)
    quiet = Quiet()
    child._train(quiet, train(training))  # type: ignore[arg-type]
    steps = [step for line in quiet.emitted for step in read_steps(line)]
    assert repr(steps) == repr(list(train(training)))
    assert len(quiet.emitted) <= 2
    assert isinstance(steps[0], Step)
    assert capsys.readouterr().out == ""


def test_plans_and_trainings_travel_as_text() -> None:
    asked = plan(
        "chain",
        "model forward noise=0.125 prepend with_kwargs always_call once",
        "0 post_accumulate_grad scale=-1e-30 parameter=bias",
        "0 state_dict",
        chain="Input(8)\nLinear(8, 4)",
        mode=Mode.CHECKPOINT,
        layer="0",
        training=False,
        seed=2**63 - 1,
        batch=9,
        input_kind=InputKind.RAMP,
        input_grad=True,
    )
    assert read_plan(through_json(write_plan(asked))) == asked
    training = Training(asked, 7, 0.1, 2.5, "adam", 3)
    read = read_training(through_json(write_training(training)))
    assert read == training
    assert isinstance(read.plan.mode, Mode)
    assert isinstance(read.plan.input_kind, InputKind)


def test_a_line_about_something_else_holds_nothing() -> None:
    assert read_report({"queued": True}) is None
    assert read_effect({"state": "paused"}) is None
    assert read_steps({"state": "paused"}) == []


def test_what_compiled_code_hides_is_explained_by_the_layer_s_output(stopped: Keep) -> None:
    asked = plan("dict_output", "model full_backward", "model forward", mode=Mode.COMPILED)
    found = the_report(stopped(start_run(asked, seconds=180)))
    assert [firing.fired for firing in found.firings] == [0, 1]
    assert found.firings[0].reason is Reason.HIDDEN_OUTPUT
