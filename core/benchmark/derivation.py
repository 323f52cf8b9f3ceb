"""What follows from the rounds of a comparison: times, ratios, verdicts, and caveats.

A measurement ends with it, and a file from elsewhere is put through it: it is not believed in any of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import CaseReport, EngineResult, Report
from core.benchmark.rounds import Round
from core.benchmark.statistics import ratio, summarize, summary
from core.benchmark.verdict import LEAST_ROUNDS, Floor, judge
from core.engines.catalog import title

STOPPED: Final = "It was stopped before its end."
_UNREAD: Final = "What others used of the processor was not read: no round was rejected for it."


def derive_report(plan: BenchmarkPlan, cases: Sequence[CaseReport], seconds: float) -> Report:
    """The report of these comparisons; it is complete only if it has every one of the plan."""
    wanted = {
        (model, plan.seed, batch, threads)
        for model in plan.models
        for batch in plan.batches
        for threads in plan.threads
    }
    found = {(case.model, case.seed, case.batch, case.threads) for case in cases}
    complete = wanted <= found and all(case.complete for case in cases)
    return Report(tuple(cases), seconds, complete)


def derive(case: CaseReport, *, stopped: bool, first: Sequence[str] | None = None) -> CaseReport:
    """A comparison with all summaries, ratios, the floor, the verdicts and the caveats that follow from it.

    Args:
        case: its rounds, and of each engine what no round can tell; all else in it is ignored.
        stopped: whether it was stopped before its end.
        first: caveats to begin with; None for what can be seen of the meter in the rounds.
    """
    floor = _floor(case)
    engines = tuple(_engine(case, each, floor) for each in case.engines)
    complete = not stopped and not any(each.problem for each in engines)
    found = replace(case, engines=engines, floor=floor, complete=complete)
    if first is None:
        first = [_UNREAD] if case.rounds and all(each.foreign is None for each in case.rounds) else []
    return replace(found, caveats=(*first, *_caveats(found), *([STOPPED] if stopped else [])))


def was_stopped(case: CaseReport) -> bool:
    """Whether a comparison was stopped before its end."""
    return STOPPED in case.caveats or not (case.complete or any(each.problem for each in case.engines))


def _floor(case: CaseReport) -> Floor | None:
    if not case.twin or not _together(case.rounds, case.baseline, case.twin):
        return None
    return Floor((ratio(case.rounds, case.twin, case.baseline),))


def _engine(case: CaseReport, engine: EngineResult, floor: Floor | None) -> EngineResult:
    name, rounds = engine.name, case.rounds
    judgement = None
    if floor is not None and name != case.baseline and _together(rounds, name, case.baseline):
        judgement = judge(ratio(rounds, name, case.baseline), floor)
    return replace(
        engine,
        summary=summary(rounds, name) if _together(rounds, name) else None,
        latency=summarize(engine.samples) if engine.samples else None,
        judgement=judgement,
    )


def _together(rounds: Sequence[Round], *names: str) -> bool:
    """Whether there is a round that counts with all of these in it."""
    return any(set(names) <= each.seconds.keys() for each in rounds if not each.rejected)


def _caveats(case: CaseReport) -> list[str]:
    found = []
    baseline = title(case.baseline)
    wanted = case.engines[0].name if case.engines else ""
    if case.baseline and case.baseline != wanted:
        found.append(f"{title(wanted)} could not be loaded: {baseline} is what the others are compared with.")
    if case.rejected:
        found.append(
            f"{case.rejected} of {len(case.rounds)} rounds do not count: others used this machine meanwhile."
        )
    if len(case.rounds) - case.rejected < LEAST_ROUNDS:
        found.append(f"Fewer than {LEAST_ROUNDS} rounds count: no verdict can be given.")
    found += [
        f"{title(each.name)} was not steady when it was timed." for each in case.engines
        if each.warm_seconds is not None and not each.settled
    ]  # fmt: skip
    found += [
        f"{title(each.name)} does not give the numbers of {baseline}." for each in case.engines
        if each.error is not None and not each.error.agree
    ]  # fmt: skip
    return found
