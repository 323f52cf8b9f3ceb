"""The parts of the JSON file of a run, and what each may be.

Their names and units are a promise to other programs. The file has what was measured and, beside it, what
follows from that, which is never read back.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from core.benchmark.history.run import MAX_NOTE
from core.benchmark.plan import MAX_CASES
from core.benchmark.rounds import MOST_CALLS
from core.benchmark.verdict import Verdict
from core.engines.engine import EngineKind, EngineOptions
from core.machine import Versions
from core.zoo import MAX_SEED

FORMAT: Final = "under-the-hood benchmark run"
VERSION: Final = 1
MAX_TEXT: Final = 1_000
MAX_ROUNDS: Final = 10_000
MAX_RESULTS: Final = 1_024
"""How many engines all comparisons of a file may have together: each is judged anew."""
_MOST: Final = 2**53
_EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def _in_range(moment: datetime) -> datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError(f"expected a moment from {_EARLIEST.year} to {_LATEST.year}")
    return moment.astimezone(UTC)


Text: TypeAlias = Annotated[str, Field(max_length=MAX_TEXT)]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=80)]
Fingerprint: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Count: TypeAlias = Annotated[int, Field(ge=0, le=_MOST)]
Positive: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000)]
Seed: TypeAlias = Annotated[int, Field(ge=0, le=MAX_SEED)]
Seconds: TypeAlias = Annotated[float, Field(ge=0, le=1e7)]
Time: TypeAlias = Annotated[float, Field(ge=1e-12, le=1e7)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Distance: TypeAlias = Annotated[float, Field(ge=0)] | Literal["nan", "inf"]
Value: TypeAlias = bool | int | float | Text


class Part(BaseModel):
    """A part of the file: exactly these names, no text for a number, no number that is not finite."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class MethodPart(Part):
    """How engines were compared: as `core.benchmark.plan.Method`."""

    block_seconds: Time
    least_rounds: Count
    most_rounds: Count
    least_seconds: Seconds
    most_foreign: Share
    warm_seconds: Seconds
    load_seconds: Seconds
    samples: Count
    sample_seconds: Seconds
    seed: Seed


class PlanPart(Part):
    """What was to be measured: as `core.benchmark.plan.BenchmarkPlan`."""

    models: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_CASES)]
    engines: Annotated[tuple[EngineKind, ...], Field(min_length=1, max_length=len(EngineKind))]
    batches: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=MAX_CASES)]
    threads: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=MAX_CASES)]
    options: EngineOptions
    seed: Seed
    method: MethodPart


class GpuPart(Part):
    """A GPU, its memory in bytes."""

    name: Text
    memory_bytes: Count


class MachinePart(Part):
    """Where: as `core.machine.Machine`; sizes in bytes."""

    cpu: Text
    physical_cores: Positive
    logical_cores: Positive
    memory_total_bytes: Count
    memory_available_bytes: Count
    system: Text
    gpus: Annotated[tuple[GpuPart, ...], Field(max_length=64)]
    no_gpu_because: Text
    versions: Versions
    execution_providers: Annotated[tuple[Text, ...], Field(max_length=64)]


class ErrorPart(Part):
    """How far an engine's numbers are from the baseline's, as it was measured."""

    absolute: Distance
    relative: Distance
    agree: bool
    problem: Text


class MemoryPart(Part):
    """What a process with the engine alone held, in bytes."""

    before: Count
    after: Count
    peak: Count


class RoundPart(Part):
    """A round; the seconds of one call per engine, null where the clock gave none."""

    number: Count
    seconds: Annotated[dict[Name, Time | None], Field(max_length=len(EngineKind) + 1)]
    calls: Annotated[dict[Name, Annotated[int, Field(ge=1, le=MOST_CALLS)]], Field(max_length=64)]
    foreign: Share | None
    rejected: bool


class FoundPart(Part):
    """What follows from the rounds, for other programs; it is computed anew when the file is read."""

    median_seconds: float | None
    lower_quartile_seconds: float | None
    upper_quartile_seconds: float | None
    ratio: float | None
    low: float | None
    high: float | None
    verdict: Verdict | None


class EnginePart(Part):
    """An engine of a comparison; times in seconds."""

    name: Name
    problem: Text
    metadata: Annotated[dict[Name, Value], Field(max_length=64)] | None
    load_seconds: Seconds | None
    first_seconds: Seconds | None
    warm_seconds: Seconds | None
    settled: bool
    error: ErrorPart | None
    samples: Annotated[tuple[Time, ...], Field(max_length=MAX_ROUNDS)]
    memory: MemoryPart | None
    found: FoundPart | None = None


class CasePart(Part):
    """A comparison."""

    model: Name
    seed: Seed
    batch: Positive
    threads: Positive
    machine: Text
    baseline: Text
    twin: Text
    stopped: bool
    engines: Annotated[tuple[EnginePart, ...], Field(min_length=1, max_length=len(EngineKind))]
    rounds: Annotated[tuple[RoundPart, ...], Field(max_length=MAX_ROUNDS)]

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [each.name for each in self.engines]
        if len(set(names)) < len(names):
            raise ValueError("expected each engine once")
        if (self.baseline and self.baseline not in names) or (self.twin and self.twin in names):
            raise ValueError("expected one of the engines as baseline, and a twin that is none of them")
        if self.twin and not self.baseline:
            raise ValueError("expected no twin without a baseline")
        known = {*names, self.twin} - {""}
        numbers = [each.number for each in self.rounds]
        if any(not each.seconds.keys() <= known for each in self.rounds):
            raise ValueError("expected only engines of the comparison in its rounds")
        if any(one >= two for one, two in itertools.pairwise(numbers)):
            raise ValueError("expected rounds in rising order")
        return self


class RunFile(Part):
    """The file."""

    format: Literal["under-the-hood benchmark run"]
    version: Literal[1]
    started: Annotated[AwareDatetime, AfterValidator(_in_range)]
    note: Annotated[str, Field(max_length=MAX_NOTE)]
    seconds: Seconds
    machine: MachinePart
    models: Annotated[dict[Name, Fingerprint], Field(max_length=MAX_CASES)]
    plan: PlanPart
    cases: Annotated[tuple[CasePart, ...], Field(max_length=16 * MAX_CASES)]

    @model_validator(mode="after")
    def _check_count(self) -> Self:
        count = sum(len(case.engines) for case in self.cases)
        if count > MAX_RESULTS:
            raise ValueError(f"{count} engines were measured, expected at most {MAX_RESULTS}")
        return self

    @model_validator(mode="after")
    def _check_rejections(self) -> Self:
        """A round that does not count must show why: else one could leave out what one does not like."""
        most = self.plan.method.most_foreign
        for case in self.cases:
            for one in case.rounds:
                broken = None in one.seconds.values()
                if broken and not one.rejected:
                    raise ValueError(f"round {one.number} has no time of an engine and must not count")
                if one.rejected and not broken and (one.foreign is None or one.foreign <= most):
                    raise ValueError(f"round {one.number} does not count, but others did not use the machine")
        return self
