"""A run as a file has what was measured; what follows from the rounds is computed anew when it is read."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from core.benchmark.derivation import STOPPED
from core.benchmark.history import Run, read_json, write_json
from core.benchmark.history.file import from_file, to_file
from core.benchmark.method import compare
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.report import Error, Report
from core.benchmark.rounds import Round
from core.benchmark.verdict import LEAST_ROUNDS, Verdict
from tests.core.benchmark.history import made
from tests.core.benchmark.history.files import changed, read_back
from tests.core.benchmark.history.strategies import runs
from tests.core.benchmark.known import Known

if TYPE_CHECKING:
    pass


WIDE = Method(block_seconds=0.002, least_rounds=LEAST_ROUNDS, least_seconds=0.0, warm_seconds=0.01, samples=5)


FOREIGN_UNKNOWN = "What others used of the processor was not read: no round was rejected for it."


def test_a_measured_run_comes_in_with_the_very_numbers_that_the_method_derived() -> None:
    contenders = [
        Known("eager", seconds=0.0005),
        Known("ort", seconds=0.002),
        Known("compiled", "unavailable"),
    ]
    method = replace(WIDE, most_foreign=1.0)
    measured = replace(compare(contenders, method), model="mlp", batch=1)
    plan = BenchmarkPlan(models=("mlp",), method=method)
    run = made.run(plan=plan, report=Report((measured,), 2.0, complete=False))
    (case,) = read_back(run).report.cases
    assert case.engines == measured.engines
    assert (case.floor, case.rounds, case.complete) == (measured.floor, measured.rounds, measured.complete)
    judgement = case.engines[1].judgement
    assert judgement is not None
    assert judgement.verdict is Verdict.SLOWER
    # Why nothing could be read of other programs is not in the rounds; all other caveats are.
    unread = all(each.foreign is None for each in measured.rounds)
    assert [each for each in case.caveats if each != FOREIGN_UNKNOWN] == list(measured.caveats)[unread:]


def test_what_follows_from_the_rounds_is_in_the_file_for_others() -> None:
    written = json.loads(write_json(made.run()))
    found = written["cases"][0]["engines"][1]["found"]
    assert found["verdict"] == "faster"
    assert found["median_seconds"] == pytest.approx(5e-5, rel=0.1)
    assert found["ratio"] == pytest.approx(2.0, rel=0.1)


def test_a_file_cannot_claim_what_its_rounds_do_not_say() -> None:
    run = made.run()

    def lie(written: Any) -> None:  # noqa: ANN401 - JSON
        written["cases"][0]["engines"][1]["found"] = {
            "median_seconds": 1e-9, "lower_quartile_seconds": 1e-9, "upper_quartile_seconds": 1e-9,
            "ratio": 1000.0, "low": 999.0, "high": 1001.0, "verdict": "slower",
        }  # fmt: skip

    assert read_json(changed(lie, run)).report == run.report
    without = changed(lambda written: written["cases"][0]["engines"][1].pop("found"), run)
    assert read_json(without).report == run.report


def test_other_rounds_give_another_verdict() -> None:
    def swap(written: Any) -> None:  # noqa: ANN401 - JSON
        for one in written["cases"][0]["rounds"]:
            times = one["seconds"]
            times["eager"], times["ort"] = times["ort"], times["eager"]
            times["eager, again"] = times["eager"]

    engine = read_json(changed(swap)).report.cases[0].engines[1]
    assert engine.judgement is not None
    assert engine.judgement.verdict is Verdict.SLOWER


def test_few_rounds_give_no_verdict_whatever_the_file_says() -> None:
    def cut(written: Any) -> None:  # noqa: ANN401 - JSON
        written["cases"][0]["rounds"] = written["cases"][0]["rounds"][4:9]

    case = read_json(changed(cut)).report.cases[0]
    judgement = case.engines[1].judgement
    assert judgement is not None
    assert judgement.verdict is Verdict.CANNOT_TELL
    assert case.caveats == (f"Fewer than {LEAST_ROUNDS} rounds count: no verdict can be given.",)


def test_caveats_are_counted_anew() -> None:
    def spoil(written: Any) -> None:  # noqa: ANN401 - JSON
        case = written["cases"][0]
        case["stopped"] = True
        case["engines"][0]["settled"] = False
        case["engines"][1]["error"]["agree"] = False
        case["baseline"] = "ort"
        for one in case["rounds"][:5]:
            one["rejected"], one["foreign"] = True, 0.4

    case = read_json(changed(spoil)).report.cases[0]
    assert case.caveats == (
        "Eager PyTorch could not be loaded: ONNX Runtime is what the others are compared with.",
        "5 of 24 rounds do not count: others used this machine meanwhile.",
        "Fewer than 20 rounds count: no verdict can be given.",
        "Eager PyTorch was not steady when it was timed.",
        "ONNX Runtime does not give the numbers of ONNX Runtime.",
        STOPPED,
    )
    assert not case.complete


def test_a_report_that_lacks_a_comparison_of_its_plan_is_not_complete() -> None:
    run = made.run(made.case(), made.case("cnn"))
    fewer = read_json(changed(lambda written: written["cases"].pop(), run))
    assert run.report.complete
    assert not fewer.report.complete


def test_a_time_that_is_none_stays_one() -> None:
    case = made.case()
    broken = Round(99, {"eager": math.nan, "ort": 1e-4}, {"eager": 1, "ort": 1}, 0.01, rejected=True)
    zero = Round(100, {"eager": 0.0, "ort": 1e-4}, {"eager": 1, "ort": 1}, 0.01, rejected=True)
    run = made.run(replace(case, rounds=(*case.rounds, broken, zero)))
    rounds = read_back(run).report.cases[0].rounds
    assert math.isnan(rounds[-2].seconds["eager"])
    assert math.isnan(rounds[-1].seconds["eager"])
    assert rounds[:-2] == case.rounds


@pytest.mark.parametrize(("absolute", "relative"), [(math.nan, math.nan), (math.inf, 1.0), (0.0, math.inf)])
def test_an_error_without_bounds_stays_one(absolute: float, relative: float) -> None:
    case = made.case()
    engines = (case.engines[0], replace(case.engines[1], error=Error(absolute, relative, agree=False)))
    error = read_back(made.run(replace(case, engines=engines))).report.cases[0].engines[1].error
    assert error is not None
    assert (repr(error.absolute), repr(error.relative)) == (repr(absolute), repr(relative))


@settings(max_examples=40)
@given(runs())
def test_what_was_measured_comes_through_and_text_as_it_can_be_shown(run: Run) -> None:
    again = from_file(to_file(run), "me")
    assert (again.owner, again.shared, again.imported) == ("me", False, True)
    assert again.id != run.id
    for case, found in zip(run.report.cases, again.report.cases, strict=True):
        assert found.rounds == case.rounds
        assert found.machine.isprintable()
        for one, other in zip(case.engines, found.engines, strict=True):
            assert (other.samples, other.memory, other.settled) == (one.samples, one.memory, one.settled)
            times = (one.load_seconds, one.first_seconds, one.warm_seconds)
            assert (other.load_seconds, other.first_seconds, other.warm_seconds) == times
            assert other.problem.isprintable()
            assert (other.metadata is None) == (one.metadata is None)


def test_the_machine_is_who_it_was_though_its_memory_was_fuller() -> None:
    run = made.run()
    busier = made.run(machine=replace(made.MACHINE, memory_available_bytes=1))
    assert from_file(to_file(run), "").machine_id == run.machine_id
    assert from_file(to_file(busier), "").machine_id == run.machine_id


def test_text_that_could_turn_a_line_round_is_written_without_it() -> None:
    machine = replace(made.MACHINE, cpu="A \u202eCPU\x07", system="x" * 2_000)
    part = to_file(made.run(machine=machine)).machine
    assert part.cpu == "A CPU"
    assert part.system == "x" * 999 + "…"
