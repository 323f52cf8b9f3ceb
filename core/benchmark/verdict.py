"""Which of two engines is faster here, or that it cannot be told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core import units
from core.benchmark.rounds import BenchmarkError
from core.benchmark.statistics import Ratio

LEAST_ROUNDS: Final = 20
"""With fewer rounds there is no verdict: the interval is not to be believed."""
LEAST_CLAIM: Final = 0.03
"""A difference of less than 3% is never claimed.

Two processes of the same program may differ by a percent or two as long as they run, by where code and data
lie; more rounds do not see it, and the noise floor has only a pair or two to see it by.
"""


class Verdict(StrEnum):
    """What a measurement says about an engine beside the baseline."""

    FASTER = "faster"
    SLOWER = "slower"
    CANNOT_TELL = "cannot tell here"


@dataclass(frozen=True)
class Floor:
    """How far an engine seems to differ from itself on this machine: the noise floor.

    Attributes:
        pairs: each the ratio of two processes of the same engine, measured in the same rounds as all others.

    Raises:
        BenchmarkError: if there is no pair.
    """

    pairs: tuple[Ratio, ...]

    def __post_init__(self) -> None:
        """Checks that there is something to judge by."""
        if not self.pairs:
            raise BenchmarkError("There is no noise floor: measure one engine against itself too.")

    @property
    def share(self) -> float:
        """The farthest that the interval of any pair reaches from 1; 0.018 is 1.8%."""
        return max(pair.farthest - 1 for pair in self.pairs)

    @property
    def least_claim(self) -> float:
        """By how much engines must differ for a verdict: the share, or `LEAST_CLAIM` if that is more."""
        return max(self.share, LEAST_CLAIM)

    @property
    def rounds(self) -> int:
        """How many rounds counted in the pair that has the fewest."""
        return min(pair.rounds for pair in self.pairs)


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reasons.

    Attributes:
        verdict: faster, slower or neither.
        ratio: what was judged.
        floor: what it was judged by.
    """

    verdict: Verdict
    ratio: Ratio
    floor: Floor

    def __str__(self) -> str:
        """The verdict in a sentence: how many times as fast, or how many times as long it takes."""
        one = self.ratio
        rounds = min(one.rounds, self.floor.rounds)
        if rounds < LEAST_ROUNDS:
            counted = "1 round counts" if rounds == 1 else f"{rounds} rounds count"
            return f"{self.verdict}: only {counted}, at least {LEAST_ROUNDS} are needed"
        if self.verdict is Verdict.SLOWER:
            factors, what = (1 / one.value, 1 / one.high, 1 / one.low), "times as long per call"
        else:
            factors, what = (one.value, one.low, one.high), "times as fast"
        value, low, high = map(units.factor, factors)
        sentence = (
            f"{self.verdict}: {value} {what} ({low} to {high}); "
            f"the same engine against itself differs by up to {self.floor.share:.1%} here"
        )
        if self.verdict is not _verdict(one, self.floor.share):
            sentence += f", and less than {LEAST_CLAIM:.0%} is not claimed"
        return sentence


def judge(ratio: Ratio, floor: Floor) -> Judgement:
    """Judges a ratio by the noise floor.

    Faster is an engine only if its whole 95% interval lies above 1 by more than the floor, slower only if the
    whole interval lies below the inverse of that. So two uncertainties stand between a pair and a verdict:
    the interval's, which more rounds make smaller, and the floor's, which is the far end of the interval of
    an engine against itself, and never less than `LEAST_CLAIM`. One alone would be too bold on a busy
    machine, where a process stays on a slow processor for many rounds and the interval does not know. The
    price is that a difference of less than about twice the noise remains untold.

    Args:
        ratio: of the engine to the baseline.
        floor: measured in the same rounds.
    """
    enough = min(ratio.rounds, floor.rounds) >= LEAST_ROUNDS
    return Judgement(_verdict(ratio, floor.least_claim) if enough else Verdict.CANNOT_TELL, ratio, floor)


def _verdict(ratio: Ratio, margin: float) -> Verdict:
    if ratio.low > 1 + margin:
        return Verdict.FASTER
    return Verdict.SLOWER if ratio.high < 1 / (1 + margin) else Verdict.CANNOT_TELL
