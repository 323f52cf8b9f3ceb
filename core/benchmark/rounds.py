"""Rounds: every engine once, for one block of calls each, in an order of its own.

What disturbs a machine lasts longer than a block. Blocks of one engine after blocks of the other would
measure the disturbance; rounds in random order let both engines feel it alike.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

BLOCK_SECONDS: Final = 0.05
"""How long one engine runs in one round: shorter than most disturbances, long enough for any clock."""
MOST_CALLS: Final = 10_000_000
"""How many calls a block has at most."""
RESOLUTIONS: Final = 1_000
"""How many times the clock's resolution a block takes at least: then its time is right to a thousandth."""

_STEPS: Final = 32
_MOST_READS: Final = 10_000_000


class BenchmarkError(ValueError):
    """A measurement that cannot be made or counted: one line for a visitor."""


@dataclass(frozen=True)
class Round:
    """One round. All are kept as they came; those that are rejected are in no statistic.

    Attributes:
        number: from 0.
        seconds: of one call, per engine: the block's time over its calls.
        calls: how many calls the block had, per engine.
        foreign: the share of this machine that others used meanwhile; None where that cannot be known.
        rejected: whether it does not count.

    Raises:
        BenchmarkError: if times and calls are not of the same engines, or a block had no call.
    """

    number: int
    seconds: Mapping[str, float]
    calls: Mapping[str, int]
    foreign: float | None = None
    rejected: bool = False

    def __post_init__(self) -> None:
        """Checks that times and calls go together."""
        if self.seconds.keys() != self.calls.keys():
            timed, called = (", ".join(sorted(names)) or "no engine" for names in (self.seconds, self.calls))
            raise BenchmarkError(f"Round {self.number} has times of {timed} and calls of {called}.")
        for name, calls in self.calls.items():
            if calls < 1:
                raise BenchmarkError(f"Round {self.number} has {calls} calls of {name}: expected 1 or more.")

    @property
    def broken(self) -> bool:
        """Whether a time in it is none, as when the clock jumped: not finite, or not above 0."""
        return not all(map(is_time, self.seconds.values()))


def counted(rounds: Sequence[Round]) -> tuple[Round, ...]:
    """The rounds that were not rejected.

    Raises:
        BenchmarkError: if there is none, or one has a time that is none.
    """
    if not rounds:
        raise BenchmarkError("There are no rounds yet: at least 1 is needed.")
    kept = tuple(one for one in rounds if not one.rejected)
    if not kept:
        raise BenchmarkError(
            f"All {len(rounds)} rounds were rejected: wait until this machine is quiet, then measure again."
        )
    for one in kept:
        for name, seconds in one.seconds.items():
            if not is_time(seconds):
                raise BenchmarkError(
                    f"Round {one.number}: a call of {name} took {seconds:g} s, expected more than 0 and not "
                    "endless; reject the round."
                )
    return kept


def orders(names: Sequence[str], rounds: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """A random order of the engines for each round.

    After any number of rounds, each engine was first as often as any other, give or take one. The orders of
    fewer rounds are the first of those of more.

    Args:
        names: of the engines, no two alike.
        rounds: how many orders.
        seed: the same seed gives the same orders.

    Raises:
        BenchmarkError: if there is no engine, or a name is there twice.
    """
    if not names or len(set(names)) != len(names):
        shown = ", ".join(names) or "none"
        raise BenchmarkError(f"The engines of a round are {shown}: name at least 1, each once.")
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    found: list[tuple[str, ...]] = []
    while len(found) < rounds:
        for first in chance.sample(names, len(names)):
            rest = [name for name in names if name != first]
            found.append((first, *chance.sample(rest, len(rest))))
    return tuple(found[:rounds])


def calls_for(seconds_per_call: float, block_seconds: float = BLOCK_SECONDS) -> int:
    """How many calls fill a block: at least 1, at most `MOST_CALLS`.

    Args:
        seconds_per_call: of a warm engine, timed over as many calls as the clock needs.
        block_seconds: how long the block should take.

    Raises:
        BenchmarkError: if a time is not finite, or not above 0.
    """
    for what, seconds in (("call", seconds_per_call), ("block", block_seconds)):
        if not is_time(seconds):
            raise BenchmarkError(f"A {what} of {seconds:g} s: expected more than 0 and not endless.")
    return max(1, math.ceil(min(block_seconds / seconds_per_call, MOST_CALLS)))


def clock_resolution(clock: Callable[[], float] = time.perf_counter) -> float:
    """The smallest step of a clock between two readings, in seconds: what it takes to read it included.

    Raises:
        BenchmarkError: if it does not go forward.
    """
    smallest, steps = math.inf, 0
    before = clock()
    for _ in range(_MOST_READS):
        now = clock()
        if now > before:
            smallest = min(smallest, now - before)
            steps += 1
            if steps == _STEPS:
                return smallest
        before = now
    raise BenchmarkError(
        f"The clock took {steps} steps in {_MOST_READS:,} readings: it cannot time anything."
    )


def block_seconds(resolution: float, wanted: float = BLOCK_SECONDS) -> float:
    """How long a block must be with a clock of this resolution, in seconds: `RESOLUTIONS` of it or more."""
    return max(wanted, RESOLUTIONS * resolution)


def is_time(seconds: float) -> bool:
    """Whether a time is one: finite, and above 0."""
    return math.isfinite(seconds) and seconds > 0
