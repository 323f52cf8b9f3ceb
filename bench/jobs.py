"""What a job costs beside its measurement, and what more workers gain."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench import jobs_cluster
from bench.jobs_cluster import sweeps, sweeps_table
from bench.measure import percentile, shuffled
from bench.registry import Cell, Table, Target
from core.benchmark.jobs import JobRunner, JobState
from core.benchmark.local import LocalRunner
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.report import CaseReport, Report
from core.engines.engine import EngineKind

NET_SECONDS: Final = 0.3
JOBS: Final = 10
SWEEP: Final = 12
SWEEPS: Final = 2
MODEL: Final = "simple_mlp"
METHOD: Final = Method(least_rounds=5, least_seconds=0.0, most_rounds=5, most_foreign=1.0, samples=0)
"""Loads and warms up as by default; the rounds are few, since what comes after the first is not looked at."""
FIELDS: Final = (
    (EngineKind.EAGER,),
    (EngineKind.EAGER, EngineKind.TORCHSCRIPT),
    (EngineKind.EAGER, EngineKind.ORT),
)
"""Engines that do not compile."""

_LOOK_SECONDS: Final = 0.001
_PATIENCE: Final = 120.0


@dataclass(frozen=True)
class Start:
    """How a job came to its first round, in seconds.

    Attributes:
        before: from `submit` until the first engine is loaded, without the export.
        export: from the line that says so until the first engine is loaded.
        loading: from there until the first engine is warmed up.
        engines: what loading and the first calls took of it, by the result; the baseline's count twice, as
            its twin does the same and is not in the result.
        warming: from there until the first round.
        warm: what the engines were called for meanwhile, likewise.
    """

    before: float
    export: float
    loading: float
    engines: float
    warming: float
    warm: float

    @property
    def raw(self) -> float:
        """From `submit` to the first round."""
        return self.before + self.export + self.loading + self.warming

    @property
    def around_loading(self) -> float:
        """What processes, inputs, and outputs that are compared add."""
        return self.loading - self.engines

    @property
    def around_warming(self) -> float:
        """What orders and answers between the blocks of the warm-up add."""
        return self.warming - self.warm

    @property
    def net(self) -> float:
        """What is neither the export nor in the engines' own times."""
        return self.before + self.around_loading + self.around_warming


def run(
    jobs: int = JOBS,
    sweep: int = SWEEP,
    rounds: int = SWEEPS,
    method: Method = METHOD,
    sweep_method: Method = jobs_cluster.METHOD,
) -> list[Table]:
    """Measure; about five minutes with all that is asked for by default.

    Args:
        jobs: how many are submitted of each kind, on this machine.
        sweep: how many comparisons a sweep on the cluster has.
        rounds: how often a sweep is made, on one worker and on all.
        method: of the jobs.
        sweep_method: of the comparisons on the cluster.
    """
    print(f"{jobs} jobs of {len(FIELDS)} kinds", file=sys.stderr, flush=True)
    tables = [starts_table(starts(jobs, method))]
    print(f"sweeps of {sweep} jobs, {rounds} on one worker and on all", file=sys.stderr, flush=True)
    return [*tables, sweeps_table(sweeps(sweep, rounds, sweep_method), sweep)]


