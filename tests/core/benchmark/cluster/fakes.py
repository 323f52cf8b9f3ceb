"""What workers measure with in tests: it takes as long as the plan's `least_seconds`, and keeps a diary."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core import wire
from core.benchmark import tasks
from core.benchmark.cluster.station import Say, Stopped
from core.benchmark.method import Progress
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import CaseReport, Report
from core.benchmark.tasks import write_part

SLEEPS = f"{__name__}:sleeps"
DEADLY_BATCH = 13
"""The batch that kills its worker."""
STUBBORN_BATCH = 7
"""The batch that does not stop when it is told to."""
DIARY = "UTH_TEST_DIARY"


@dataclass(frozen=True)
class Entry:
    """A comparison that a worker made, between two times of this computer's clock."""

    machine: str
    batch: int
    begin: float
    end: float
    stopped: bool


def sleeps(written: Mapping[str, Any], say: Say, stopped: Stopped) -> None:
    plan = tasks.read_plan(written)
    assert isinstance(plan, BenchmarkPlan)
    (batch,) = plan.batches
    say({"progress": wire.write(Progress, Progress("Sleeping", 0.5, None))})
    if plan.models == ("nobody",):
        say({"failed": "There is no model 'nobody'."})
        return
    if batch == DEADLY_BATCH:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)
    begin = time.time()
    given_up = False
    while time.time() - begin < plan.method.least_seconds and not given_up:
        time.sleep(0.01)
        given_up = batch != STUBBORN_BATCH and stopped()
    machine = os.environ.get("UTH_MACHINE_NAME", "")
    _note(Entry(machine, batch, begin, time.time(), given_up))
    case = CaseReport(
        model=plan.models[0], seed=plan.seed, batch=batch, threads=plan.threads[0], baseline="eager", twin="",
        engines=(), floor=None, rounds=(), caveats=(), complete=not given_up,
    )  # fmt: skip
    say({"part": write_part(case)})
    say({"result": tasks.write_result(Report((case,), time.time() - begin, not given_up))})


def _note(entry: Entry) -> None:
    with Path(os.environ[DIARY]).open("a", encoding="utf-8") as diary:
        diary.write(json.dumps(asdict(entry)) + "\n")


def read_diary(path: Path) -> list[Entry]:
    if not path.exists():
        return []
    return [Entry(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
