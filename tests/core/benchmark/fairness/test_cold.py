from dataclasses import replace

import pytest

from core.benchmark.fairness.cold import compare_cold
from core.benchmark.method import Progress
from core.benchmark.plan import Method
from core.benchmark.verdict import Verdict
from tests.core.benchmark.known import Known

QUICK = Method(least_rounds=3, least_seconds=0.0, most_foreign=1.0)


def test_the_first_call_is_in_the_mean() -> None:
    report = compare_cold(
        Known("steady", seconds=0.004), Known("slow start", seconds=0.002, first=0.1), 5, QUICK
    )
    assert len(report.rounds) == 3
    for each in report.rounds:
        assert set(each.seconds) == {"steady", "steady, again", "slow start"}
        assert set(each.calls.values()) == {5}
        assert 0.004 <= each.seconds["steady"] < 0.01
        # A call of 0.1 s and four of 0.002 s.
        assert 0.0216 <= each.seconds["slow start"] < 0.035
    steady, slow = report.engines
    assert steady.judgement is None
    assert slow.judgement is not None
    assert slow.judgement.verdict is Verdict.CANNOT_TELL
    assert 0.12 < slow.judgement.ratio.value < 0.25
    assert slow.first_seconds == pytest.approx(0.1, rel=0.2)
    assert slow.warm_seconds is None
    assert "No engine was warm when it was timed, as is meant here." in report.caveats
    assert "Fewer than 20 rounds count: no verdict can be given." in report.caveats
    assert report.complete


def test_one_call_is_the_first() -> None:
    report = compare_cold(
        Known("one", first=0.05), Known("two", first=0.02), 1, replace(QUICK, least_rounds=1)
    )
    (only,) = report.rounds
    assert only.seconds["one"] >= 0.05
    assert 0.02 <= only.seconds["two"] < 0.05


def test_rounds_in_which_others_use_the_machine_do_not_count() -> None:
    report = compare_cold(Known("one"), Known("two"), 2, replace(QUICK, least_rounds=1, most_foreign=-2.0))
    if report.rounds[0].foreign is None:
        assert report.rejected == 0
        return
    assert report.rejected == len(report.rounds) == 2
    assert report.engines[1].judgement is None
    assert report.engines[1].summary is None


@pytest.mark.parametrize("bad", ["first", "second"])
def test_an_engine_that_fails_ends_it_with_its_reason(bad: str) -> None:
    one, two = (Known(name, "fail" if name == bad else "sleep") for name in ("first", "second"))
    report = compare_cold(one, two, 2, QUICK)
    assert {each.name: each.problem for each in report.engines}[bad] == f"{bad}: ValueError: no numbers today"
    assert not report.complete
    assert report.rounds == ()


def test_what_is_stopped_keeps_its_rounds() -> None:
    told: list[Progress] = []
    report = compare_cold(
        Known("one"), Known("two"), 2, QUICK, tell=told.append, stop=lambda: len(told) >= 2
    )  # fmt: skip
    assert len(report.rounds) == 2
    assert not report.complete
    assert report.caveats[-1] == "It was stopped before its end."
    assert [each.share for each in told] == sorted(each.share for each in told)
