from contextlib import nullcontext

from core import machine
from core.benchmark.fairness.blocks import compare_blocks
from core.benchmark.fairness.neighbor import Neighbor
from core.benchmark.method import Progress
from core.benchmark.plan import Method
from core.benchmark.verdict import Verdict
from tests.core.benchmark.tuned import Tuned

QUICK = Method(
    block_seconds=0.008,
    least_rounds=20,
    most_rounds=20,
    least_seconds=0.0,
    warm_seconds=0.01,
    most_foreign=-2.0,
)
ONE, TWO = Tuned("one", 0.004), Tuned("two", 0.002)


def test_without_a_neighbor_the_known_ratio_is_found_and_no_block_is_rejected() -> None:
    report = compare_blocks(ONE, TWO, QUICK, nullcontext())
    assert report.baseline == "one"
    assert [each.name for each in report.engines] == ["one", "two"]
    assert len(report.rounds) == 20
    assert report.rejected == 0
    for each in report.rounds:
        assert set(each.seconds) == {"one", "one, again", "two"}
    judgement = report.engines[1].judgement
    assert judgement is not None
    assert judgement.verdict is Verdict.FASTER
    assert 1.6 < judgement.ratio.value < 2.2
    assert report.complete


def test_a_neighbor_makes_equal_engines_seem_unequal() -> None:
    # Each call needs 2 ms of a processor, and gets them later where others want it too. The scheduler may
    # spare an engine for as long as one comparison takes, but not in every one.
    one, two = (Tuned(name, 0.002, works=True) for name in ("one", "two"))
    ratios: list[float] = []
    while len(ratios) < 4 and min(ratios, default=1.0) >= 0.9:
        report = compare_blocks(one, two, QUICK, Neighbor(machine.logical_cores()))
        judgement = report.engines[1].judgement
        assert judgement is not None
        ratios.append(judgement.ratio.value)
    assert min(ratios) < 0.9, ratios


def test_an_engine_that_fails_is_the_reason() -> None:
    bad = Tuned("bad", 0.001, problem="No luck.")
    for report in (
        compare_blocks(bad, TWO, QUICK, nullcontext()),
        compare_blocks(TWO, bad, QUICK, nullcontext()),
    ):
        assert {each.name: each.problem for each in report.engines}["bad"] == "bad: No luck."
        assert not report.complete
        assert all(each.judgement is None for each in report.engines)


def test_what_is_stopped_has_no_verdict() -> None:
    told: list[Progress] = []
    report = compare_blocks(ONE, TWO, QUICK, nullcontext(), tell=told.append, stop=lambda: len(told) > 8)
    assert not report.complete
    assert [each.name for each in report.engines] == ["one", "two"]
    assert report.engines[1].judgement is None
    shares = [each.share for each in told]
    assert shares == sorted(shares)
