import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core import machine, wire
from core.benchmark.configuration import Configuration
from core.benchmark.fairness import FairnessPlan, FairnessReport, FairnessRow, conclude, fairness
from core.benchmark.fairness.setting import Setting
from core.benchmark.method import Progress
from core.benchmark.plan import Method
from core.benchmark.rounds import BenchmarkError
from core.benchmark.verdict import Verdict
from core.engines.engine import EngineKind, Optimization, Spin
from core.zoo import ZooError
from tests.core.benchmark.tuned import Tuned

QUICK = Method(
    block_seconds=0.004,
    least_rounds=20,
    most_rounds=30,
    least_seconds=0.0,
    warm_seconds=0.01,
    most_foreign=1.0,
)
PLAN = FairnessPlan(model="simple_mlp", batch=64, cold_calls=5, method=QUICK)


def make(each: Configuration) -> Tuned:
    """Fairly, ONNX Runtime takes 2 ms and eager 4; the settings turn that round, each in its own way."""
    options = each.options
    if each.kind is EngineKind.ORT:
        seconds = 0.004 if options.optimization is Optimization.DISABLE or each.batch == 1 else 0.002
        spins = options.spin is Spin.DEFAULT
        return Tuned("ort", seconds, options.threads, each.batch, copies=0.006, first=0.06, spins=spins)
    seconds = 0.001 if options.threads == 2 or each.batch == 1 else 0.004
    if each.kind is EngineKind.EAGER_GRAD:
        return Tuned("eager-grad", 2 * seconds, options.threads, each.batch)
    return Tuned("eager", seconds, options.threads, each.batch, copies=0.002)


@pytest.fixture(scope="module")
def told() -> list[FairnessRow]:
    return []


@pytest.fixture(scope="module")
def report(told: list[FairnessRow]) -> Iterator[FairnessReport]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "logical_cores", lambda: 2)
        yield fairness(PLAN, done=told.append, make=make)


def row(report: FairnessReport, setting: Setting) -> FairnessRow:
    return next(each for each in report.rows if each.setting is setting)


def test_every_setting_has_its_row_and_is_told_at_once(
    report: FairnessReport, told: list[FairnessRow]
) -> None:
    assert [each.setting for each in report.rows] == list(Setting)
    assert tuple(told) == report.rows
    assert report.complete
    assert report.plan == PLAN


def test_the_fair_row_has_the_known_ratio(report: FairnessReport) -> None:
    fair = row(report, Setting.FAIR)
    assert fair.judgement is not None
    assert fair.judgement.verdict is Verdict.FASTER
    assert 1.7 < fair.judgement.ratio.value < 2.1
    assert (fair.reference, fair.moved, fair.flips) == (None, None, False)
    assert fair.words == str(fair.judgement)


@pytest.mark.parametrize(
    ("setting", "flips", "moved", "gains"),
    [
        (Setting.FAIR_THREADS, True, 0.25, "eager"),
        (Setting.FIRST_THREADS, True, 0.25, "eager"),
        (Setting.SECOND_THREADS, False, 1.0, None),
        (Setting.FIRST_COPIES, False, 1.5, "ort"),
        (Setting.SECOND_COPIES, True, 0.25, "eager"),
        (Setting.GRADIENTS, False, 2.0, "ort"),
        (Setting.OPTIMIZATION, False, 0.5, "eager"),
        (Setting.COLD, True, 0.15, "eager"),
        # Who sleeps does not feel a neighbor.
        (Setting.NEIGHBOR, False, 1.0, None),
        (Setting.SMALL_BATCH, True, 0.125, "eager"),
        # In one process eager waits three times as long; beside ONNX Runtime with as many threads it was
        # half as slow as that.
        (Setting.SPIN, True, 3.0, "ort"),
    ],
)
def test_a_setting_moves_the_ratio_as_known(
    report: FairnessReport, setting: Setting, flips: bool, moved: float, gains: str | None
) -> None:
    found = row(report, setting)
    assert found.moved is not None
    # Sleeps last a tenth of a millisecond longer than asked for.
    assert 0.75 * moved < found.moved < 1.35 * moved
    assert found.flips is flips
    if gains is not None:
        assert found.gains == gains
    assert found.case is not None
    assert len(found.case.rounds) >= 20
    assert not found.problem


def test_spinning_is_held_against_as_many_threads_without_it(report: FairnessReport) -> None:
    spin = row(report, Setting.SPIN)
    assert spin.reference is Setting.FAIR_THREADS
    assert spin.case is not None
    beside = [dict(each.metadata or {})["beside"] for each in spin.case.engines]
    # Both are of one kind to the known engines.
    assert beside == ["eager", "eager"]
    assert spin.case.threads == 2


def test_what_does_not_apply_says_why(report: FairnessReport) -> None:
    large = row(report, Setting.LARGE_BATCH)
    assert large.words == "The fair comparison has a batch of 64 already."
    assert (large.judgement, large.case, large.flips, large.moved) == (None, None, False, None)


def test_the_conclusion_goes_from_the_least_ratio_to_the_largest(report: FairnessReport) -> None:
    said = report.conclusion
    assert said.startswith("Measured fairly, ONNX Runtime beside Eager PyTorch is faster: ")
    ratios = [
        each.judgement.ratio
        for each in report.rows
        if each.judgement is not None and each.setting is not Setting.SMALL_BATCH
    ]
    least, most = min(ratios, key=lambda each: each.high), max(ratios, key=lambda each: each.low)
    assert f"a factor of at least {most.low / least.high:.3g}." in said
    shown = f"{least.value:.3g} [{least.low:.3g} to {least.high:.3g}]"
    assert f"goes from ONNX Runtime {shown} times as fast as Eager PyTorch" in said
    # Cold, ONNX Runtime is a third as fast, and with forgotten gradients four times.
    assert most.low / least.high > 8
    flips = [each.title for each in report.rows if each.flips]
    assert f"The winner flips under {len(flips)} settings: {'; '.join(flips)}." in said
    assert "With batch 1 instead, it is slower: " in said


