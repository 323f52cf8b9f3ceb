"""Verdicts by hand and over many simulated runs: none on equal engines, the right one on others."""

import math
from collections.abc import Iterator

import pytest

from core.benchmark.rounds import BenchmarkError, Round
from core.benchmark.statistics import Ratio, ratio
from core.benchmark.verdict import LEAST_CLAIM, LEAST_ROUNDS, Floor, Judgement, Verdict, judge
from tests.core.benchmark.simulated import Machine

REPEATS = 100


def made(value: float, low: float, high: float, rounds: int = 30) -> Ratio:
    return Ratio("ort", "eager", value, low, high, rounds)


def floor(low: float, high: float, rounds: int = 30) -> Floor:
    return Floor((made(1.0, low, high, rounds),))


def judged(rounds: list[Round]) -> Judgement:
    return judge(ratio(rounds, "other", "eager"), Floor((ratio(rounds, "eager again", "eager"),)))


def verdicts(machine: Machine, faster: float, rounds: int, repeats: int = REPEATS) -> Iterator[Verdict]:
    """Of as many runs, in which the other engine is so many times as fast as eager."""
    for seed in range(repeats):
        seconds = {"eager": 1e-3, "eager again": 1e-3, "other": 1e-3 / faster}
        yield judged(machine.run(seconds, rounds, seed)).verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.84, 1.90, Verdict.FASTER),
        (1.051, 1.06, Verdict.FASTER),
        (1.049, 1.06, Verdict.CANNOT_TELL),  # the floor is 5%
        (0.5, 2.0, Verdict.CANNOT_TELL),
        (0.99, 1.01, Verdict.CANNOT_TELL),
        (0.940, 0.953, Verdict.CANNOT_TELL),  # 1/1.05 is 0.9524
        (0.940, 0.952, Verdict.SLOWER),
        (0.1, 0.2, Verdict.SLOWER),
    ],
)
def test_the_whole_interval_must_lie_beyond_the_floor(low: float, high: float, verdict: Verdict) -> None:
    one = made((low + high) / 2, low, high)
    assert judge(one, floor(0.99, 1.05)).verdict is verdict
    turned = Ratio(one.baseline, one.engine, 1 / one.value, 1 / high, 1 / low, one.rounds)
    opposite = {Verdict.FASTER: Verdict.SLOWER, Verdict.SLOWER: Verdict.FASTER}.get(verdict, verdict)
    assert judge(turned, floor(0.99, 1.05)).verdict is opposite


@pytest.mark.parametrize(
    ("low", "verdict"), [(1.029, Verdict.CANNOT_TELL), (1.031, Verdict.FASTER), (1.02, Verdict.CANNOT_TELL)]
)
def test_on_the_quietest_machine_less_than_3_percent_is_not_claimed(low: float, verdict: Verdict) -> None:
    assert LEAST_CLAIM == 0.03
    found = judge(made(1.033, low, 1.035), floor(0.999, 1.001))
    assert found.verdict is verdict
    assert str(found).endswith(", and less than 3% is not claimed") is (verdict is Verdict.CANNOT_TELL)


def test_the_floor_is_the_farthest_end_of_any_interval() -> None:
    assert floor(0.99, 1.02).share == pytest.approx(0.02)
    assert floor(0.8, 1.02).share == pytest.approx(0.25)  # 1/0.8
    assert Floor((made(1, 0.99, 1.02), made(1, 0.98, 1.05, rounds=25))).share == pytest.approx(0.05)
    assert Floor((made(1, 0.99, 1.02), made(1, 0.98, 1.05, rounds=25))).rounds == 25
    assert floor(0.9999, 1.0001).share == pytest.approx(0.0001, rel=1e-3)
    with pytest.raises(BenchmarkError, match=r"^There is no noise floor: measure one engine against itself"):
        Floor(())


