"""A comparison without a warm-up: the mean of the first calls, first call included.

It shows what a benchmark that does not warm up would say. Everything else is as in a fair one: a new process
per engine and round, one at a time, rounds in random order, and the first engine a second time.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from core.benchmark import rounds as timing
from core.benchmark.derivation import STOPPED
from core.benchmark.meter import Meter
from core.benchmark.method import Progress, Stop, Tell
from core.benchmark.plan import Method
from core.benchmark.report import CaseReport, EngineResult
from core.benchmark.rounds import Round
from core.benchmark.statistics import ratio, summary
from core.benchmark.verdict import LEAST_ROUNDS, Floor, judge
from core.benchmark.worker import Loaded, Runs, Worker, WorkerError


@dataclass
class _Engine:
    """One of the three that are compared, while the rounds go on."""

    runs: Runs
    problem: str = ""
    loaded: list[Loaded] = field(default_factory=list)


def compare_cold(
    first: Runs,
    second: Runs,
    calls: int,
    method: Method,
    *,
    tell: Tell = lambda _: None,
    stop: Stop = lambda: False,
) -> CaseReport:
    """Compares two engines by their first calls.

    Args:
        first: the baseline.
        second: the other; of another name.
        calls: over how many the mean is taken, the very first among them.
        method: how many rounds (at most `LEAST_ROUNDS`, since each costs a process per engine), when a round
            is rejected, and the order.
        tell: called as the measurement goes on.
        stop: asked between processes.

    Returns:
        A report without the model's name and settings; load time and first call are medians over the rounds.
    """
    twin = f"{first.name}, again"
    engines = {first.name: _Engine(first), twin: _Engine(first), second.name: _Engine(second)}
    wanted = min(method.least_rounds, LEAST_ROUNDS)
    most = min(method.most_rounds, 2 * wanted)
    found: list[Round] = []
    stopped = False
    for number, order in enumerate(timing.orders(list(engines), most, method.seed)):
        counted = sum(not each.rejected for each in found)
        stopped = stop()
        if counted >= wanted or stopped or any(each.problem for each in engines.values()):
            break
        tell(Progress(f"Starting everything anew, round {number + 1}", counted / wanted, None))
        if (one := _one_round(number, order, engines, calls, method)) is not None:
            found.append(one)
    return _report(engines, found, stopped=stopped)


def _one_round(
    number: int, order: Sequence[str], engines: dict[str, _Engine], calls: int, method: Method
) -> Round | None:
    """A round with new processes; None if one of them could not be measured."""
    means: dict[str, float] = {}
    before = Meter([os.getpid()]).mark()
    with ExitStack() as stack:
        pids = [os.getpid()]
        for name in order:
            worker = stack.enter_context(Worker(engines[name].runs, seconds=method.load_seconds))
            pids.append(worker.pid)
            try:
                loaded = worker.load()
                later = worker.time(calls - 1, settle=False).seconds * (calls - 1) if calls > 1 else 0.0
            except WorkerError as error:
                engines[name].problem = str(error)
                return None
            worker.stop()
            engines[name].loaded.append(loaded)
            means[name] = (loaded.first_seconds + later) / calls
        # The processes are still there, so that what they used can be told from what others used.
        meter = Meter(pids)
        foreign = meter.between(before, meter.mark())
    rejected = foreign is not None and foreign.beyond(method.most_foreign)
    share = None if foreign is None else foreign.share
    one = Round(number, means, dict.fromkeys(means, calls), share, rejected)
    return replace(one, rejected=rejected or one.broken)


def _report(engines: dict[str, _Engine], found: Sequence[Round], *, stopped: bool) -> CaseReport:
    baseline, twin, other = engines
    counted = any(not each.rejected for each in found)
    floor = Floor((ratio(found, twin, baseline),)) if counted else None
    results = []
    for name in (baseline, other):
        problem = engines[name].problem or (engines[twin].problem if name == baseline else "")
        result = _with_times(EngineResult(name, problem), engines[name].loaded)
        if floor is not None:
            judgement = judge(ratio(found, other, baseline), floor) if name == other else None
            result = replace(result, summary=summary(found, name), judgement=judgement)
        results.append(result)
    return CaseReport(
        model="",
        seed=0,
        batch=0,
        threads=engines[baseline].runs.threads,
        baseline=baseline,
        twin=twin,
        engines=tuple(results),
        floor=floor,
        rounds=tuple(found),
        caveats=tuple(_caveats(found, stopped=stopped)),
        complete=not stopped and not any(each.problem for each in engines.values()),
    )


def _with_times(result: EngineResult, loaded: Sequence[Loaded]) -> EngineResult:
    if not loaded:
        return result
    return replace(
        result,
        metadata=loaded[0].metadata,
        load_seconds=statistics.median(each.load_seconds for each in loaded),
        first_seconds=statistics.median(each.first_seconds for each in loaded),
    )


def _caveats(found: Sequence[Round], *, stopped: bool) -> list[str]:
    rejected = sum(each.rejected for each in found)
    said = ["No engine was warm when it was timed, as is meant here."]
    if rejected:
        said.append(f"{rejected} of {len(found)} rounds do not count: others used this machine meanwhile.")
    if len(found) - rejected < LEAST_ROUNDS:
        said.append(f"Fewer than {LEAST_ROUNDS} rounds count: no verdict can be given.")
    return [*said, STOPPED] if stopped else said
