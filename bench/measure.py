"""Fair measurement: interleaved rounds in random order, medians, and ratios with an interval."""

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SEED: Final = 20_240_607
RESAMPLES: Final = 2_000


@dataclass(frozen=True)
class Ratio:
    """How many times larger one thing is than another, with a 95% bootstrap interval over the rounds."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(over: Sequence[float], under: Sequence[float], resamples: int = RESAMPLES) -> Ratio:
    """The ratio of the medians.

    Args:
        over: one measurement per round.
        under: likewise, the same round at the same place, because what disturbs a round disturbs both.
        resamples: how many times the rounds are drawn anew for the interval.

    Raises:
        ValueError: there is no round, or not the same number of each.
    """
    if not over or len(over) != len(under):
        raise ValueError(
            f"got {len(over)} and {len(under)} rounds, expected the same number of each, 1 or more"
        )
    chance = random.Random(SEED)  # noqa: S311 - statistics, not secrets
    count = len(over)
    found = []
    for _ in range(resamples):
        drawn = chance.choices(range(count), k=count)
        found.append(_of_medians([over[i] for i in drawn], [under[i] for i in drawn]))
    return Ratio(_of_medians(over, under), percentile(found, 2.5), percentile(found, 97.5))


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of all values do not exceed, between two values by the straight line.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("got no values, expected 1 or more")
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def shuffled(names: Sequence[str], rounds: int) -> list[list[str]]:
    """The names once per round, in an order of their own in each: no name always follows the same other."""
    chance = random.Random(SEED)  # noqa: S311
    return [chance.sample(names, len(names)) for _ in range(rounds)]


def timed(
    actions: Mapping[str, Callable[[], object]], rounds: int, calls: int = 1, warm_up: int = 1
) -> dict[str, list[float]]:
    """Times actions in interleaved rounds, without garbage collection in between.

    Args:
        actions: what to time, by name.
        rounds: how often each is timed.
        calls: how often each is called per round; the round's time is that of one call.
        warm_up: calls of each before anything is timed.

    Returns:
        Seconds per call: per name one number per round.
    """
    for action in actions.values():
        for _ in range(warm_up):
            action()
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    collecting = gc.isenabled()
    gc.disable()
    try:
        for order in shuffled(list(actions), rounds):
            gc.collect()
            for name in order:
                action = actions[name]
                start = time.perf_counter()
                for _ in range(calls):
                    action()
                seconds[name].append((time.perf_counter() - start) / calls)
    finally:
        if collecting:
            gc.enable()
    return seconds


def _of_medians(over: Sequence[float], under: Sequence[float]) -> float:
    return statistics.median(over) / statistics.median(under)
