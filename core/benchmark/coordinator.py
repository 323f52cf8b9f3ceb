"""The process that measures: `python -m core.benchmark.coordinator`, and what goes to it and comes from it.

It serves one job after the other, so that PyTorch and the fork server of its workers are ready for the next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from core import wire
from core.benchmark import tasks
from core.benchmark.method import Progress
from core.benchmark.tasks import Part, Plan, Result
from core.benchmark.worker import warm_server
from core.process import Child, Process, alone

MEMORY_BYTES: Final = 4 * 2**30
_LOG: Final = logging.getLogger(__name__)


def start_coordinator() -> Process:
    """Starts it; `{"ready": true}` is its first line."""
    return Process(
        "core.benchmark.coordinator", {}, seconds=None, memory_bytes=MEMORY_BYTES, niceness=0, counted=False
    )


def order(plan: Plan) -> dict[str, Any]:
    """What tells it to measure a plan."""
    return {"measure": tasks.write_plan(plan)}


CANCEL: Final[Mapping[str, Any]] = {"cancel": True}
"""What tells it to give up."""


def read_line(line: Mapping[str, Any]) -> Progress | Part | Result | str | None:
    """What a line of it says: progress, a part of the result, the result, or why it failed; None if nothing.

    Raises:
        ValueError: if the line is none of its own.
    """
    if "progress" in line:
        return wire.read(Progress, line["progress"])
    if "part" in line:
        return tasks.read_part(line["part"])
    if "result" in line:
        return tasks.read_result(line["result"])
    return wire.read(str, line["failed"]) if "failed" in line else None


def serve(child: Child, measured: Callable[..., Result] = tasks.run) -> None:
    """Measures what it is told to, one plan after the other."""
    warm_server()
    child.emit({"ready": True})
    while True:
        command = child.command(timeout=3600.0)
        if command is not None and "measure" in command:
            _measure(child, command["measure"], measured)


def _measure(child: Child, written: object, measured: Callable[..., Result]) -> None:
    cancelled = False

    def stop() -> bool:
        nonlocal cancelled
        cancelled = cancelled or child.command() == CANCEL
        return cancelled

    def tell(progress: Progress) -> None:
        child.emit({"progress": wire.write(Progress, progress)})

    def part_done(part: Part) -> None:
        child.emit({"part": tasks.write_part(part)})

    try:
        with alone(lambda: tell(Progress("Waiting for another measurement on this machine", 0.0, None))):
            result = measured(tasks.read_plan(written), tell=tell, stop=stop, done=part_done)
        child.emit({"result": tasks.write_result(result)})
    except ValueError as error:
        child.emit({"failed": " ".join(str(error).split())[:500]})
    except Exception as error:  # noqa: BLE001 - it measures the next plan, and the visitor is told
        _LOG.exception("a measurement failed")
        child.emit({"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"})


if __name__ == "__main__":
    serve(Child())
