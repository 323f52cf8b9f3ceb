"""What a file may have: exactly what was measured, each value of its kind and in its bounds."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.benchmark.history import ExchangeError, read_json
from core.benchmark.history.file import to_file
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
    RunFile,
)
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.report import CaseReport, EngineResult, Error
from core.benchmark.rounds import Round
from core.benchmark.worker import Memory
from core.machine import Gpu, Machine
from tests.core.benchmark.history import made
from tests.core.benchmark.history.files import changed, refused

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


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


def test_more_engines_than_can_be_judged_in_a_moment_are_refused() -> None:
    def multiply(written: Any) -> None:  # noqa: ANN401 - JSON
        written["cases"] = [written["cases"][0] | {"rounds": []}] * 600

    assert "1200 engines were measured, expected at most 1024" in refused(changed(multiply))


def test_a_part_of_a_file_cannot_be_changed() -> None:
    part = MemoryPart(before=1, after=2, peak=3)
    with pytest.raises(ValidationError, match="frozen"):
        part.peak = 4


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "1", True, None])
def test_a_time_is_a_finite_number_and_nothing_that_looks_like_one(value: object) -> None:
    written = json.loads(to_file(made.run()).model_dump_json())
    written["seconds"] = value
    with pytest.raises(ValidationError) as caught:
        RunFile.model_validate_json(json.dumps(written))
    assert {each["loc"] for each in caught.value.errors()} == {("seconds",)}


EARLIEST, LATEST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)) | st.datetimes(
    datetime(2019, 12, 1), datetime(2200, 2, 1)
)


@given(moments, st.integers(-14, 14))
def test_a_moment_is_read_in_utc_from_2020_to_2200(moment: datetime, hours: int) -> None:
    there = moment.replace(fold=0, tzinfo=timezone(timedelta(hours=hours)))
    written = json.loads(to_file(made.run()).model_dump_json())
    written["started"] = there.isoformat()
    if EARLIEST <= there <= LATEST:
        found = RunFile.model_validate_json(json.dumps(written)).started
        assert (found, found.utcoffset()) == (there, timedelta(0))
    else:
        with pytest.raises(ValidationError, match="expected a moment from 2020 to 2200"):
            RunFile.model_validate_json(json.dumps(written))


@pytest.mark.parametrize("missing", ["format", "version", "started", "machine", "plan", "cases", "models"])
def test_a_file_without_a_part_is_none(missing: str) -> None:
    written = json.loads(to_file(made.run()).model_dump_json())
    del written[missing]
    with pytest.raises(ValidationError) as caught:
        RunFile.model_validate_json(json.dumps(written))
    assert [each["loc"] for each in caught.value.errors()] == [(missing,)]
