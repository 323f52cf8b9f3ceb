"""A run as the parts of its JSON file, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from core.benchmark.derivation import derive, derive_report, was_stopped
from core.benchmark.fingerprint import machine_fingerprint, versions_fingerprint
from core.benchmark.history.lines import clean
from core.benchmark.history.parts import (
    FORMAT,
    MAX_TEXT,
    VERSION,
    CasePart,
    EnginePart,
    ErrorPart,
    FoundPart,
    GpuPart,
    MachinePart,
    MemoryPart,
    MethodPart,
    PlanPart,
    RoundPart,
    RunFile,
)
from core.benchmark.history.run import Run, new_id
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.report import CaseReport, EngineResult, Error
from core.benchmark.rounds import Round, is_time
from core.benchmark.worker import Memory
from core.engines.engine import Fact
from core.machine import Gpu, Machine, Versions


def to_file(run: Run) -> RunFile:
    """The file of a run; text in it is cut to what may be read again."""
    machine, plan = run.machine, run.plan
    return RunFile(
        format=FORMAT,
        version=VERSION,
        started=run.started,
        note=run.note,
        seconds=run.report.seconds,
        machine=MachinePart(
            cpu=_text(machine.cpu),
            physical_cores=machine.physical_cores,
            logical_cores=machine.logical_cores,
            memory_total_bytes=machine.memory_total_bytes,
            memory_available_bytes=machine.memory_available_bytes,
            system=_text(machine.system),
            gpus=tuple(
                GpuPart(name=_text(each.name), memory_bytes=each.memory_bytes) for each in machine.gpus
            ),
            no_gpu_because=_text(machine.no_gpu_because),
            versions=_versions(machine.versions),
            execution_providers=tuple(map(_text, machine.execution_providers)),
        ),
        models=dict(run.model_ids),
        plan=PlanPart(
            models=plan.models,
            engines=plan.engines,
            batches=plan.batches,
            threads=plan.threads,
            options=plan.options,
            seed=plan.seed,
            method=MethodPart(**vars(plan.method)),
        ),
        cases=tuple(map(_case_part, run.report.cases)),
    )


def from_file(file: RunFile, owner: str) -> Run:
    """The run of the file: a new number, marked imported, everything that follows from rounds anew."""
    values = dict(file.machine) | {
        "gpus": tuple(Gpu(each.name, each.memory_bytes) for each in file.machine.gpus)
    }
    machine = Machine(**values)
    plan = BenchmarkPlan(**dict(file.plan) | {"method": Method(**dict(file.plan.method))})
    return Run(
        id=new_id(),
        owner=owner,
        shared=False,
        started=file.started,
        plan=plan,
        report=derive_report(plan, [_case(each) for each in file.cases], file.seconds),
        machine=machine,
        machine_id=machine_fingerprint(machine),
        versions_id=versions_fingerprint(machine.versions),
        model_ids=file.models,
        imported=True,
        note=file.note,
    )


def _case(part: CasePart) -> CaseReport:
    engines = []
    for each in part.engines:
        values = {name: value for name, value in each if name != "found"}
        error, memory = each.error, each.memory
        values["error"] = error and Error(
            float(error.absolute), float(error.relative), error.agree, error.problem
        )
        values["memory"] = memory and Memory(memory.before, memory.after, memory.peak)
        engines.append(EngineResult(**values))
    rounds = tuple(
        Round(
            each.number,
            {name: math.nan if time is None else time for name, time in each.seconds.items()},
            each.calls,
            each.foreign,
            each.rejected,
        )
        for each in part.rounds
    )
    case = CaseReport(
        model=part.model,
        seed=part.seed,
        batch=part.batch,
        threads=part.threads,
        baseline=part.baseline,
        twin=part.twin,
        engines=tuple(engines),
        floor=None,
        rounds=rounds,
        caveats=(),
        complete=not part.stopped,
        machine=part.machine,
    )
    return derive(case, stopped=part.stopped)


def _case_part(case: CaseReport) -> CasePart:
    return CasePart(
        model=case.model,
        seed=case.seed,
        batch=case.batch,
        threads=case.threads,
        machine=_text(case.machine),
        baseline=case.baseline,
        twin=case.twin,
        stopped=was_stopped(case),
        engines=tuple(map(_engine_part, case.engines)),
        rounds=tuple(
            RoundPart(
                number=each.number,
                seconds={name: time if is_time(time) else None for name, time in each.seconds.items()},
                calls=dict(each.calls),
                foreign=each.foreign,
                rejected=each.rejected,
            )
            for each in case.rounds
        ),
    )


def _engine_part(engine: EngineResult) -> EnginePart:
    error, memory = engine.error, engine.memory
    return EnginePart(
        name=engine.name,
        problem=_text(engine.problem),
        metadata=None if engine.metadata is None else _facts(engine.metadata),
        load_seconds=engine.load_seconds,
        first_seconds=engine.first_seconds,
        warm_seconds=engine.warm_seconds,
        settled=engine.settled,
        error=None if error is None else _error_part(error),
        samples=engine.samples,
        memory=None
        if memory is None
        else MemoryPart(before=memory.before, after=memory.after, peak=memory.peak),
        found=_found(engine),
    )


def _error_part(error: Error) -> ErrorPart:
    return ErrorPart(
        absolute=_distance(error.absolute),
        relative=_distance(error.relative),
        agree=error.agree,
        problem=_text(error.problem),
    )


def _found(engine: EngineResult) -> FoundPart | None:
    summary, judgement = engine.summary, engine.judgement
    if summary is None:
        return None
    ratio = judgement.ratio if judgement else None
    return FoundPart(
        median_seconds=summary.median,
        lower_quartile_seconds=summary.lower_quartile,
        upper_quartile_seconds=summary.upper_quartile,
        ratio=ratio.value if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        verdict=judgement.verdict if judgement else None,
    )


def _facts(metadata: Mapping[str, Fact]) -> dict[str, Fact]:
    return {
        clean(name, 80): clean(value, MAX_TEXT) if isinstance(value, str) else value
        for name, value in metadata.items()
    }


def _distance(value: float) -> float | Literal["nan", "inf"]:
    if math.isnan(value):
        return "nan"
    return value if math.isfinite(value) else "inf"


def _text(text: str) -> str:
    return clean(text, MAX_TEXT)


def _versions(versions: Versions) -> Versions:
    return Versions(**{name: each and _text(each) for name, each in vars(versions).items()})
