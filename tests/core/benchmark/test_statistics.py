"""Summaries and ratios against sums by hand, a bootstrap that draws every round, and what must not matter."""

import math
import random
import statistics
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.benchmark.rounds import BenchmarkError, Round
from core.benchmark.statistics import (
    P90_SAMPLES,
    P99_SAMPLES,
    Ratio,
    _resampled_medians,
    ratio,
    summarize,
    summary,
)
from tests.core.benchmark.simulated import Machine

TIMES = st.floats(1e-7, 1e3)
PAIRS = st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=30)


def rounds_of(pairs: Sequence[tuple[float, float]]) -> list[Round]:
    """Each pair is what a call of eager and a call of ort took."""
    return [
        Round(number, {"eager": eager, "ort": ort}, {"eager": 1, "ort": 1})
        for number, (eager, ort) in enumerate(pairs)
    ]


def numbers(one: Ratio) -> tuple[float, float, float]:
    return one.value, one.low, one.high


def test_a_summary_by_hand() -> None:
    found = summarize([5.0, 1.0, 4.0, 2.0, 3.0])
    assert (found.count, found.minimum, found.median) == (5, 1.0, 3.0)
    assert (found.lower_quartile, found.upper_quartile) == (2.0, 4.0)
    assert (found.p90, found.p99) == (None, None)
    one = summarize([2.0])
    assert one.lower_quartile == one.upper_quartile == 2.0


@given(st.lists(TIMES, min_size=2, max_size=100), st.randoms(use_true_random=False))
def test_a_summary_is_that_of_the_standard_library_in_any_order(
    samples: list[float], chance: random.Random
) -> None:
    found = summarize(samples)
    lower, median, upper = statistics.quantiles(samples, n=4, method="inclusive")
    assert (found.lower_quartile, found.median, found.upper_quartile) == pytest.approx((lower, median, upper))
    assert found.minimum == min(samples)
    assert summarize(chance.sample(samples, len(samples))) == found
    rounds = rounds_of([(time, 1.0) for time in samples])
    assert summary(chance.sample(rounds, len(rounds)), "eager") == found


@pytest.mark.parametrize(
    ("count", "p90", "p99"),
    [(63, None, None), (64, 57.7, None), (661, 595, None), (662, 595.9, 655.39)],
)
def test_percentiles_need_samples(count: int, p90: float | None, p99: float | None) -> None:
    found = summarize([float(number) for number in range(1, count + 1)])
    assert found.p90 == (None if p90 is None else pytest.approx(p90))
    assert found.p99 == (None if p99 is None else pytest.approx(p99))


@pytest.mark.parametrize(("percentile", "samples"), [(0.9, P90_SAMPLES), (0.99, P99_SAMPLES)])
def test_with_so_many_samples_the_second_largest_lies_above_the_percentile(
    percentile: float, samples: int
) -> None:
    """Independently: the chance that at most one of n samples lies above it is 1% or less."""

    def chance(count: int) -> float:
        return percentile**count + count * (1 - percentile) * percentile ** (count - 1)

    assert chance(samples) <= 0.01 < chance(samples - 1)


def test_a_ratio_by_hand() -> None:
    # ort is 2, 4 and 3 times as fast.
    found = ratio(rounds_of([(2, 1), (4, 1), (6, 2)]), "ort", "eager")
    assert found.value == pytest.approx(3)
    assert (found.low, found.high) == pytest.approx((2, 4))
    assert (found.engine, found.baseline, found.rounds) == ("ort", "eager", 3)
    # Of an even number it is the geometric mean of the two in the middle.
    assert ratio(rounds_of([(2, 1), (8, 1)]), "ort", "eager").value == pytest.approx(4)
    assert numbers(ratio(rounds_of([(3, 1)]), "ort", "eager")) == pytest.approx((3, 3, 3))


def test_the_ratio_is_of_rounds_and_not_of_medians() -> None:
    """One more each: the rounds where eager is slow are not those where ort is."""
    found = ratio(rounds_of([(1, 1), (10, 2), (100, 50), (5, 1), (3, 3)]), "ort", "eager")
    assert found.value == pytest.approx(2)  # 1, 5, 2, 5, 1


@given(PAIRS, st.floats(1e-3, 1e3))
def test_the_unit_of_time_does_not_matter(pairs: list[tuple[float, float]], scale: float) -> None:
    scaled = [(scale * eager, scale * ort) for eager, ort in pairs]
    found = ratio(rounds_of(pairs), "ort", "eager")
    assert numbers(ratio(rounds_of(scaled), "ort", "eager")) == pytest.approx(numbers(found), rel=1e-9)


@given(PAIRS)
def test_exchanging_the_engines_inverts_it(pairs: list[tuple[float, float]]) -> None:
    one = ratio(rounds_of(pairs), "ort", "eager")
    other = ratio(rounds_of(pairs), "eager", "ort")
    assert numbers(other) == pytest.approx((1 / one.value, 1 / one.high, 1 / one.low), rel=1e-9)
    assert other.farthest == pytest.approx(one.farthest)
    assert one.low <= one.value * (1 + 1e-9)
    assert one.high >= one.value * (1 - 1e-9)
    assert (one.engine, one.baseline) == (other.baseline, other.engine)


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_rounds_does_not_matter(pairs: list[tuple[float, float]], chance: random.Random) -> None:
    rounds = rounds_of(pairs)
    assert ratio(chance.sample(rounds, len(rounds)), "ort", "eager") == ratio(rounds, "ort", "eager")


