"""What rounds say: one engine's times, and how two engines compare.

Two engines are compared within each round, then over the rounds. What slows both engines of a round alike
(a processor that grows hot, a neighbor that comes and stays) is in both times and cancels in their ratio; so
the ratios of following rounds are independent of each other although the times are not, and the plain
bootstrap over rounds holds: no blocks of rounds are needed. What it cannot see is a difference between two
processes that lasts for the whole run or for stretches of it, such as where their memory lies and which
processor they are on: that is what the noise floor of `core.benchmark.verdict` is for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.benchmark.rounds import BenchmarkError, Round, counted

RESAMPLES: Final = 10_000
SEED: Final = 5
P90_SAMPLES: Final = 64
P99_SAMPLES: Final = 662
"""From how many samples a percentile is given.

With so many, the second largest lies above the percentile with a confidence of 99%: MLPerf LoadGen's rule,
https://github.com/mlcommons/inference/blob/master/loadgen/early_stopping.cc
"""
_INTERVAL: Final = (0.025, 0.975)


@dataclass(frozen=True)
class Summary:
    """The times of one engine, in seconds per call.

    Attributes:
        count: how many samples.
        minimum, median: of them.
        lower_quartile, upper_quartile: half of the samples lie between.
        p90, p99: what 90% and 99% of the samples do not exceed; None with fewer than `P90_SAMPLES` and
            `P99_SAMPLES`.
    """

    count: int
    minimum: float
    median: float
    lower_quartile: float
    upper_quartile: float
    p90: float | None
    p99: float | None


@dataclass(frozen=True)
class Ratio:
    """How many times as fast one engine is as another: the median of the rounds' ratios.

    Attributes:
        engine: the one that the ratio speaks of; above 1 it is the faster one.
        baseline: the one that it is compared with.
        value: the baseline's seconds per call over the engine's.
        low, high: the 95% bootstrap interval over the rounds. Of a few rounds it is too narrow, of one it is
            that ratio.
        rounds: how many counted.
    """

    engine: str
    baseline: str
    value: float
    low: float
    high: float
    rounds: int

    @property
    def farthest(self) -> float:
        """The factor, 1 or more, that the interval reaches away from 1 on either side."""
        return max(self.high, 1 / self.low)


def summarize(samples: Sequence[float]) -> Summary:
    """The summary of samples in any order, in seconds.

    The percentiles are those of the samples: of calls if each is the time of one call, of blocks if each is
    the mean of a block, which hides slow calls.

    Raises:
        BenchmarkError: if there is none, or one is not finite or not above 0.
    """
    if not samples:
        raise BenchmarkError("There are no samples yet: at least 1 is needed.")
    times = np.asarray(samples, np.float64)
    wrong = times[~(np.isfinite(times) & (times > 0))]
    if wrong.size:
        raise BenchmarkError(f"A sample of {wrong[0]:g} s: expected more than 0 and not endless.")
    lower, median, upper, p90, p99 = np.quantile(times, [0.25, 0.5, 0.75, 0.9, 0.99]).tolist()
    return Summary(
        count=times.size,
        minimum=float(times.min()),
        median=median,
        lower_quartile=lower,
        upper_quartile=upper,
        p90=p90 if times.size >= P90_SAMPLES else None,
        p99=p99 if times.size >= P99_SAMPLES else None,
    )


def summary(rounds: Sequence[Round], engine: str) -> Summary:
    """The summary of an engine's blocks, over the rounds that count and that it ran in.

    Raises:
        BenchmarkError: if there is no such round, or one has a time that is none.
    """
    return summarize([one.seconds[engine] for one in _with(rounds, engine)])


def ratio(
    rounds: Sequence[Round], engine: str, baseline: str, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Ratio:
    """How many times as fast an engine is as the baseline, over the rounds that count and that have both.

    All is done with logarithms, so that exchanging the engines gives exactly the inverse.

    Args:
        rounds: in any order.
        engine: its name.
        baseline: the other's name.
        resamples: how often the rounds are drawn anew for the interval.
        seed: of the draws.

    Raises:
        BenchmarkError: if there is no such round, or one has a time that is none.
    """
    both = _with(rounds, engine, baseline)
    logs = np.sort(
        np.log([one.seconds[baseline] for one in both]) - np.log([one.seconds[engine] for one in both])
    )
    low, high = np.quantile(_resampled_medians(logs, resamples, seed), _INTERVAL)
    return Ratio(engine, baseline, math.exp(float(np.median(logs))), math.exp(low), math.exp(high), len(both))


def _with(rounds: Sequence[Round], *engines: str) -> list[Round]:
    """The rounds that count and that all these engines ran in."""
    found = [one for one in counted(rounds) if all(engine in one.seconds for engine in engines)]
    if not found:
        raise BenchmarkError(f"No round that counts has {' and '.join(engines)}: at least 1 is needed.")
    return found


def _resampled_medians(ordered: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Medians of samples drawn from `ordered`, with replacement and as many as it has.

    Drawing n of n values is drawing n numbers evenly from 0 to 1 and taking the values at their places, so
    the middle one of n such numbers gives the median; it follows a beta distribution, and nothing else needs
    to be drawn. Every draw counts in its mirror image too, which makes the medians of the inverse the
    inverses.

    Args:
        ordered: in rising order.
        resamples: how many medians, rounded up to an even number.
        seed: of the draws.
    """
    count, half = len(ordered), (resamples + 1) // 2
    generator = np.random.default_rng(seed)
    place = (count + 1) // 2  # of the lower middle one, counted from 1
    lower = upper = generator.beta(place, count - place + 1, half)
    if count % 2 == 0:
        # The next one up is the least of those that are left, between the lower one and 1.
        upper = 1 - (1 - lower) * generator.random(half) ** (1 / (count - place))
    below, above = ((count * middle).astype(np.intp).clip(0, count - 1) for middle in (lower, upper))
    below, above = np.concatenate([below, count - 1 - above]), np.concatenate([above, count - 1 - below])
    medians: NDArray[np.float64] = (ordered[below] + ordered[above]) / 2
    return medians