def run_with(arguments: Sequence[str]) -> list[Table]:
    """Measure what the command's arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench jobs")
    parser.add_argument("--jobs", type=int, default=JOBS, help="of each kind, on this machine")
    parser.add_argument("--sweep", type=int, default=SWEEP, help="comparisons of a sweep on the cluster")
    parser.add_argument("--rounds", type=int, default=SWEEPS, help="sweeps on one worker, and on all")
    return run(**vars(parser.parse_args(arguments)))


def starts(jobs: int, method: Method = METHOD) -> dict[str, list[Start]]:
    """How jobs came to their first rounds, by their engines; kinds of jobs in random order.

    The runner is warm: it has done a job of each kind before.
    """
    plans = {
        " and ".join(field): BenchmarkPlan(models=(MODEL,), engines=field, method=method) for field in FIELDS
    }
    found: dict[str, list[Start]] = {name: [] for name in plans}
    runner = LocalRunner()
    try:
        for plan in plans.values():
            start_of(runner, plan)
        for order in shuffled(list(plans), jobs):
            for name in order:
                found[name].append(start_of(runner, plans[name]))
    finally:
        runner.close()
    return found


def start_of(runner: JobRunner, plan: BenchmarkPlan) -> Start:
    """Submits a job, watches it until its first round, and waits for its result.

    Raises:
        RuntimeError: if it fails, or takes minutes.
    """
    begin = time.perf_counter()
    job = runner.submit(plan, "bench")
    seen: dict[str, float] = {}
    while not (status := runner.status(job)).state.over:
        now = time.perf_counter() - begin
        if status.progress is not None:
            seen.setdefault(status.progress.stage.split(maxsplit=1)[0], now)
        if now > _PATIENCE:
            raise RuntimeError(f"A job has taken {now:.0f} s.")
        time.sleep(_LOOK_SECONDS)
    if status.state is not JobState.DONE or not isinstance(status.result, Report):
        raise RuntimeError(f"A job is {status.state}: {status.problem}")
    if missing := {"Loading", "Round"} - seen.keys():
        raise RuntimeError(f"A job did not say: {', '.join(missing)}. Take longer blocks.")
    (case,) = status.result.cases
    # A stage may be over before anybody sees it.
    first, loading = seen["Round"], seen["Loading"]
    warming = seen.get("Warming", first)
    export = loading - seen.get("Exporting", loading)
    engines, warm = _engines(case)
    return Start(loading - export, export, warming - loading, engines, first - warming, warm)


def starts_table(found: dict[str, list[Start]]) -> Table:
    """The table of what `starts` gave."""
    rows: list[tuple[Cell, ...]] = []
    late = []
    for name, each in found.items():
        net = [one.net for one in each]
        median = statistics.median(net)
        rows.append((
            name,
            len(each),
            *(
                statistics.median(getattr(one, part) for one in each)
                for part in (
                    "raw", "export", "engines", "warm", "before", "around_loading", "around_warming"
                )
            ),
            median,
            percentile(net, 90),
        ))  # fmt: skip
        if median > NET_SECONDS:
            late.append(f"{name} ({median:.2f} s)")
    return Table(
        title="From submit to the first round on a warm runner, seconds",
        columns=(
            "engines", "jobs", "raw", "export", "load and first call", "warm-up rule",
            "before loading", "around loading", "around warm-up", "net", "net p90",
        ),
        rows=tuple(rows),
        notes=(
            f"{MODEL}, batch 1, in random order; medians, and the 90th percentile of net.",
            "raw: from submit until the job's status says that the first round begins.",
            "export: from that stage's line to the next, in the process that measures, which keeps the file.",
            "load and first call, warm-up rule: by the result; the baseline's twice, for its twin.",
            "net: raw without these. Before loading: the queue and the process that measures.",
            "Around loading: new processes, inputs, outputs compared. Around warm-up: orders and answers.",
        ),
        targets=(
            Target(
                f"net at most {NET_SECONDS:g} s at the median, for engines that do not compile; "
                f"more: {', '.join(late) or 'none'}",
                met=not late,
            ),
        ),
    )  # fmt: skip


def _engines(case: CaseReport) -> tuple[float, float]:
    """Seconds of loading with the first calls, and of warming up, the twin's with them."""
    loaded = warm = 0.0
    for each in case.engines:
        times = 2 if each.name == case.baseline else 1
        loaded += times * ((each.load_seconds or 0.0) + (each.first_seconds or 0.0))
        warm += times * (each.warm_seconds or 0.0)
    return loaded, warm
