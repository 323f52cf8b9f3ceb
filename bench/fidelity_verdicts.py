"""How often the verdict is right: on equal engines, and on one with 10% more work; real and simulated."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from bench.known import SIZE, Known
from bench.registry import Cell, Table, Target
from core.benchmark.method import compare
from core.benchmark.plan import Method
from core.benchmark.report import CaseReport
from core.benchmark.rounds import Round
from core.benchmark.statistics import ratio
from core.benchmark.verdict import LEAST_ROUNDS, Floor, Judgement, Verdict, judge

EQUAL_SHARE: Final = 0.95
FOUND_SHARE: Final = 0.90
PRODUCTS: Final = 20
MORE_PRODUCTS: Final = 22
BASE: Final = "base"
EQUAL: Final = "equal"
MORE: Final = "10% more work"
CONTENDERS: Final = (Known(BASE, PRODUCTS), Known(EQUAL, PRODUCTS), Known(MORE, MORE_PRODUCTS))
METHOD: Final = Method(
    block_seconds=0.02, least_rounds=20, most_rounds=60, least_seconds=0.0, warm_seconds=0.05, samples=0
)

_TRUTH: Final = {EQUAL: Verdict.CANNOT_TELL, MORE: Verdict.SLOWER}
_ASKED: Final = {EQUAL: EQUAL_SHARE, MORE: FOUND_SHARE}
_SEED: Final = 20_240_607
_COLUMNS: Final = (
    "comparisons", "cannot tell here", "faster", "slower", "too few rounds", "median ratio", "median floor"
)  # fmt: skip


@dataclass(frozen=True)
class Noise:
    """What disturbs simulated times, as standard deviations of logarithms.

    Attributes:
        block: of each block, by itself.
        process: of each process, as long as it runs.
        drift: from one round to the next, of all engines alike.
    """

    block: float
    process: float
    drift: float = 0.05


NOISES: Final = (Noise(0.01, 0.0), Noise(0.03, 0.005), Noise(0.05, 0.01), Noise(0.05, 0.02))


def comparisons(repeats: int, method: Method = METHOD) -> Iterator[CaseReport]:
    """Compares the three engines again and again, with new processes each time."""
    for number in range(repeats):
        yield compare(CONTENDERS, replace(method, seed=number))


def judged(case: CaseReport, name: str) -> Judgement | None:
    """What a comparison says about an engine; None if no round counts.

    Raises:
        RuntimeError: if an engine could not be measured.
    """
    for each in case.engines:
        if each.problem:
            raise RuntimeError(each.problem)
    return next(each.judgement for each in case.engines if each.name == name)


def verdicts(cases: Sequence[CaseReport], method: Method, seconds: float) -> Table:
    """How often each verdict was given on each pair."""
    rows: list[tuple[Cell, ...]] = []
    targets = []
    for name in (EQUAL, MORE):
        found = [judged(case, name) for case in cases]
        row, target = _counted(name, found)
        rows.append(row)
        targets.append(target)
    rejected, rounds = sum(case.rejected for case in cases), sum(len(case.rounds) for case in cases)
    return Table(
        title=f"{len(cases)} real comparisons with an equal engine, and with one that has 10% more work",
        columns=("engine", *_COLUMNS),
        rows=tuple(rows),
        notes=(
            f"base: {PRODUCTS} products of {SIZE}x{SIZE} matrices per call; more work: {MORE_PRODUCTS}.",
            f"{method.least_rounds} rounds of {method.block_seconds * 1e3:g} ms per engine, new processes.",
            f"{rejected} of {rounds} rounds were rejected; {seconds:.0f} s in all.",
            f"too few rounds: less than {LEAST_ROUNDS} counted, so that nothing was said.",
        ),
        targets=tuple(targets),
    )


def simulated(repeats: int, rounds: int = 20, noises: Sequence[Noise] = NOISES) -> Table:
    """The same over rounds that are drawn at random, not measured: what the rule makes of known noise."""
    rows: list[tuple[Cell, ...]] = []
    for noise in noises:
        drawn = [_drawn(noise, rounds, number) for number in range(repeats)]
        for name in (EQUAL, MORE):
            found: list[Judgement | None] = []
            for each in drawn:
                floor = Floor((ratio(each, "again", BASE, resamples=2_000),))
                found.append(judge(ratio(each, name, BASE, resamples=2_000), floor))
            rows.append((f"{noise.block:.1%}", f"{noise.process:.1%}", name, *_counted(name, found)[0][1:]))
    return Table(
        title=f"Simulated, nothing measured: {repeats} comparisons of {rounds} drawn rounds per line",
        columns=("noise of a block", "of a process", "engine", *_COLUMNS),
        rows=tuple(rows),
        notes=(
            "Times are drawn from lognormal distributions; the rule of the verdict is the real one.",
            "A process that is off by so much stays so for the whole comparison: more rounds do not see it.",
        ),
    )


def timed_comparisons(repeats: int, method: Method = METHOD) -> Table:
    """Compares, and gives the table of it."""
    start = time.perf_counter()
    cases = list(comparisons(repeats, method))
    return verdicts(cases, method, time.perf_counter() - start)


def _counted(name: str, found: Sequence[Judgement | None]) -> tuple[tuple[Cell, ...], Target]:
    """The row of one engine from its name on, and whether the verdict was right often enough."""
    enough = [
        each for each in found
        if each is not None and min(each.ratio.rounds, each.floor.rounds) >= LEAST_ROUNDS
    ]  # fmt: skip
    said = Counter(each.verdict for each in enough)
    right, asked = said[_TRUTH[name]], _ASKED[name] * len(found)
    row: tuple[Cell, ...] = (
        name,
        len(found),
        *(said[each] for each in (Verdict.CANNOT_TELL, Verdict.FASTER, Verdict.SLOWER)),
        len(found) - len(enough),
        statistics.median(each.ratio.value for each in enough) if enough else None,
        statistics.median(each.floor.share for each in enough) if enough else None,
    )
    text = f"{name}: {_TRUTH[name]!s} in at least {_ASKED[name]:.0%} of {len(found)} comparisons: {right}"
    return row, Target(text, met=right >= asked)


def _drawn(noise: Noise, rounds: int, seed: int) -> list[Round]:
    generator = np.random.default_rng((_SEED, seed))
    names = (BASE, "again", EQUAL, MORE)
    true = np.log([PRODUCTS, PRODUCTS, PRODUCTS, MORE_PRODUCTS]) - np.log(PRODUCTS)
    own = true + generator.normal(0, noise.process, len(names)) if noise.process else true
    blocks = generator.normal(0, noise.block, (rounds, len(names)))
    drift = generator.normal(0, noise.drift, (rounds, 1)).cumsum(axis=0)
    times = np.exp(own + blocks + drift) / 1e3
    return [
        Round(number, dict(zip(names, each, strict=True)), dict.fromkeys(names, 1))
        for number, each in enumerate(times.tolist())
    ]
