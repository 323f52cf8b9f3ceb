import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import machine, wire
from core.benchmark.breakeven import Payback
from core.benchmark.configuration import Configuration
from core.benchmark.method import Progress
from core.benchmark.plan import MAX_ENGINES, Method
from core.benchmark.rounds import BenchmarkError
from core.benchmark.search import SearchPlan, SearchReport, Tried, search
from core.benchmark.search.screening import scale_of
from core.benchmark.verdict import Verdict
from core.engines.engine import EngineKind, Optimization
from core.zoo import ZooError
from tests.core.benchmark.tuned import Tuned

QUICK = Method(
    block_seconds=0.004, least_rounds=20, most_rounds=40, least_seconds=0.0, warm_seconds=0.01,
    most_foreign=1.0, samples=0,
)  # fmt: skip
ENGINES = (EngineKind.TORCHSCRIPT, EngineKind.ORT, EngineKind.ORT_INT8_DYNAMIC)
PLAN = SearchPlan(model="simple_mlp", engines=ENGINES, method=QUICK)
Make = Callable[[Configuration], Tuned]
BEST = "ort, 1 thread, optimization basic, batch 1"


def make(each: Configuration) -> Tuned:
    """Eager takes 8 ms, TorchScript 6, ONNX Runtime 4, with one thread 2.5 and with basic changes 1.5."""
    options, kind = each.options, each.kind
    if kind is EngineKind.BFLOAT16:
        return Tuned(kind, 0.0008, options.threads, each.batch, factor=1.25)
    if kind is EngineKind.ORT:
        seconds = 0.004 if options.threads > 1 else 0.0025
        basic = options.threads == 1 and options.optimization is Optimization.BASIC
        return Tuned(kind, 0.0015 if basic else seconds, options.threads, each.batch, first=0.05)
    return Tuned(kind, {EngineKind.TORCHSCRIPT: 0.006}.get(kind, 0.008), options.threads, each.batch)


@pytest.fixture(autouse=True, scope="module")
def two_cores() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "logical_cores", lambda: 2)
        patch.setattr(machine, "physical_cores", lambda: 2)
        yield


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def report(told: list[Progress]) -> SearchReport:
    return search(PLAN, make=make, tell=told.append)


def test_the_known_fastest_wins_by_the_known_ratio(report: SearchReport) -> None:
    assert report.best is not None
    assert report.best.name == BEST
    assert report.best.judgement is not None
    assert report.best.judgement.verdict is Verdict.FASTER
    assert 4.0 < report.best.judgement.ratio.value < 5.6
    assert report.best.beside_best is None
    assert 0.0015 <= report.best.seconds_per_example < 0.0022
    assert report.ties == ()
    assert report.complete
    assert report.conclusion.startswith(
        f"The fastest here is {BEST}. Beside eager, 2 threads, batch 1 it is faster: "
    )


def test_everything_is_tried_as_it_is_and_with_other_settings(report: SearchReport) -> None:
    tried = {each.name for each in report.tried}
    assert {
        "eager, 2 threads, batch 1", "eager, 1 thread, batch 1",
        "torchscript, 2 threads, batch 1", "torchscript, 1 thread, batch 1",
        "ort, 2 threads, batch 1", "ort, 1 thread, batch 1", "ort, 2 threads, spin default, batch 1",
        BEST, "ort, 1 thread, optimization disable, batch 1", "ort, 1 thread, optimization extended, batch 1",
        "ort, 2 threads, spin off, batch 1",
    } <= tried  # fmt: skip
    assert len(tried) == len(report.tried)
    assert {each.name for each in report.tried if each.default} == {
        "eager, 2 threads, batch 1", "torchscript, 2 threads, batch 1", "ort, 2 threads, batch 1",
        "ort, 2 threads, spin default, batch 1",
    }  # fmt: skip
    # One thread has nobody to spin.
    assert not any("1 thread," in name and "spin" in name for name in tried)


def test_the_last_comparison_has_the_best_of_the_engines_as_they_are(report: SearchReport) -> None:
    names = [each.name for each in report.finalists]
    assert names[0] == BEST
    assert "eager, 2 threads, batch 1" in names
    assert {"ort, 2 threads, batch 1", "ort, 2 threads, spin default, batch 1"} & set(names)
    assert len(names) <= MAX_ENGINES - 1
    times = [each.seconds_per_example for each in report.finalists]
    assert times[0] == min(times)
    assert report.final is not None
    assert report.final.complete
    assert {each.name for each in report.final.engines} == set(names)
    assert (report.final.model, report.final.batch) == ("simple_mlp", 1)


def test_what_it_costs_once_pays_after_the_known_calls(report: SearchReport) -> None:
    assert report.breakeven is not None
    assert report.breakeven.payback is Payback.AFTER
    assert report.breakeven.calls is not None
    # 50 ms at the first call, about 6.5 ms saved by each.
    assert 4 <= report.breakeven.calls <= 12
    assert report.export_seconds == 0.0
    assert f"It pays {report.breakeven}" in report.conclusion
    assert "Loading takes " in report.conclusion