def test_the_report_goes_over_the_wire_and_back(report: FairnessReport) -> None:
    written = json.loads(json.dumps(wire.write(FairnessReport, report)))
    assert wire.read(FairnessReport, written) == report
    assert wire.read(FairnessPlan, json.loads(json.dumps(wire.write(FairnessPlan, PLAN)))) == PLAN


def test_one_core_has_no_second_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "logical_cores", lambda: 1)
    seen: list[FairnessRow] = []
    settings = list(Setting)
    fairness(
        PLAN,
        done=seen.append,
        make=make,
        stop=lambda: len(seen) >= settings.index(Setting.SECOND_THREADS) + 1,
    )
    words = {each.setting: each.words for each in seen}
    for setting in (Setting.FAIR_THREADS, Setting.SPIN, Setting.FIRST_THREADS, Setting.SECOND_THREADS):
        assert words[setting] == "It takes 2 cores, and 1 core may be used here."


def test_what_is_stopped_keeps_its_rows() -> None:
    told: list[Progress] = []
    seen: list[FairnessRow] = []
    report = fairness(
        PLAN, tell=told.append, done=seen.append, make=make, stop=lambda: bool(seen)
    )  # fmt: skip
    assert [each.setting for each in report.rows] == [Setting.FAIR]
    assert not report.complete
    shares = [each.share for each in told]
    assert shares == sorted(shares)
    assert report.conclusion.startswith("Measured fairly, ONNX Runtime beside Eager PyTorch is faster: ")


def test_what_is_stopped_at_once_says_so() -> None:
    report = fairness(PLAN, make=make, stop=lambda: True)
    assert report.rows == ()
    assert report.conclusion == (
        "ONNX Runtime and Eager PyTorch could not be compared fairly: it was stopped before that."
    )


def test_an_engine_that_cannot_be_loaded_is_the_reason() -> None:
    def broken(each: Configuration) -> Tuned:
        return replace(make(each), problem="No such luck." if each.kind is EngineKind.ORT else "")

    seen: list[FairnessRow] = []
    report = fairness(PLAN, done=seen.append, make=broken, stop=lambda: bool(seen))
    assert report.rows[0].problem == "ort: No such luck."
    assert report.conclusion.endswith("could not be compared fairly: ort: No such luck.")


def test_a_fair_tie_is_said_with_the_winners_that_settings_make(report: FairnessReport) -> None:
    # The row in which both take 4 ms, as if it were the fair one.
    tie = replace(row(report, Setting.OPTIMIZATION), setting=Setting.FAIR)
    copies = replace(row(report, Setting.SECOND_COPIES), flips=False)
    said = conclude([tie, copies], "A", "B")
    assert said.startswith("Measured fairly, B beside A is cannot tell here: ")
    assert "Neither wins fairly, and yet there is a winner under 1: " in said
    assert "The winner flips under none of them here." in conclude([row(report, Setting.FAIR)], "A", "B")


def test_a_wild_ratio_claims_no_more_than_its_interval(report: FairnessReport) -> None:
    fair, copies = row(report, Setting.FAIR), row(report, Setting.SECOND_COPIES)
    assert fair.judgement is not None
    wild = replace(fair.judgement.ratio, value=100.0, low=fair.judgement.ratio.low, high=150.0)
    noise = replace(copies, judgement=replace(fair.judgement, ratio=wild))
    assert "No setting moves the answer beyond what noise does here." in conclude([fair, noise], "A", "B")


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (replace(PLAN, second=EngineKind.EAGER), "Got eager twice"),
        (replace(PLAN, threads=10_000), "Got 10000 threads, expected 1 to"),
        (replace(PLAN, cold_calls=0), "Got 0 cold calls"),
    ],
)
def test_a_plan_that_cannot_be_is_one_line(plan: FairnessPlan, said: str) -> None:
    with pytest.raises(BenchmarkError, match=said):
        fairness(plan, make=make)
    with pytest.raises(ZooError):
        fairness(replace(PLAN, model="nothing"), make=make)


def test_real_engines_are_compared_under_real_settings() -> None:
    method = replace(QUICK, least_rounds=3, most_rounds=3, block_seconds=0.002)
    report = fairness(replace(PLAN, batch=2, cold_calls=2, method=method))
    for each in report.rows:
        assert each.judgement is not None or "cores" in each.problem or "already" in each.problem
        if each.case is not None:
            assert [one.problem for one in each.case.engines] == ["", ""]
    by_setting = {each.setting: each.case for each in report.rows}
    facts = {
        setting: [dict(each.metadata or {}) for each in case.engines]
        for setting, case in by_setting.items()
        if case is not None
    }
    assert facts[Setting.GRADIENTS][0]["gradients"] is True
    assert facts[Setting.OPTIMIZATION][1]["optimization"] == "disable"
    assert facts[Setting.FIRST_COPIES][0]["converts"] is True
    assert "converts" not in facts[Setting.FIRST_COPIES][1]
    if machine.logical_cores() > 1:
        assert [each["beside"] for each in facts[Setting.SPIN]] == ["ort", "eager"]
        assert facts[Setting.SPIN][1]["spin"] == "default"
        assert [each["threads"] for each in facts[Setting.FIRST_THREADS]] == [2, 1]
