"""The arithmetic of measuring: ratios, intervals, rounds."""

import gc
import statistics

import pytest

from bench.measure import percentile, ratio, shuffled, timed


def test_a_ratio_is_that_of_the_medians() -> None:
    found = ratio([2.0, 200.0, 4.0, 6.0, 3.0], [1.0, 2.0, 2.0, 2.0, 50.0])
    assert found.value == 4.0 / 2.0
    assert found.low <= found.value <= found.high


def test_a_thing_beside_itself_is_one_without_doubt() -> None:
    times = [1.0, 5.0, 2.0, 8.0]
    found = ratio(times, times)
    assert (found.value, found.low, found.high) == (1, 1, 1)


def test_what_disturbs_a_round_disturbs_both() -> None:
    base = [1.0, 9.0, 2.0, 7.0, 3.0, 30.0]
    found = ratio([3 * value for value in base], base)
    assert found.low == pytest.approx(3)
    assert found.high == pytest.approx(3)


def test_the_interval_is_the_same_each_time_and_narrows_with_more_rounds() -> None:
    few = ratio([1.0, 2.0, 3.0] * 3, [1.0, 1.0, 2.0] * 3)
    many = ratio([1.0, 2.0, 3.0] * 100, [1.0, 1.0, 2.0] * 100)
    assert few == ratio([1.0, 2.0, 3.0] * 3, [1.0, 1.0, 2.0] * 3)
    assert many.high - many.low < few.high - few.low


def test_a_ratio_as_text() -> None:
    assert str(ratio([3.0], [2.0])) == "1.50 (1.50 to 1.50)"


@pytest.mark.parametrize(("over", "under"), [([], []), ([1.0], []), ([1.0], [1.0, 2.0])])
def test_rounds_that_do_not_match_are_refused(over: list[float], under: list[float]) -> None:
    with pytest.raises(ValueError, match=f"got {len(over)} and {len(under)} rounds"):
        ratio(over, under)


def test_percentiles() -> None:
    values = [4.0, 1.0, 3.0, 2.0, 5.0]
    assert percentile(values, 0) == 1
    assert percentile(values, 50) == statistics.median(values)
    assert percentile(values, 90) == pytest.approx(4.6)
    assert percentile(values, 100) == 5
    assert percentile([7.0], 90) == 7


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="got no values"):
        percentile([], 50)


def test_every_round_has_every_name_in_an_order_of_its_own() -> None:
    rounds = shuffled(["a", "b", "c"], 50)
    assert all(sorted(order) == ["a", "b", "c"] for order in rounds)
    assert len({tuple(order) for order in rounds}) == 6
    assert rounds == shuffled(["a", "b", "c"], 50)


def test_timing_calls_as_often_as_asked_and_leaves_garbage_collection_on() -> None:
    collecting: list[bool] = []
    seconds = timed({"a": lambda: collecting.append(gc.isenabled())}, rounds=3, calls=4, warm_up=2)
    assert len(seconds["a"]) == 3
    assert collecting == [True] * 2 + [False] * 12
    assert gc.isenabled()


def test_garbage_collection_comes_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        timed({"a": lambda: 1 / 0}, rounds=1, warm_up=0)
    assert gc.isenabled()
