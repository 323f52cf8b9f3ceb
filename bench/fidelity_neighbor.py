"""Whether a neighbor that starts half way through a comparison changes what is said."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

from bench.fidelity_verdicts import CONTENDERS, EQUAL, MORE, judged
from bench.registry import Cell, Table, Target
from core import machine
from core.benchmark.fairness.neighbor import Neighbor
from core.benchmark.method import Progress, compare
from core.benchmark.plan import Method
from core.benchmark.report import CaseReport
from core.benchmark.verdict import Verdict

METHOD: Final = Method(
    block_seconds=0.02, least_rounds=40, most_rounds=80, least_seconds=0.0, warm_seconds=0.05, samples=0
)
"""As many rounds as by default, since only the first half of them can be without the neighbor."""

_HALF: Final = 0.6 - 1e-9
"""The share of all at which half of the rounds are done: see `core.benchmark.method`."""


@dataclass(frozen=True)
class Visit:
    """The same comparison without a neighbor and with one.

    Attributes:
        cores: how many the neighbor uses.
        alone, beside: the two comparisons.
    """

    cores: int
    alone: CaseReport
    beside: CaseReport


def visits(repeats: int, method: Method = METHOD) -> Iterator[Visit]:
    """Compares without a neighbor, with one on one core, and with one on every core; again and again.

    Where so few rounds count that it never is half way, there is no visit.
    """
    for number in range(repeats):
        seeded = replace(method, seed=number)
        alone = compare(CONTENDERS, seeded)
        for cores in _sizes():
            if (beside := interrupted(cores, seeded)) is not None:
                yield Visit(cores, alone, beside)


def interrupted(cores: int, method: Method) -> CaseReport | None:
    """A comparison in which a neighbor starts when half of the rounds are done, and stays to the end.

    Args:
        cores: how many the neighbor uses.
        method: how; its `least_seconds` must be 0, so that half is half of the rounds.

    Returns:
        The comparison; None if it ended before it was half done.
    """
    started = False
    with ExitStack() as stack:

        def tell(progress: Progress) -> None:
            nonlocal started
            if not started and progress.stage.startswith("Round") and progress.share >= _HALF:
                started = True
                stack.enter_context(Neighbor(cores))

        case = compare(CONTENDERS, method, tell=tell)
    return case if started else None


def neighbors(found: Sequence[Visit], method: Method, seconds: float, *, missing: int = 0) -> Table:
    """The table of what `visits` gave; `missing` is how many there are not."""
    rows: list[tuple[Cell, ...]] = []
    changed = 0
    for cores in sorted({each.cores for each in found}):
        mine = [each for each in found if each.cores == cores]
        for name in (EQUAL, MORE):
            alone, beside = ([_said(one, name) for one in two] for two in _pairs(mine))
            differ = sum(one != two for one, two in zip(alone, beside, strict=True))
            changed += differ
            rows.append((
                cores, name, len(mine), _counts(alone), _counts(beside), differ,
                sum(each.beside.rejected for each in mine), sum(len(each.beside.rounds) for each in mine),
                *(_median_ratio(cases, name) for cases in _pairs(mine)),
            ))  # fmt: skip
    return Table(
        title="A neighbor that starts half way: what is said without and with it",
        columns=(
            "neighbor's cores", "engine", "comparisons", "said without", "said with", "changed",
            "rounds rejected", "of", "ratio without", "ratio with",
        ),
        rows=tuple(rows),
        notes=(
            f"A block is {method.block_seconds * 1e3:g} ms; until {method.least_rounds} rounds count.",
            f"There are {method.most_rounds} rounds at most.",
            f"The neighbor starts after {method.least_rounds // 2} that count.",
            "rounds rejected: with the neighbor.",
            f"{machine.logical_cores()} cores here; {seconds:.0f} s in all.",
        ),
        targets=(
            Target(
                f"no verdict is changed by the neighbor: {changed} changed in {len(found)} comparisons; "
                f"in {missing} it could not come, because others disturbed the first half",
                met=bool(found) and not changed and not missing,
            ),
        ),
    )  # fmt: skip


def timed_visits(repeats: int, method: Method = METHOD) -> Table:
    """Compares, and gives the table of it."""
    start = time.perf_counter()
    found = list(visits(repeats, method))
    missing = repeats * len(_sizes()) - len(found)
    return neighbors(found, method, time.perf_counter() - start, missing=missing)


def _sizes() -> list[int]:
    """How many cores a neighbor uses: one, and all."""
    return sorted({1, machine.logical_cores()})


def _pairs(found: Sequence[Visit]) -> tuple[list[CaseReport], list[CaseReport]]:
    return [each.alone for each in found], [each.beside for each in found]


def _said(case: CaseReport, name: str) -> Verdict | None:
    """What was said of an engine; None if no round counts."""
    judgement = judged(case, name)
    return None if judgement is None else judgement.verdict


def _counts(said: Sequence[Verdict | None]) -> str:
    words = ["nothing" if each is None else str(each) for each in said]
    return ", ".join(f"{words.count(each)} {each}" for each in dict.fromkeys(words))


def _median_ratio(cases: Sequence[CaseReport], name: str) -> float | None:
    ratios = [found.ratio.value for case in cases if (found := judged(case, name)) is not None]
    return statistics.median(ratios) if ratios else None
