"""What lists and trends show of runs: medians, ratios and verdicts, without the rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from core.benchmark.history.run import Run
from core.benchmark.report import CaseReport, EngineResult
from core.benchmark.verdict import Verdict
from core.machine import Machine, Versions

_MAX_TEXT: Final = 500


@dataclass(frozen=True)
class ResultLine:
    """One engine in one comparison of a run.

    Attributes:
        model, seed, batch, threads: what ran, and with what.
        model_id: the fingerprint of the model with its weights; empty if it is not known.
        engine: its name.
        baseline: the engine that it is compared with; itself for the baseline.
        machine: the one of a cluster that measured it, by name; empty if it was the run's own.
        rounds: how many count.
        median, lower_quartile, upper_quartile: seconds per call; None if it was not measured.
        ratio, low, high: how many times as fast as the baseline, with the 95% interval; None for itself.
        verdict: None for the baseline.
        agrees: whether its numbers are the baseline's; None for the baseline.
        problem: why it was not measured, or not to the end; empty if all went well.
    """

    model: str
    seed: int
    batch: int
    threads: int
    model_id: str
    engine: str
    baseline: str
    machine: str = ""
    rounds: int = 0
    median: float | None = None
    lower_quartile: float | None = None
    upper_quartile: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Verdict | None = None
    agrees: bool | None = None
    problem: str = ""


@dataclass(frozen=True)
class RunLine:
    """A run in a list.

    Attributes:
        id, owner, shared, started, imported, note: as in `Run`.
        machine, machine_id, versions_id: as in `Run`.
        seconds, complete: as in `Report`.
        results: an engine of a comparison each, in the order of the report.
        waiting: whether it is kept in a file until the database is back.
    """

    id: str
    owner: str = field(repr=False)
    shared: bool
    started: datetime
    imported: bool
    note: str
    machine: Machine
    machine_id: str
    versions_id: str
    seconds: float
    complete: bool
    results: tuple[ResultLine, ...]
    waiting: bool = False

    @property
    def models(self) -> tuple[str, ...]:
        """The models that have a result, each once."""
        return tuple(dict.fromkeys(each.model for each in self.results))

    @property
    def judged(self) -> bool:
        """Whether there is a verdict in it: else every round was rejected, or nothing was compared."""
        return any(each.verdict is not None for each in self.results)

    def visible_to(self, owner: str | None, *, shared: bool) -> bool:
        """Whether a visitor sees it in the list; see `History.runs`."""
        return owner is None or self.owner == owner or (shared and self.shared)


@dataclass(frozen=True)
class MachineLine:
    """A machine that has runs.

    Attributes:
        machine_id: its fingerprint.
        machine: as its latest run describes it.
        names: what clusters call the machines that measured for it, if any did.
        runs: how many.
        latest: when the latest started.
    """

    machine_id: str
    machine: Machine
    names: tuple[str, ...]
    runs: int
    latest: datetime


@dataclass(frozen=True)
class TrendPoint:
    """One engine in one run: a point of a line over time.

    Attributes:
        run: the run's number.
        started, imported, complete, versions, versions_id: of the run.
        result: the engine's; times in seconds per call.
    """

    run: str
    started: datetime
    imported: bool
    complete: bool
    versions: Versions
    versions_id: str
    result: ResultLine


def line_of(run: Run, *, waiting: bool = False) -> RunLine:
    """What a list shows of a run."""
    results = [_result(case, engine, run.model_ids) for case in run.report.cases for engine in case.engines]
    return RunLine(
        id=run.id,
        owner=run.owner,
        shared=run.shared,
        started=run.started,
        imported=run.imported,
        note=run.note,
        machine=run.machine,
        machine_id=run.machine_id,
        versions_id=run.versions_id,
        seconds=run.report.seconds,
        complete=run.report.complete,
        results=tuple(results),
        waiting=waiting,
    )


def point_of(line: RunLine, result: ResultLine) -> TrendPoint:
    """A result of a run as a point of a trend."""
    return TrendPoint(
        line.id, line.started, line.imported, line.complete, line.machine.versions, line.versions_id, result
    )


def clean(text: str, most: int = _MAX_TEXT) -> str:
    """A text on one line of moderate length, without what cannot be printed."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text[: 4 * most])
    shown = " ".join(shown.split())
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _result(case: CaseReport, engine: EngineResult, model_ids: Mapping[str, str]) -> ResultLine:
    summary, judgement = engine.summary, engine.judgement
    ratio = judgement.ratio if judgement else None
    return ResultLine(
        model=clean(case.model),
        seed=case.seed,
        batch=case.batch,
        threads=case.threads,
        model_id=model_ids.get(case.model, ""),
        engine=clean(engine.name),
        baseline=clean(case.baseline),
        machine=clean(case.machine),
        rounds=summary.count if summary else 0,
        median=summary.median if summary else None,
        lower_quartile=summary.lower_quartile if summary else None,
        upper_quartile=summary.upper_quartile if summary else None,
        ratio=ratio.value if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        verdict=judgement.verdict if judgement else None,
        agrees=engine.error.agree if engine.error else None,
        problem=clean(engine.problem),
    )