def test_fewer_bits_are_not_tried_if_no_error_is_allowed(report: SearchReport) -> None:
    reasons = {each.name: each.reason for each in report.excluded}
    assert reasons["ort-int8-dynamic"] == "It computes with fewer bits, and no error is allowed."
    assert not any("int8" in each.name for each in report.tried)


def test_progress_only_goes_forward(report: SearchReport, told: list[Progress]) -> None:
    assert report.complete
    shares = [each.share for each in told]
    assert shares == sorted(shares)
    assert all(0 <= each <= 1 for each in shares)
    assert all(each.seconds_left is not None and each.seconds_left <= PLAN.seconds for each in told)


def test_the_report_goes_over_the_wire_and_back(report: SearchReport) -> None:
    written = json.loads(json.dumps(wire.write(SearchReport, report)))
    assert wire.read(SearchReport, written) == report
    assert wire.read(SearchPlan, json.loads(json.dumps(wire.write(SearchPlan, PLAN)))) == PLAN


def test_an_engine_that_is_too_far_off_is_told_with_its_error_and_never_wins() -> None:
    plan = replace(PLAN, engines=(EngineKind.BFLOAT16,), max_error=0.2)
    report = search(plan, make=make)
    rough = next(each for each in report.tried if "bfloat16" in each.name)
    assert rough.ratio is not None
    assert rough.ratio.value > 5
    assert rough.error_share == pytest.approx(0.25)
    assert rough.problem == "Its outputs are off by up to 0.25 of the baseline's largest, and 0.2 is allowed."
    assert not rough.eligible
    assert rough.problem in {each.reason for each in report.excluded}
    assert not any("bfloat16" in each.name for each in report.finalists)
    # Its threads change nothing about its numbers.
    assert sum("bfloat16" in each.name for each in report.tried) == 1
    assert "Left out, with outputs too far from the baseline's: 1 configuration." in report.conclusion


def test_an_engine_within_the_error_allowed_wins_and_says_what_it_costs() -> None:
    plan = replace(PLAN, engines=(EngineKind.BFLOAT16,), max_error=0.3)
    report = search(plan, make=make)
    assert report.best is not None
    assert "bfloat16" in report.best.name
    assert report.best.tried.within
    assert "Its numbers are off by at most 0.5, 0.25 of the largest output, within what you allow." in (
        report.conclusion
    )


def test_a_tie_is_said_and_the_engine_as_it_is_recommended() -> None:
    def alike(each: Configuration) -> Tuned:
        return replace(make(each), seconds=0.008 if each.kind is EngineKind.EAGER else 0.004, first=0.0)

    report = search(replace(PLAN, engines=(EngineKind.TORCHSCRIPT,)), make=alike)
    assert report.best is not None
    names = {"torchscript, 1 thread, batch 1", "torchscript, 2 threads, batch 1"}
    assert {report.best.name, *report.ties} == names
    (other,) = report.ties
    assert f"It cannot be told here from {other}." in report.conclusion
    recommended = "So torchscript, 2 threads, batch 1, as it is, will do." in report.conclusion
    assert recommended is not report.best.tried.default


def test_a_baseline_that_nothing_beats_is_the_answer() -> None:
    def slow(each: Configuration) -> Tuned:
        slower = each.kind is not EngineKind.EAGER or each.options.threads == 1
        return Tuned(each.kind, 0.003 if slower else 0.002, each.options.threads)

    report = search(replace(PLAN, engines=(EngineKind.TORCHSCRIPT,)), make=slow)
    assert report.best is not None
    assert report.best.name == PLAN.baseline.name
    assert report.breakeven is None
    assert report.conclusion.startswith(
        "Nothing that was tried is faster here than the baseline, eager, 2 threads, batch 1."
    )


def test_of_several_batches_the_time_per_example_counts() -> None:
    def per_call(each: Configuration) -> Tuned:
        base = 0.003 if each.kind is EngineKind.EAGER else 0.002
        return Tuned(each.kind, base + 0.001 * (each.batch == 8), each.options.threads, each.batch)

    report = search(replace(PLAN, engines=(EngineKind.TORCHSCRIPT,), batches=(2, 8)), make=per_call)
    assert report.best is not None
    assert report.best.name.startswith("torchscript")
    assert report.best.name.endswith("batch 8")
    assert report.best.judgement is not None
    # 3 ms for 2 examples against 3 ms for 8.
    assert 3.4 < report.best.judgement.ratio.value < 4.6
    assert 3 / 8 * 0.9 < report.best.seconds_per_example * 1000 < 3 / 8 * 1.4
    assert "eager, 2 threads, batch 8" in {each.name for each in report.tried}
    # The outputs were held against the baseline's on as many examples.
    assert all(each.within for each in report.tried)
    assert report.final is not None
    assert not any("numbers" in each for each in report.final.caveats)
    assert report.breakeven is not None
    assert report.breakeven.saved == pytest.approx(4 * 0.003 - 0.003, rel=0.3)


