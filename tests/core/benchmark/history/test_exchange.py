"""Files: what is written is read again, and a stranger's file can neither crash nor lie about its rounds."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.benchmark.derivation import STOPPED
from core.benchmark.history import ExchangeError, Run, read_json, write_csv, write_json
from core.benchmark.history.exchange import MAX_BYTES
from core.benchmark.history.parts import (
    CasePart,
    EnginePart,
    ErrorPart,
    GpuPart,
    MachinePart,
    MemoryPart,
    MethodPart,
    Part,
    PlanPart,
    RoundPart,
)
from core.benchmark.method import compare
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.report import CaseReport, EngineResult, Error, Report
from core.benchmark.rounds import Round
from core.benchmark.verdict import LEAST_ROUNDS, Verdict
from core.benchmark.worker import Memory
from core.machine import Gpu, Machine, Versions
from tests.core.benchmark.history import made
from tests.core.benchmark.history.strategies import runs
from tests.core.benchmark.known import Known

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

WIDE = Method(block_seconds=0.002, least_rounds=LEAST_ROUNDS, least_seconds=0.0, warm_seconds=0.01, samples=5)
FOREIGN_UNKNOWN = "What others used of the processor was not read: no round was rejected for it."


def read_back(run: Run) -> Run:
    return read_json(write_json(run))


def as_imported(run: Run, again: Run) -> Run:
    """What must come out of a file of the run: all but its number, its owner and who may see it."""
    return replace(run, id=again.id, owner="", shared=False, imported=True)


def changed(change: Callable[[Any], object], run: Run | None = None) -> bytes:
    """A file of a run with a change in it."""
    written = json.loads(write_json(run or made.run()))
    change(written)
    return json.dumps(written).encode()


def refusal(data: bytes) -> str:
    """Why a file is not read; empty if it is."""
    try:
        read_json(data)
    except ExchangeError as error:
        return str(error)
    return ""


def refused(data: bytes) -> str:
    with pytest.raises(ExchangeError) as caught:
        read_json(data)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 500
    assert caught.value.__context__ is None
    return text


def test_a_run_goes_out_and_comes_in() -> None:
    run = made.run(
        made.case(), made.case("cnn", faster=0.5), owner="secret token", shared=True, note="a note"
    )
    again = read_back(run)
    assert again == as_imported(run, again)
    assert again.id != run.id


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


@pytest.mark.parametrize(
    ("part", "whole", "apart"),
    [
        (MethodPart, Method, set()),
        (PlanPart, BenchmarkPlan, set()),
        (MachinePart, Machine, set()),
        (GpuPart, Gpu, set()),
        (RoundPart, Round, set()),
        (ErrorPart, Error, set()),
        (MemoryPart, Memory, set()),
        (EnginePart, EngineResult, {"found", "summary", "latency", "judgement"}),
        (CasePart, CaseReport, {"stopped", "floor", "caveats", "complete"}),
    ],
)
def test_nothing_that_was_measured_is_left_out_of_a_file(
    part: type[Part], whole: type[DataclassInstance], apart: set[str]
) -> None:
    assert part.model_fields.keys() ^ {each.name for each in fields(whole)} == apart


def test_who_is_owner_is_not_in_the_file_and_the_reader_says_it_anew() -> None:
    data = write_json(made.run(owner="secret token"))
    assert b"secret token" not in data
    assert read_json(data, owner="me").owner == "me"


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


def test_a_run_that_no_file_may_hold_is_refused_in_one_line() -> None:
    case = made.case()
    engine = replace(case.engines[0], metadata={f"fact {number}": 1 for number in range(100)})
    with pytest.raises(ExchangeError, match="This run cannot be written as a file: at metadata") as caught:
        write_json(made.run(replace(case, engines=(engine, case.engines[1]))))
    assert str(caught.value).isprintable()


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


def _set(*path: str | int, to: object) -> Callable[[Any], None]:
    def change(written: Any) -> None:  # noqa: ANN401 - JSON
        place = written
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


CASE = ("cases", 0)
ROUND = (*CASE, "rounds", 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_set("version", to=2), "of version 2 and this app reads version 1"),
        (_set("version", to="1"), "of version '1'"),
        (_set("version", to=None), "of version None"),
        (_set("format", to="something else"), "is no run of this app: expected"),
        (_set("surprise", to=1), "at surprise"),
        (_set("note", to="\u202eback"), r"cannot be printed \(U\+202E\)"),
        (_set("note", to="a\x07b"), r"U\+0007"),
        (_set("note", to="x" * 1_001), "text of 1,001 characters"),
        (_set("note", to="x" * 201), "at note"),
        (_set("started", to="2026-11-28T12:00:00"), "at started"),
        (_set("started", to="0001-01-01T00:00:00+14:00"), "expected a moment from 2020"),
        (_set("started", to=1_700_000_000), "at started"),
        (_set("seconds", to=-1), "at seconds"),
        (_set("seconds", to="1"), "at seconds"),
        (_set("seconds", to=2**70), "of more than 64 bits"),
        (_set("models", "mlp", to="not hex"), "at models.mlp"),
        (_set("machine", "physical_cores", to=0), "at machine.physical_cores"),
        (_set("machine", "gpus", to=[{"name": "g", "memory_bytes": -1}]), "at machine.gpus.0.memory_bytes"),
        (_set("plan", "engines", to=["warp-drive"]), "at plan.engines.0"),
        (_set("plan", "engines", to=[]), "at plan.engines"),
        (_set("plan", "threads", to=[0]), "at plan.threads.0"),
        (_set("plan", "options", "threads", to=0), "0 threads were asked for"),
        (_set("plan", "method", "block_seconds", to=-0.1), "at plan.method.block_seconds"),
        (_set(*CASE, "twin", to="eager"), "a twin that is none of them"),
        (_set(*CASE, "baseline", to="unknown"), "one of the engines as baseline"),
        (_set(*CASE, "engines", 1, "name", to="eager"), "each engine once"),
        (_set(*CASE, "engines", to=[]), "at cases.0.engines"),
        (_set(*CASE, "engines", 0, "samples", to=[0.0]), "at cases.0.engines.0.samples.0"),
        (_set(*CASE, "engines", 0, "metadata", to={"a": [1]}), "at cases.0.engines.0.metadata.a"),
        (_set(*CASE, "engines", 1, "error", "absolute", to=-1.0), "at cases.0.engines.1.error.absolute"),
        (_set(*ROUND, "seconds", "eager", to=0.0), "at cases.0.rounds.0.seconds.eager"),
        (_set(*ROUND, "seconds", "eager", to=-1e-4), "at cases.0.rounds.0.seconds.eager"),
        (_set(*ROUND, "seconds", "eager", to=None), "round 0 has no time of an engine and must not count"),
        (_set(*ROUND, "seconds", "another", to=1.0), "only engines of the comparison"),
        (_set(*ROUND, "calls", "eager", to=0), "at cases.0.rounds.0.calls.eager"),
        (_set(*ROUND, "calls", to={"eager": 1}), "has times of"),
        (_set(*ROUND, "foreign", to=1.5), "at cases.0.rounds.0.foreign"),
        (_set(*ROUND, "number", to=1), "rounds in rising order"),
        (_set(*ROUND, "rejected", to=True), "round 0 does not count, but others did not use the machine"),
        (_set(*ROUND, "rejected", to=1), "at cases.0.rounds.0.rejected"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(change: Callable[[Any], None], why: str) -> None:
    with pytest.raises(ExchangeError, match=why):
        read_json(changed(change))
    assert refused(changed(change))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"null", b"[]", b"1", b'"text"', b"\xff\xfe", b"{}" * 3, b"[" * 100_000,
        b'{"a":' * 100_000, b"9" * 5_000, b"1e999", b"NaN",
        b'{"format": "under-the-hood benchmark run", "version": NaN}',
        b'{"format": "under-the-hood benchmark run", "version": 1}', b'"\\ud800"', b'{"\\u202e": 1}',
        b"[[[[[[[[[[[[[[1]]]]]]]]]]]]]]", b"PK\x03\x04",
    ],
)  # fmt: skip
def test_what_is_no_file_of_ours_is_refused_in_one_line(data: bytes) -> None:
    assert refused(data)


def test_a_file_that_is_too_large_is_not_even_looked_at() -> None:
    assert "expected at most 33,554,432" in refused(b" " * (MAX_BYTES + 1))


def test_more_engines_than_can_be_judged_in_a_moment_are_refused() -> None:
    def multiply(written: Any) -> None:  # noqa: ANN401 - JSON
        written["cases"] = [written["cases"][0] | {"rounds": []}] * 600

    assert "1200 engines were measured, expected at most 1024" in refused(changed(multiply))


@settings(max_examples=60)
@given(runs())
def test_any_run_can_be_read_again_and_then_stays_the_same(run: Run) -> None:
    once = read_back(run)
    assert (once.note, once.started, once.plan) == (run.note, run.started, run.plan)
    for case, again in zip(run.report.cases, once.report.cases, strict=True):
        assert again.rounds == case.rounds
        assert [each.samples for each in again.engines] == [each.samples for each in case.engines]
        assert [each.memory for each in again.engines] == [each.memory for each in case.engines]
    twice = read_back(once)
    assert repr(twice) == repr(as_imported(once, twice))  # nan is not equal to itself, but prints alike


@settings(max_examples=200)
@given(st.data())
def test_a_file_with_any_damage_is_refused_in_one_line_or_read(data: st.DataObject) -> None:
    whole = write_json(made.run(made.case(rounds=2)))
    at = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.sampled_from([0, 1, 1, 5, 200, len(whole)]))
    damaged = whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + length :]
    assert refusal(damaged).isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just(math.nan),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.data())
def test_a_file_with_any_value_anywhere_is_refused_in_one_line_or_read(data: st.DataObject) -> None:
    written = json.loads(write_json(made.run(made.case(rounds=2))))
    place: Any = written
    while True:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.integers(0, 4)) == 0:
            place[key] = data.draw(json_values)
            break
        place = inner
    assert refusal(json.dumps(written).encode()).isprintable()


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_one_line(data: bytes) -> None:
    assert refused(data)


def rows(run: Run) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(write_csv(run), newline="")))


def test_a_table_has_a_row_per_engine_and_round() -> None:
    run = made.run(made.case(), made.case("cnn", 8))
    found = rows(run)
    expected = [
        (case.model, str(case.batch), str(one.number), repr(seconds), str(one.calls[name]))
        for case in run.report.cases
        for one in case.rounds
        for name, seconds in one.seconds.items()
    ]
    got = [(row["model"], row["batch"], row["round"], row["seconds_per_call"], row["calls"]) for row in found]
    assert got == expected
    assert {row["engine"] for row in found} == {"eager", "ort"}
    assert {row["twin"] for row in found} == {"true", "false"}
    assert sum(row["rejected"] == "true" for row in found) == 6
    first = found[0]
    assert (first["run"], first["started"], first["machine"]) == (run.id, made.STARTED.isoformat(), "A CPU")
    assert (first["torch"], first["model_id"], first["imported"]) == ("2.13.0", made.MODEL_ID, "false")


def test_no_cell_of_a_table_is_a_formula() -> None:
    machine = replace(made.MACHINE, cpu="=HYPERLINK(1)", versions=Versions("+1", "@x", "-2", "\t=3"))
    run = made.run(replace(made.case(rounds=4), machine="\uff1dA1"), machine=machine)
    first = rows(run)[0]
    assert first["machine"] == "'=HYPERLINK(1)"
    assert (first["python"], first["torch"], first["onnx"], first["onnxruntime"]) == (
        "'+1",
        "'@x",
        "'-2",
        "'=3",
    )
    assert first["measured_on"] == "'\uff1dA1"


@settings(max_examples=40)
@given(runs())
def test_any_run_makes_a_table_that_reads_back(run: Run) -> None:
    found = rows(run)
    pairs = [
        (one.seconds[name], one.calls[name])
        for case in run.report.cases
        for one in case.rounds
        for name in one.seconds
    ]
    assert [(float(row["seconds_per_call"]), int(row["calls"])) for row in found] == pairs
    for row in found:
        assert all(value.isprintable() and None not in row for value in row.values())
        assert not any(value.startswith(("=", "+", "-", "@")) for value in row.values())


def test_a_run_that_started_far_in_the_future_by_its_clock_can_still_be_read() -> None:
    run = made.run(started=made.STARTED + timedelta(days=30_000))
    assert read_back(run).started == run.started
