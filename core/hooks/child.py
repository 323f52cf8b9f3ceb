"""Runs, measurements and training in a process of their own: `python -m core.hooks.child`, and its parent.

The parent starts it with `start_run`, `start_measure` or `start_training`, and reads what comes with
`read_report`, `read_effect` and `read_steps`.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from core import wire
from core.builder import BuilderError
from core.hooks.events import Event, Observed
from core.hooks.observer import ROUNDS, Effect, measure
from core.hooks.plan import Mode, Plan
from core.hooks.run import Report, run_here
from core.hooks.spec import HookError, parse_spec
from core.hooks.training import Step, Training, TrainingError, train
from core.places import Place
from core.process import Child, Process, ProcessError, alone, memory_error
from core.zoo import InputKind, ZooError

RUN_SECONDS: Final = 120.0
MEASURE_SECONDS: Final = 690.0
TRAINING_SECONDS: Final = 300.0
"""How long each may take; a measurement's includes its turn after others, a training's its pauses."""
TURN_SECONDS: Final = 600.0
"""How long a measurement waits for another one, such as a benchmark, to end."""
PAUSE_SECONDS: Final = 120.0
"""How long a training may rest: others wait for its place."""
MESSAGE_SECONDS: Final = 0.05
"""How far apart the messages of a training are at least."""

# One thread: others are at work on this machine too. Warnings are about what the visitor chose to try.
_ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
_MODULE: Final = "core.hooks.child"
_LOG: Final = logging.getLogger(__name__)


def start_run(plan: Plan, *, seconds: float = RUN_SECONDS, place: Place | None = None) -> Process:
    """Runs a plan, whatever its mode, elsewhere: `read_report` finds the report in its lines.

    Raises:
        ProcessError: if too many wait already.
    """
    return _start({"task": "run", "plan": write_plan(plan)}, seconds, place)


def start_measure(
    plan: Plan, *, rounds: int = ROUNDS, seconds: float = MEASURE_SECONDS, place: Place | None = None
) -> Process:
    """Measures what a plan's hooks cost, as the only measurement on this machine: see `read_effect`.

    A line `{"queued": true}` says that it waits for another one.

    Raises:
        ProcessError: if too many wait already.
    """
    return _start({"task": "measure", "plan": write_plan(plan), "rounds": rounds}, seconds, place)


def start_training(
    training: Training, *, seconds: float = TRAINING_SECONDS, place: Place | None = None
) -> Process:
    """Trains elsewhere: `read_steps` finds the steps in its lines.

    It takes `{"command": "pause"}`, `"resume"` and `"stop"`, and says `{"state": "paused"}` or `"running"`.

    Raises:
        ProcessError: if too many wait already.
    """
    return _start({"task": "train", "training": write_training(training)}, seconds, place)


def read_report(line: Mapping[str, Any]) -> Report | None:
    """The report in a line, without captured tensors; None if it holds none."""
    return wire.read(Report, line["report"]) if "report" in line else None


def read_effect(line: Mapping[str, Any]) -> Effect | None:
    """The effect in a line; None if it holds none."""
    return wire.read(Effect, line["effect"]) if "effect" in line else None


def read_steps(line: Mapping[str, Any]) -> list[Step]:
    """The steps in a line, often several; an empty list if it holds none."""
    return wire.read(list[Step], line["steps"]) if "steps" in line else []


def write_plan(plan: Plan) -> dict[str, Any]:
    """A plan as JSON has it; its hooks as texts."""
    fields = {field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)}
    return fields | {"hooks": [str(spec) for spec in plan.hooks]}


def read_plan(written: Mapping[str, Any]) -> Plan:
    """The plan that `write_plan` wrote.

    Raises:
        HookError: for a hook that is none.
    """
    fields = dict(written)
    fields["hooks"] = tuple(parse_spec(text) for text in written["hooks"])
    fields["mode"] = Mode(written["mode"])
    fields["input_kind"] = InputKind(written["input_kind"])
    return Plan(**fields)


def write_training(training: Training) -> dict[str, Any]:
    """A training as JSON has it."""
    fields = {field.name: getattr(training, field.name) for field in dataclasses.fields(training)}
    return fields | {"plan": write_plan(training.plan)}


def read_training(written: Mapping[str, Any]) -> Training:
    """The training that `write_training` wrote.

    Raises:
        HookError, TrainingError: for one that cannot be.
    """
    return Training(**(dict(written) | {"plan": read_plan(written["plan"])}))


def _start(request: Mapping[str, Any], seconds: float, place: Place | None) -> Process:
    return Process(_MODULE, request, seconds=seconds, environment=_ENVIRONMENT, place=place)


def _without_tensors(report: Report) -> Report:
    events = []
    for event in report.events:
        observed = tuple(
            Observed(each.role, each.shape, each.dtype, each.statistics) for each in event.observed
        )
        events.append(dataclasses.replace(event, observed=observed))
    return dataclasses.replace(report, events=tuple[Event, ...](events))


def main() -> None:
    """Does what the parent asks for."""
    child = Child()
    try:
        match child.request.get("task"):
            case "run":
                report = run_here(read_plan(child.request["plan"]))
                child.emit({"report": wire.write(Report, _without_tensors(report))})
            case "measure":
                plan = read_plan(child.request["plan"])
                with alone(lambda: child.emit({"queued": True}), TURN_SECONDS):
                    effect = measure(plan, int(child.request["rounds"]))
                child.emit({"effect": wire.write(Effect, effect)})
            case "train":
                _train(child, train(read_training(child.request["training"])))
            case task:
                child.fail(f"There is no task {str(task)[:40]!r}: ask for run, measure or train.")
    except (HookError, TrainingError, ZooError, BuilderError, ProcessError) as error:
        child.fail(str(error))
    except MemoryError:
        child.fail(memory_error(child.memory_bytes))
    except RuntimeError as error:
        child.fail(memory_error(child.memory_bytes) if "allocate memory" in str(error) else _explain(error))
    except Exception as error:  # noqa: BLE001 - a visitor gets a line whatever happens
        child.fail(_explain(error))


def _explain(error: Exception) -> str:
    """One line on an error that nobody expected; all of it goes to stderr, which the parent logs."""
    _LOG.error("The task failed.", exc_info=error)
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _train(child: Child, steps: Iterator[Step]) -> None:
    """Streams steps, a few at a time, and obeys between them."""
    waiting: list[Step] = []
    sent = 0.0

    def send() -> None:
        nonlocal sent
        if waiting:
            child.emit({"steps": wire.write(list[Step], waiting)})
            waiting.clear()
        sent = time.monotonic()

    for step in steps:
        waiting.append(step)
        if time.monotonic() - sent >= MESSAGE_SECONDS:
            send()
        command = child.command()
        while command is not None:
            match command.get("command"):
                case "stop":
                    send()
                    return
                case "pause":
                    send()
                    child.emit({"state": "paused"})
                    command = _next(child, {"resume", "stop"})
                    continue
                case "resume":
                    child.emit({"state": "running"})
            command = child.command()
    send()


def _next(child: Child, names: set[str]) -> dict[str, Any]:
    """Waits for one of some commands; after `PAUSE_SECONDS` without one, it is `stop`."""
    until = time.monotonic() + PAUSE_SECONDS
    while (left := until - time.monotonic()) > 0:
        command = child.command(timeout=left)
        if command is not None and command.get("command") in names:
            return command
    return {"command": "stop"}


if __name__ == "__main__":
    main()
