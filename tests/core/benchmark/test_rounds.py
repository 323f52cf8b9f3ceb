"""Rounds: fair orders, blocks that fill their time and suit the clock, and times that are none."""

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.benchmark.rounds import (
    BLOCK_SECONDS,
    MOST_CALLS,
    BenchmarkError,
    Round,
    block_seconds,
    calls_for,
    clock_resolution,
    counted,
    orders,
)

NAMES = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=6, unique=True)


def one(number: int = 0, seconds: float = 1e-3, *, rejected: bool = False) -> Round:
    return Round(number, {"eager": seconds, "ort": 2e-3}, {"eager": 50, "ort": 25}, None, rejected)


@given(NAMES, st.integers(0, 60), st.integers(0, 2**32))
def test_every_round_has_every_engine_and_each_is_first_as_often_as_any(
    names: list[str], rounds: int, seed: int
) -> None:
    found = orders(names, rounds, seed)
    assert len(found) == rounds
    assert all(sorted(order) == sorted(names) for order in found)
    first = Counter(dict.fromkeys(names, 0))
    for order in found:  # at whatever round the run is ended
        first[order[0]] += 1
        assert max(first.values()) - min(first.values()) <= 1


@given(NAMES, st.integers(0, 30), st.integers(0, 30), st.integers(0, 2**32))
def test_more_rounds_go_on_where_fewer_ended(names: list[str], fewer: int, more: int, seed: int) -> None:
    assert orders(names, fewer + more, seed)[:fewer] == orders(names, fewer, seed)


def test_orders_are_random() -> None:
    names = ["a", "b", "c"]
    found = Counter(orders(names, 6_000, 1))
    assert set(found) == set(itertools.permutations(names))
    # 1,000 of each are expected, with a standard deviation of less than 29.
    assert all(850 < times < 1_150 for times in found.values())
    assert orders(names, 20, 1) != orders(names, 20, 2)
    pairs = orders(["a", "b"], 2_000, 1)
    # Within two rounds each is first once, but which comes first is a matter of chance.
    assert 400 < sum(order == ("a", "b") for order in pairs[::2]) < 600


@pytest.mark.parametrize(("names", "shown"), [([], "none"), (["a", "b", "a"], "a, b, a")])
def test_engines_without_a_name_of_their_own(names: list[str], shown: str) -> None:
    with pytest.raises(BenchmarkError, match=rf"^The engines of a round are {shown}: name at least 1, each"):
        orders(names, 3, 0)


@pytest.mark.parametrize(
    ("seconds", "block", "calls"),
    [
        (1e-3, 0.05, 50),
        (0.9e-3, 0.05, 56),  # 55.6: filled, not nearly filled
        (0.05, 0.05, 1),
        (3.0, 0.05, 1),
        (2.0**-20, 2.0**-4, 65_536),
        (1e-12, 0.05, MOST_CALLS),
        (5e-324, 1e308, MOST_CALLS),  # the quotient is too large for a float
    ],
)
def test_calls_fill_a_block(seconds: float, block: float, calls: int) -> None:
    assert calls_for(seconds, block) == calls


@given(st.floats(1e-8, 1e3), st.floats(1e-3, 10))
def test_a_block_is_filled_and_not_by_a_call_too_many(seconds: float, block: float) -> None:
    calls = calls_for(seconds, block)
    if calls < MOST_CALLS:
        assert calls * seconds >= block * (1 - 1e-12)
    assert calls == 1 or (calls - 1) * seconds < block * (1 + 1e-12)


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf])
def test_calls_that_take_no_time_fill_nothing(seconds: float) -> None:
    with pytest.raises(BenchmarkError, match=r"^A call of .* s: expected more than 0 and not endless\.$"):
        calls_for(seconds)
    with pytest.raises(BenchmarkError, match=r"^A block of .* s: expected more than 0 and not endless\.$"):
        calls_for(1e-3, seconds)


def ticking(tick: float, reading: float) -> Callable[[], float]:
    """A clock that shows multiples of `tick`, and that it takes `reading` seconds to read."""
    readings = itertools.count(1)
    return lambda: math.floor(next(readings) * reading / tick + 1e-9) * tick


@pytest.mark.parametrize(
    ("tick", "reading", "resolution"),
    [
        (1 / 64, 1e-4, 1 / 64),  # an old Windows
        (1e-7, 1e-8, 1e-7),
        (1e-9, 5e-8, 5e-8),  # finer than anyone can read it
    ],
)
def test_the_resolution_of_a_clock(tick: float, reading: float, resolution: float) -> None:
    assert clock_resolution(ticking(tick, reading)) == pytest.approx(resolution, rel=1e-4)


def test_the_resolution_of_this_machines_clock() -> None:
    assert 0 < clock_resolution() < 1e-4
    assert clock_resolution() <= clock_resolution(time.time) * 100


def test_a_clock_that_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.benchmark.rounds._MOST_READS", 1_000)
    with pytest.raises(BenchmarkError, match=r"^The clock took 0 steps in 1,000 readings: it cannot time"):
        clock_resolution(lambda: 1.0)
    backward = itertools.count(0, -1)
    with pytest.raises(BenchmarkError, match=r"^The clock took 0 steps"):
        clock_resolution(lambda: float(next(backward)))


def test_a_block_is_at_least_a_thousand_times_the_resolution() -> None:
    assert block_seconds(1e-7) == BLOCK_SECONDS == 0.05
    assert block_seconds(1 / 64) == pytest.approx(15.625)
    assert block_seconds(1e-3) == pytest.approx(1.0)


def test_counted_rounds_are_those_that_were_not_rejected() -> None:
    rounds = [one(0), one(1, rejected=True), one(2)]
    assert [kept.number for kept in counted(rounds)] == [0, 2]


def test_nothing_to_count() -> None:
    with pytest.raises(BenchmarkError, match=r"^There are no rounds yet: at least 1 is needed\.$"):
        counted([])
    with pytest.raises(
        BenchmarkError, match=r"^All 3 rounds were rejected: wait until this machine is quiet"
    ):
        counted([one(number, rejected=True) for number in range(3)])


@pytest.mark.parametrize("seconds", [0.0, -0.5, math.nan, math.inf])
def test_a_time_that_is_none_counts_only_if_nobody_rejects_it(seconds: float) -> None:
    """A clock that jumped: the round is kept as it came, and is in no statistic."""
    assert one(seconds=seconds).broken
    assert not one().broken
    with pytest.raises(BenchmarkError, match=rf"^Round 1: a call of eager took {seconds:g} s, expected more"):
        counted([one(0), one(1, seconds)])
    assert [kept.number for kept in counted([one(0), one(1, seconds, rejected=True)])] == [0]


def test_times_and_calls_go_together() -> None:
    with pytest.raises(BenchmarkError, match=r"^Round 4 has times of a, b and calls of no engine\.$"):
        Round(4, {"b": 1.0, "a": 1.0}, {})
    with pytest.raises(BenchmarkError, match=r"^Round 4 has 0 calls of a: expected 1 or more\.$"):
        Round(4, {"a": 1.0}, {"a": 0})
