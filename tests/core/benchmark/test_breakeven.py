import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import wire
from core.benchmark import breakeven
from core.benchmark.breakeven import BreakEven, Payback, calls
from core.benchmark.method import compare
from core.benchmark.plan import Method
from core.benchmark.rounds import BenchmarkError
from tests.core.benchmark.known import Known

QUICK = Method(
    block_seconds=0.004, least_rounds=20, least_seconds=0.0, warm_seconds=0.01, most_foreign=1.0
)  # fmt: skip
LOOP = 100
"""How many calls the brute force looks at."""

# Tenths, so that the totals meet early, and are no binary fractions.
costs = st.integers(0, 60).map(lambda tenths: tenths / 10)
times = st.integers(1, 60).map(lambda tenths: tenths / 10)


def totals(once: float, per_call: float) -> Iterator[Fraction]:
    """What 0, 1, 2 and more calls take, one added after the other."""
    spent = Fraction(once)
    for _ in range(LOOP):
        yield spent
        spent += Fraction(per_call)


@given(costs, times, costs, times)
def test_the_answer_is_that_of_a_loop_over_calls(
    once_a: float, per_a: float, once_b: float, per_b: float
) -> None:
    found = calls(once_a, per_a, once_b, per_b)
    pairs = list(zip(totals(once_a, per_a), totals(once_b, per_b), strict=True))
    behind, ahead = [b > a for a, b in pairs], [b < a for a, b in pairs]
    match found.payback:
        case Payback.AT_ONCE:
            assert not any(behind)
            assert found.calls is None
        case Payback.NEVER:
            assert not any(ahead)
            assert any(behind)
        case Payback.AFTER:
            assert behind.index(False) == found.calls
            assert not any(behind[behind.index(False) :])
        case Payback.UNTIL:
            assert ahead.index(False) == found.calls
            assert not any(ahead[ahead.index(False) :])
    assert (found.low, found.high) == (found.calls, found.calls)


@given(costs, times, costs, times)
def test_the_engines_exchanged_is_the_answer_exchanged(
    once_a: float, per_a: float, once_b: float, per_b: float
) -> None:
    one, other = calls(once_a, per_a, once_b, per_b), calls(once_b, per_b, once_a, per_a)
    assert one.calls == other.calls
    assert (one.extra, one.saved) == (-other.extra, -other.saved)
    if (once_a, per_a) != (once_b, per_b):
        mirror = {
            Payback.AT_ONCE: Payback.NEVER, Payback.NEVER: Payback.AT_ONCE,
            Payback.AFTER: Payback.UNTIL, Payback.UNTIL: Payback.AFTER,
        }  # fmt: skip
        assert other.payback is mirror[one.payback]


@given(costs, times, costs, times, st.floats(0.5, 2.0), st.floats(1.0, 1.5))
def test_the_range_has_what_every_ratio_of_the_interval_gives(
    once_a: float, per_a: float, once_b: float, per_b: float, low: float, wide: float
) -> None:
    interval = (low, low * wide)
    found = calls(once_a, per_a, once_b, per_b, interval=interval)
    for factor in (interval[0], (interval[0] + interval[1]) / 2, interval[1]):
        between = Fraction(per_a) / Fraction(factor)
        extra, saved = Fraction(once_b) - Fraction(once_a), Fraction(per_a) - between
        if extra * saved > 0:
            number = math.ceil(extra / saved)
            assert found.low is not None
            assert found.low <= number
            assert found.high is None or number <= found.high
        else:
            assert found.high is None


@given(costs, times, costs, times)
def test_it_goes_over_the_wire_and_back(once_a: float, per_a: float, once_b: float, per_b: float) -> None:
    found = calls(once_a, per_a, once_b, per_b, interval=(0.9, 1.4), names=("eager", "ort"))
    assert wire.read(BreakEven, wire.write(BreakEven, found)) == found


