"""Reports that are made up: known times, so that what is said of them is known too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.benchmark.report import CaseReport, EngineResult, Error, Report
from core.benchmark.rounds import Round
from core.benchmark.statistics import ratio, summary
from core.benchmark.verdict import Floor, judge

AGAIN = "eager, again"


def case(
    seconds: Mapping[str, float],
    *,
    model: str = "simple_mlp",
    batch: int = 1,
    threads: int = 1,
    rounds: int = 24,
    wrong: Sequence[str] = (),
    problems: Mapping[str, str] | None = None,
    rejected: Sequence[int] = (),
    machine: str = "",
) -> CaseReport:
    """A comparison in which each engine takes exactly so long in every round; the first is the baseline.

    Args:
        seconds: per call, by engine.
        model, batch, threads, machine: of the comparison.
        rounds: how many.
        wrong: engines whose numbers are not the baseline's.
        problems: engines that were not measured, with the reason.
        rejected: the rounds that do not count, by number.
    """
    baseline = next(iter(seconds))
    taken = {**seconds, AGAIN: seconds[baseline]}
    found = tuple(
        Round(number, taken, dict.fromkeys(taken, 10), 0.0, number in rejected) for number in range(rounds)
    )
    floor = Floor((ratio(found, AGAIN, baseline),))
    engines = [
        EngineResult(
            name,
            summary=summary(found, name),
            judgement=None if name == baseline else judge(ratio(found, name, baseline), floor),
            error=None if name == baseline else Error(0.5 if name in wrong else 0.0, 0.0, name not in wrong),
        )
        for name in seconds
    ]
    engines += [EngineResult(name, problem=problem) for name, problem in (problems or {}).items()]
    return CaseReport(
        model, 0, batch, threads, baseline, AGAIN, tuple(engines), floor, found, (), complete=True,
        machine=machine,
    )  # fmt: skip


def report(*cases: CaseReport) -> Report:
    """A finished report."""
    return Report(cases, 1.0, complete=True)
