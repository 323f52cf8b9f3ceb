"""The warm-up rule against engines whose times are known."""

import itertools
import math
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.benchmark.rounds import BenchmarkError
from core.benchmark.warmup import Warmup


def calls_until_warm(warmup: Warmup, times: Iterable[float]) -> int:
    """How many calls were made, the first one included."""
    return next(number for number, seconds in enumerate(times, 1) if warmup.add(seconds))


def rule(**changes: Any) -> Warmup:  # noqa: ANN401 - passed on as they are
    return Warmup(
        **{"least_seconds": 0, "least_calls": 0, "window": 3, "tolerance": 0.1, "most_seconds": 60} | changes
    )


def test_a_steady_engine_is_warm_after_two_windows() -> None:
    warmup = rule()
    assert calls_until_warm(warmup, itertools.repeat(0.01)) == 1 + 6
    assert warmup.settled
    assert (warmup.first, warmup.calls) == (0.01, 6)
    assert warmup.seconds == pytest.approx(0.06)


def test_the_first_call_is_kept_apart() -> None:
    """Else an engine that compiles for longer than the limit would be measured cold."""
    warmup = rule()
    assert calls_until_warm(warmup, [24_000.0, *[0.01] * 10]) == 1 + 6
    assert (warmup.first, warmup.settled) == (24_000.0, True)
    assert warmup.seconds == pytest.approx(0.06)


def test_an_engine_that_grows_faster_is_waited_for() -> None:
    warmup = rule()
    # Medians of windows: 8, 5, 2, 1, 1.05: the fifth is the first that is within a tenth of the one before.
    times = [50, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1, 1, 1, 1.05, 1.05, 1.05]
    assert calls_until_warm(warmup, times) == 1 + 15
    assert warmup.settled


@pytest.mark.parametrize(("later", "calls"), [(1.0999, 6), (1.1001, 9), (0.9001, 6), (0.8999, 9)])
def test_the_tolerance_is_a_share_of_the_window_before(later: float, calls: int) -> None:
    warmup = rule()
    assert calls_until_warm(warmup, [1, 1, 1, 1, *itertools.repeat(later, 20)]) == 1 + calls


def test_one_slow_call_does_not_matter() -> None:
    assert calls_until_warm(rule(), [1, 1, 1, 1, 1, 30, 1]) == 1 + 6


def test_the_least_time_and_the_least_calls_are_both_reached() -> None:
    warmup = rule(least_seconds=1.0)
    assert calls_until_warm(warmup, itertools.repeat(0.0625)) == 1 + 16
    assert warmup.settled
    assert calls_until_warm(rule(least_calls=100), itertools.repeat(0.0625)) == 1 + 100
    assert calls_until_warm(rule(least_seconds=1.0, least_calls=10), itertools.repeat(0.0625)) == 1 + 16
    assert calls_until_warm(rule(least_seconds=0.5, least_calls=10), itertools.repeat(0.0625)) == 1 + 10


def test_an_engine_that_never_settles_is_taken_as_it_is_and_says_so() -> None:
    warmup = rule(most_seconds=100)
    # 1, 2, 4 and so on: twice the window before, again and again.
    times = (1.5 ** (number // 3) for number in itertools.count())
    calls_until_warm(warmup, itertools.chain([1.0], times))
    assert not warmup.settled
    assert warmup.seconds >= 100
    slow = rule(most_seconds=100)
    assert calls_until_warm(slow, [500.0, 101.0]) == 2
    assert not slow.settled


def test_an_engine_that_is_warm_at_last_is_settled_even_at_the_limit() -> None:
    warmup = rule(most_seconds=6)
    assert calls_until_warm(warmup, itertools.repeat(1.0)) == 1 + 6
    assert warmup.settled


@given(
    st.lists(st.floats(1e-6, 1), min_size=80, max_size=80),
    st.floats(0, 0.5),
    st.integers(0, 30),
    st.integers(1, 6),
    st.floats(0, 1),
)
def test_it_is_warm_only_by_the_rule_or_by_the_limit(
    times: list[float], least_seconds: float, least_calls: int, window: int, tolerance: float
) -> None:
    warmup = Warmup(least_seconds, least_calls, window, tolerance, most_seconds=10)
    called = 0
    for called, seconds in enumerate(times, 1):  # noqa: B007 - needed when there was no end
        if warmup.add(seconds):
            break
        assert not warmup.settled
    assert warmup.first == times[0]
    assert warmup.calls == called - 1
    assert warmup.seconds == pytest.approx(math.fsum(times[1:called]))
    if warmup.settled:
        assert warmup.seconds >= least_seconds
        assert warmup.calls >= max(least_calls, 2 * window)


@pytest.mark.parametrize("seconds", [0.0, -1e-9, math.nan, math.inf])
def test_a_time_that_is_none(seconds: float) -> None:
    with pytest.raises(BenchmarkError, match=rf"^A call took {seconds:g} s, expected more than 0 and not"):
        Warmup().add(seconds)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": 0}, "Warm-up got window=0: give 1 or more."),
        ({"tolerance": -0.1}, "Warm-up got tolerance=-0.1: give 0 or more."),
        ({"least_calls": -1}, "Warm-up got least_calls=-1: give 0 or more."),
        ({"least_seconds": math.nan}, "Warm-up got least_seconds=nan: give 0 or more."),
        ({"least_seconds": 5, "most_seconds": 4}, "Warm-up got most_seconds=4: give 5 or more."),
    ],
)
def test_settings_that_no_engine_can_meet(changes: dict[str, float], message: str) -> None:
    with pytest.raises(BenchmarkError) as caught:
        rule(**changes)
    assert str(caught.value) == message
