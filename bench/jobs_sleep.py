"""What the Dask workers of `bench jobs` measure with: the real comparison, of an engine that sleeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from bench.known import Known
from core import wire
from core.benchmark import tasks
from core.benchmark.cluster.station import Say, Stopped
from core.benchmark.method import Progress, compare
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import Report

SLEEPS: Final = f"{__name__}:sleeps"
"""How a runner is told to measure with it."""
ENGINE: Final = Known("sleep-bound", sleeps=0.005)


def sleeps(written: Mapping[str, Any], say: Say, stopped: Stopped) -> None:
    """A `station.Measured`: compares the sleeping engine with itself by the plan's method.

    Raises:
        ValueError: if the plan is none of comparisons.
    """
    plan = tasks.read_plan(written)
    if not isinstance(plan, BenchmarkPlan):
        raise ValueError("Expected a plan of comparisons.")
    (batch,), (model,), (threads,) = plan.batches, plan.models, plan.threads

    def tell(progress: Progress) -> None:
        say({"progress": wire.write(Progress, progress)})

    case = compare([ENGINE], plan.method, tell=tell, stop=stopped)
    case = replace(case, model=model, batch=batch, threads=threads)
    say({"part": tasks.write_part(case)})
    say({"result": tasks.write_result(Report((case,), 0.0, case.complete))})