def test_what_fails_is_listed_with_its_reason_and_tried_no_more() -> None:
    def broken(each: Configuration) -> Tuned:
        return replace(make(each), problem="No luck." if each.kind is EngineKind.TORCHSCRIPT else "")

    report = search(replace(PLAN, engines=(EngineKind.TORCHSCRIPT,)), make=broken)
    assert [(each.name, each.reason) for each in report.excluded] == [
        ("torchscript, 2 threads, batch 1", "No luck.")
    ]
    assert "Could not be measured: 1 configuration." in report.conclusion
    assert report.best is not None


def test_without_its_baseline_there_is_no_search() -> None:
    with pytest.raises(BenchmarkError, match=r"could not be run\. eager, 2 threads, batch 1: Gone\."):
        search(PLAN, make=lambda each: replace(make(each), problem="Gone."))


def test_the_time_is_kept_and_what_it_did_not_allow_is_named() -> None:
    def slow(each: Configuration) -> Tuned:
        return replace(make(each), first=0.4)

    start = time.monotonic()
    report = search(replace(PLAN, seconds=4.0), make=slow)
    # One process may be in its first call when the time is over.
    assert time.monotonic() - start < 10
    assert report.untried
    assert not report.complete
    assert {each.name for each in report.tried}.isdisjoint(report.untried)
    assert "There was no time for" in report.conclusion or "the time was over" in report.conclusion


def test_what_is_stopped_keeps_what_was_tried() -> None:
    seen: list[Tried] = []
    report = search(PLAN, make=make, done=seen.append, stop=lambda: len(seen) >= 4)
    assert tuple(seen) == report.tried
    assert len(seen) >= 4
    assert (report.best, report.final, report.finalists) == (None, None, ())
    assert not report.complete
    assert report.conclusion.startswith("No configuration was compared with care: ")
    assert "In the few rounds before, ort, 2 threads" in report.conclusion


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (replace(PLAN, batches=()), "Got the batches none"),
        (replace(PLAN, batches=(1, 1)), "Got the batches 1, 1"),
        (replace(PLAN, max_error=-0.1), "Got -0.1 as the error allowed"),
        (replace(PLAN, max_error=math.nan), "Got nan as the error allowed"),
        (replace(PLAN, seconds=0.0), "Got 0 s for the search"),
    ],
)
def test_a_plan_that_cannot_be_is_one_line(plan: SearchPlan, said: str) -> None:
    with pytest.raises(BenchmarkError, match=said):
        search(plan, make=make)
    with pytest.raises(ZooError):
        search(replace(PLAN, model="nothing"), make=make)


@given(st.lists(st.lists(st.floats(width=32), max_size=4), max_size=4))
def test_the_scale_is_that_of_the_smallest_output_and_never_more(outputs: list[list[float]]) -> None:
    found = scale_of([np.array(each, np.float32) for each in outputs])
    largest = [
        max(abs(number) for number in each if math.isfinite(number))
        for each in outputs
        if any(map(math.isfinite, each))
    ]
    assert found == (min(largest) if largest else 0.0)


def test_real_engines_are_searched_and_the_best_has_the_best_ratio_of_its_rounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "logical_cores", lambda: 1)
    engines = (EngineKind.ORT, EngineKind.ORT_INT8_DYNAMIC)
    report = search(replace(PLAN, engines=engines, max_error=0.2, method=replace(QUICK, block_seconds=0.002)))
    assert report.best is not None
    assert report.final is not None
    assert report.export_seconds > 0
    assert {each.configuration.kind for each in report.tried} == {EngineKind.EAGER, *engines}
    assert {each.configuration.options.threads for each in report.tried} == {1}
    baseline = report.plan.baseline.name
    ratios = {
        each.name: np.median([one.seconds[baseline] / one.seconds[each.name] for one in report.final.rounds])
        for each in report.final.engines
        if not each.problem
    }
    assert report.final.rejected == 0
    assert max(ratios, key=lambda name: ratios[name]) == report.best.name
    assert list(ratios.values()).count(1.0) >= 1
    for one in report.tried:
        assert one.within or one.problem


def test_a_model_that_the_exporter_refuses_is_searched_without_onnx_runtime(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "logical_cores", lambda: 1)
    engines = (EngineKind.EAGER_GRAD, EngineKind.ORT)
    report = search(replace(PLAN, model="early_exit", engines=engines))
    assert {each.configuration.kind for each in report.tried} == {EngineKind.EAGER, EngineKind.EAGER_GRAD}
    assert report.best is not None
    (left_out,) = report.excluded
    assert left_out.name == EngineKind.ORT
    assert "refuses this model" in left_out.reason