HERE = "the same engine against itself differs by up to 1.8% here"


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (made(1.87, 1.84, 1.90), f"faster: 1.87 times as fast (1.84 to 1.90); {HERE}"),
        (made(0.5, 0.4, 0.625), f"slower: 2.00 times as long per call (1.60 to 2.50); {HERE}"),
        (made(1.004, 0.9912, 1.0152), f"cannot tell here: 1.00 times as fast (0.991 to 1.02); {HERE}"),
        (made(1234.5, 999.4, 1500), f"faster: 1,234 times as fast (999 to 1,500); {HERE}"),
        (
            made(1.025, 1.021, 1.029),
            f"cannot tell here: 1.02 times as fast (1.02 to 1.03); {HERE}, and less than 3% is not claimed",
        ),
        (made(2, 1.9, 2.1, rounds=19), "cannot tell here: only 19 rounds count, at least 20 are needed"),
        (made(2, 2, 2, rounds=1), "cannot tell here: only 1 round counts, at least 20 are needed"),
    ],
)
def test_the_sentence(one: Ratio, text: str) -> None:
    assert str(judge(one, floor(0.991, 1.018))) == text


def test_few_rounds_of_the_floor_are_too_few_as_well() -> None:
    assert LEAST_ROUNDS == 20
    found = judge(made(2, 1.9, 2.1, rounds=20), floor(0.99, 1.01, rounds=7))
    assert found.verdict is Verdict.CANNOT_TELL
    assert str(found) == "cannot tell here: only 7 rounds count, at least 20 are needed"
    assert judge(made(2, 1.9, 2.1, rounds=20), floor(0.99, 1.01, rounds=20)).verdict is Verdict.FASTER


MACHINES = {
    "usual": Machine(),
    "quiet": Machine(noise=0.005, bias=0.002, drift=0.001, outliers=0),
    "processes that differ": Machine(noise=0.01, bias=0.01),
    "noisy": Machine(noise=0.1, bias=0.01, drift=0.05, outliers=0.15),
    "processes on slower processors for a while": Machine(noise=0.02, stretch=0.04),
    "a neighbour half way": Machine(neighbour=2.2),
}


@pytest.mark.parametrize("rounds", [20, 30, 40, 200])
@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_equal_engines_cannot_be_told_apart_in_95_of_100_runs(machine: Machine, rounds: int) -> None:
    assert list(verdicts(machine, 1.0, rounds)).count(Verdict.CANNOT_TELL) >= 95


@pytest.mark.parametrize("rounds", [20, 30, 40])
@pytest.mark.parametrize(("faster", "verdict"), [(1.1, Verdict.FASTER), (1 / 1.1, Verdict.SLOWER)])
@pytest.mark.parametrize("machine", [MACHINES["usual"], MACHINES["a neighbour half way"]])
def test_a_difference_of_a_tenth_is_found_in_90_of_100_runs(
    machine: Machine, faster: float, verdict: Verdict, rounds: int
) -> None:
    assert list(verdicts(machine, faster, rounds)).count(verdict) >= 90


@pytest.mark.parametrize("faster", [0.5, 0.9, 1.0, 1.1, 2.0])
def test_a_neighbour_that_comes_half_way_changes_no_verdict(faster: float) -> None:
    alone = list(verdicts(Machine(), faster, 30, repeats=50))
    assert list(verdicts(Machine(neighbour=2.2), faster, 30, repeats=50)) == alone


def test_without_the_floor_equal_engines_would_be_told_apart() -> None:
    """Why the floor is there: two processes differ by 1% for a whole run, and many rounds make it certain."""
    machine = MACHINES["processes that differ"]
    called = 0
    for seed in range(REPEATS):
        one = ratio(machine.run({"eager": 1e-3, "other": 1e-3}, 200, seed), "other", "eager")
        called += not one.low <= 1 <= one.high
    assert called > 50


def test_one_block_of_rounds_after_the_other_would_be_sure_of_what_is_false() -> None:
    """Why rounds are interleaved: the engine that runs after the neighbour came seems half as fast."""
    rounds = Machine(neighbour=2.2).run({"eager": 1e-3}, 60, 1)
    first, last = ([one.seconds["eager"] for one in part] for part in (rounds[:30], rounds[30:]))
    apart = [
        Round(number, {"eager": before, "other": after}, {"eager": 50, "other": 50})
        for number, (before, after) in enumerate(zip(first, last, strict=True))
    ]
    found = judge(ratio(apart, "other", "eager"), floor(0.98, 1.02))
    assert found.verdict is Verdict.SLOWER
    assert math.isclose(1 / found.ratio.value, 2.2, rel_tol=0.2)
