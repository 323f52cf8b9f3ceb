"""Files: what is written is read again, and a stranger's file can neither crash nor lie about its rounds."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.benchmark.history import ExchangeError, Run, read_json, write_csv, write_json
from core.benchmark.history.exchange import MAX_BYTES
from core.machine import Versions
from tests.core.benchmark.history import made
from tests.core.benchmark.history.files import as_imported, read_back, refusal, refused
from tests.core.benchmark.history.strategies import runs

if TYPE_CHECKING:
    pass


def test_a_run_goes_out_and_comes_in() -> None:
    run = made.run(
        made.case(), made.case("cnn", faster=0.5), owner="secret token", shared=True, note="a note"
    )
    again = read_back(run)
    assert again == as_imported(run, again)
    assert again.id != run.id


def test_who_is_owner_is_not_in_the_file_and_the_reader_says_it_anew() -> None:
    data = write_json(made.run(owner="secret token"))
    assert b"secret token" not in data
    assert read_json(data, owner="me").owner == "me"


def test_a_run_that_no_file_may_hold_is_refused_in_one_line() -> None:
    case = made.case()
    engine = replace(case.engines[0], metadata={f"fact {number}": 1 for number in range(100)})
    with pytest.raises(ExchangeError, match="This run cannot be written as a file: at metadata") as caught:
        write_json(made.run(replace(case, engines=(engine, case.engines[1]))))
    assert str(caught.value).isprintable()


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
    # One number in 64 begins with a dash, and no cell is a formula.
    assert first["run"].removeprefix("'") == run.id
    assert (first["started"], first["machine"]) == (made.STARTED.isoformat(), "A CPU")
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