@given(PAIRS, st.lists(TIMES, min_size=1, max_size=30))
def test_a_slowness_that_both_of_a_round_feel_does_not_matter(
    pairs: list[tuple[float, float]], slower: list[float]
) -> None:
    felt = [(eager * by, ort * by) for (eager, ort), by in zip(pairs, slower, strict=False)]
    found = ratio(rounds_of(pairs[: len(felt)]), "ort", "eager")
    assert numbers(ratio(rounds_of(felt), "ort", "eager")) == pytest.approx(numbers(found), rel=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12))
def test_an_engine_against_itself_is_1(logs: list[float]) -> None:
    rounds = rounds_of([(math.exp(log), math.exp(log)) for log in logs])
    assert numbers(ratio(rounds, "ort", "eager")) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 20, 31, 200])
def test_medians_are_those_of_rounds_drawn_one_by_one(count: int) -> None:
    generator = np.random.default_rng(7)
    ordered = np.sort(generator.lognormal(size=count))
    drawn = np.median(ordered[generator.integers(count, size=(20_000, count))], axis=1)
    found = _resampled_medians(ordered, 20_000, seed=8)
    assert len(found) == 20_000
    # Shares up to each value: of 20,000 draws, within 5 standard deviations of the difference of two.
    places = np.unique(drawn)
    shares = [np.searchsorted(np.sort(medians), places, side="right") / 20_000 for medians in (found, drawn)]
    assert np.abs(shares[0] - shares[1]).max() < 5 * math.sqrt(2 * 0.25 / 20_000)


def test_the_interval_holds_the_truth_in_95_of_100_runs_although_the_machine_drifts() -> None:
    machine = Machine(bias=0, drift=0.05)
    found = 0
    for seed in range(400):
        one = ratio(machine.run({"eager": 1.5e-3, "ort": 1e-3}, 30, seed), "ort", "eager")
        found += one.low <= 1.5 <= one.high
    # 380 expected; the standard deviation is 4.4.
    assert 366 <= found <= 394


def test_times_that_drift_leave_ratios_that_do_not() -> None:
    """Why the plain bootstrap over rounds will do: only the times of following rounds hang together."""
    rounds = Machine(drift=0.05, neighbour=2.2).run({"eager": 1e-3, "ort": 1e-3}, 400, 3)
    eager, ort = (np.log([one.seconds[name] for one in rounds]) for name in ("eager", "ort"))
    assert np.corrcoef(eager[1:], eager[:-1])[0, 1] > 0.9
    # Of 400 independent ones, it is within 0.1 of 0 in 95 of 100.
    assert abs(np.corrcoef((eager - ort)[1:], (eager - ort)[:-1])[0, 1]) < 0.1


def test_rejected_rounds_and_rounds_without_the_engine_do_not_count() -> None:
    rounds = [
        *rounds_of([(2, 1), (2, 1)]),
        Round(2, {"eager": 9, "ort": 1}, {"eager": 1, "ort": 1}, foreign=0.5, rejected=True),
        Round(3, {"eager": 7}, {"eager": 1}),  # ort had crashed
    ]
    assert ratio(rounds, "ort", "eager").rounds == 2
    assert ratio(rounds, "ort", "eager").value == pytest.approx(2)
    assert (summary(rounds, "eager").count, summary(rounds, "ort").count) == (3, 2)


def test_200_rounds_take_far_less_than_a_tenth_of_a_second() -> None:
    rounds = Machine().run({"eager": 1e-3, "ort": 1e-3}, 200, 1)
    taken = []
    for _ in range(5):
        start = time.process_time()
        ratio(rounds, "ort", "eager", resamples=10_000)
        taken.append(time.process_time() - start)
    assert min(taken) < 0.03


def test_the_seed_makes_it_the_same_again() -> None:
    rounds = Machine(noise=0.3).run({"eager": 1e-3, "ort": 1e-3}, 20, 1)
    assert ratio(rounds, "ort", "eager") == ratio(rounds, "ort", "eager")
    few = [ratio(rounds, "ort", "eager", resamples=100, seed=seed) for seed in (1, 2)]
    assert few[0] != few[1]


def test_nothing_to_count() -> None:
    with pytest.raises(BenchmarkError, match=r"^There are no samples yet: at least 1 is needed\.$"):
        summarize([])
    with pytest.raises(BenchmarkError, match=r"^There are no rounds yet"):
        ratio([], "ort", "eager")
    with pytest.raises(BenchmarkError, match=r"^No round that counts has tvm and eager: at least 1"):
        ratio(rounds_of([(1, 1)]), "tvm", "eager")
    with pytest.raises(BenchmarkError, match=r"^No round that counts has tvm: at least 1 is needed\.$"):
        summary(rounds_of([(1, 1)]), "tvm")


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf])
def test_times_that_are_none(seconds: float) -> None:
    with pytest.raises(BenchmarkError, match=rf"^A sample of {seconds:g} s: expected more than 0 and not"):
        summarize([1.0, seconds])
    with pytest.raises(BenchmarkError, match=rf"^Round 1: a call of ort took {seconds:g} s, expected more"):
        ratio(rounds_of([(1, 1), (1, seconds)]), "ort", "eager")