def test_sums_that_floats_would_round_are_exact() -> None:
    # As floats, 1.1 / 0.1 is 11; but 1.1 stands for a little more and eleven times 0.1 for less than that.
    assert calls(0.0, 0.2, 1.1, 0.1).calls == 12
    assert calls(0.0, 0.5, 1.5, 0.25).calls == 6


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((0.5, 0.25, 5.5, 0.125), "after 40 calls: ort costs 5 s more at first and saves 125 ms per call."),
        ((0.0, 4e-6, 1e-6, 2e-6), "after 1 call: ort costs 1 µs more at first and saves 2 µs per call."),
        ((0.5, 0.25, 0.25, 0.5), "until 1 call: ort saves 250 ms at first and costs 250 ms more per call."),
        ((0.5, 0.002, 0.5, 0.001), "at once: ort costs no more at first and no more per call than eager."),
        ((0.5, 0.001, 0.75, 0.001), "never: ort costs 250 ms more at first and a call takes the same time."),
        ((0.5, 0.001, 0.5, 0.002), "never: a call of ort takes 1 ms longer, and it saves nothing at first."),
        ((0.5, 0.001, 2000.5, 0.002), "never: ort costs 33 min 20 s more at first and 1 ms more per call."),
    ],
)  # fmt: skip
def test_the_answer_is_said_in_words(numbers: tuple[float, float, float, float], said: str) -> None:
    assert str(calls(*numbers, names=("eager", "ort"))) == said


def test_the_range_is_said_in_words() -> None:
    numbers, names = (0.0, 0.5, 10.0, 0.25), ("eager", "ort")
    assert str(calls(*numbers, interval=(1.25, 2.0), names=names)).endswith(
        "per call (over the ratio's interval: 40 calls to 100 calls)."
    )
    assert str(calls(*numbers, interval=(0.9, 2.0), names=names)).endswith("interval: 40 calls to never).")
    ahead = calls(10.0, 0.25, 0.0, 0.5, interval=(0.5, 1.1), names=names)
    assert str(ahead).endswith("interval: 40 calls to for ever).")


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((-1.0, 1.0, 1.0, 1.0), "Got -1 s as the cost at first"),
        ((1.0, 1.0, math.inf, 1.0), "Got inf s as the cost at first"),
        ((1.0, 0.0, 1.0, 1.0), "A call of 0 s"),
        ((1.0, 1.0, 1.0, math.nan), "A call of nan s"),
    ],
)
def test_a_time_that_is_none_is_one_line(numbers: tuple[float, float, float, float], said: str) -> None:
    with pytest.raises(BenchmarkError, match=said):
        calls(*numbers)
    with pytest.raises(BenchmarkError, match="the lower first"):
        calls(1.0, 1.0, 1.0, 1.0, interval=(2.0, 1.0))


def test_the_first_call_costs_what_it_takes_beyond_a_later_one() -> None:
    assert breakeven.once(0.5, 0.25, 0.125, export=2.0) == 2.625
    assert breakeven.once(0.5, 0.1, 0.125) == 0.5


def test_a_comparison_tells_when_the_slow_starter_has_paid_off() -> None:
    slow = Known("slow starter", seconds=0.002, first=0.202)
    report = compare([Known("steady", seconds=0.004), slow], QUICK)
    found = breakeven.of_report(report, "slow starter")
    assert found is not None
    assert found.payback is Payback.AFTER
    assert found.calls is not None
    # 0.2 s more at the first call and 0.002 s less to load, about 0.002 s less per call.
    assert 60 < found.calls < 140
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.calls <= found.high
    exported = breakeven.of_report(report, "slow starter", export_seconds=1.0)
    assert exported is not None
    assert exported.extra == pytest.approx(found.extra + 1.0)


def test_what_was_not_measured_never_pays() -> None:
    report = compare([Known("steady"), Known("bad", "unavailable")], replace(QUICK, most_rounds=3))
    assert breakeven.of_report(report, "bad") is None
    assert breakeven.of_report(report, "nobody") is None
    assert breakeven.of_report(report, "steady") is None
