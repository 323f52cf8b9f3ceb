"""Runs beside each other: what differs between them, and how far their ratios are apart.

A ratio is of one machine and one run; here it is set beside another run's, never divided by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final

from core.benchmark.history.run import HistoryError, Run
from core.benchmark.report import CaseReport, EngineResult
from core.machine import Versions
from core.zoo import titles

MAX_RUNS: Final = 6


@dataclass(frozen=True)
class Cell:
    """One engine of one comparison in one run.

    Attributes:
        median: seconds per call; None if it was not measured.
        ratio, low, high: how many times as fast as the baseline, with its 95% interval; None for itself.
        verdict: in a word; why there is none, if there is none.
        agrees: whether its numbers are the baseline's; None for the baseline.
    """

    median: float | None
    ratio: float | None
    low: float | None
    high: float | None
    verdict: str
    agrees: bool | None


@dataclass(frozen=True)
class Row:
    """The same engine of the same comparison in each of the runs.

    Attributes:
        model, seed, batch, threads, engine, baseline: which.
        cells: one per run, in their order; None where the run does not have it.
        apart: whether the intervals of two ratios have nothing in common.
    """

    model: str
    seed: int
    batch: int
    threads: int
    engine: str
    baseline: str
    cells: tuple[Cell | None, ...]
    apart: bool


@dataclass(frozen=True)
class SideBySide:
    """Several runs beside each other.

    Attributes:
        differences: what is not the same in all of them, a sentence each.
        rows: every engine that is in at least two.
        alone: how many engines of comparisons are in one run only.
    """

    differences: tuple[str, ...]
    rows: tuple[Row, ...]
    alone: int


def side_by_side(runs: Sequence[Run]) -> SideBySide:
    """Sets runs beside each other.

    Raises:
        HistoryError: if there are fewer than two, or more than `MAX_RUNS`.
    """
    if not 2 <= len(runs) <= MAX_RUNS:
        raise HistoryError(f"Got {len(runs)} runs to compare: choose 2 to {MAX_RUNS}.")
    cells: dict[tuple[str, int, int, int, str, str], dict[int, Cell]] = {}
    for number, run in enumerate(runs):
        for case in run.report.cases:
            for engine in case.engines:
                key = (case.model, case.seed, case.batch, case.threads, engine.name, case.baseline)
                # On a cluster every machine may have run all: the first counts.
                cells.setdefault(key, {}).setdefault(number, _cell(case, engine))
    rows = [
        Row(*key, tuple(found.get(number) for number in range(len(runs))), _apart(found.values()))
        for key, found in cells.items()
        if len(found) > 1
    ]
    return SideBySide(tuple(_differences(runs)), tuple(rows), len(cells) - len(rows))


def _cell(case: CaseReport, engine: EngineResult) -> Cell:
    ratio = None if engine.judgement is None else engine.judgement.ratio
    baseline = engine.name == case.baseline
    return Cell(
        None if engine.summary is None else engine.summary.median,
        None if ratio is None else ratio.value,
        None if ratio is None else ratio.low,
        None if ratio is None else ratio.high,
        "baseline" if baseline else engine.problem if engine.judgement is None else engine.judgement.verdict,
        None if engine.error is None else engine.error.agree,
    )


def _apart(cells: Iterable[Cell]) -> bool:
    known = [(cell.low, cell.high) for cell in cells if cell.low is not None and cell.high is not None]
    return len(known) > 1 and max(low for low, _ in known) > min(high for _, high in known)


def _differences(runs: Sequence[Run]) -> list[str]:
    found = []
    if len({run.machine_id for run in runs}) > 1:
        machines = dict.fromkeys(f"{run.machine.cpu}, {run.machine.logical_cores} threads" for run in runs)
        found.append(f"They ran on different machines: {_against(machines)}.")
    for name in (each.name for each in fields(Versions)):
        versions = dict.fromkeys(getattr(run.machine.versions, name) or "none" for run in runs)
        if len(versions) > 1:
            found.append(f"Different versions of {name}: {_against(versions)}.")
    found += [
        f"{titles().get(model, model)} has different weights."
        for model in dict.fromkeys(model for run in runs for model in run.model_ids)
        if len({run.model_ids[model] for run in runs if model in run.model_ids}) > 1
    ]
    settings = (
        ("settings of ONNX Runtime's idle threads", [run.plan.options.spin.value for run in runs]),
        ("graph optimizations", [run.plan.options.optimization.value for run in runs]),
        ("lengths of a block", [f"{run.plan.method.block_seconds:g} s" for run in runs]),
        ("shares that others may use", [f"{run.plan.method.most_foreign:.0%}" for run in runs]),
    )
    found += [
        f"Different {what}: {_against(dict.fromkeys(values))}."
        for what, values in settings
        if len(set(values)) > 1
    ]
    if any(run.imported for run in runs):
        found.append("A run that came as a file is what its sender says it is.")
    return found


def _against(values: Iterable[str]) -> str:
    return " against ".join(values)
