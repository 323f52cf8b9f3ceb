"""Shards of a job: what one machine measures in one go, so that no ratio is mixed between machines."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeGuard

from core.benchmark.cluster.station import Outcome
from core.benchmark.coordinator import read_line
from core.benchmark.fairness import FairnessPlan, FairnessReport, FairnessRow
from core.benchmark.method import Progress
from core.benchmark.operators import OperatorsPlan
from core.benchmark.plan import MAX_CASES, BenchmarkPlan
from core.benchmark.report import CaseReport, EngineResult, Report
from core.benchmark.roofline import RooflinePlan
from core.benchmark.rounds import BenchmarkError
from core.benchmark.search.findings import SearchReport, Tried
from core.benchmark.search.space import SearchPlan
from core.benchmark.tasks import Plan, Result

LOSSES: Final = 2
"""How many workers may be lost in the middle of a shard: after the first, it is measured once more."""
RESTARTS: Final = 3
"""How often a shard is begun again because the scheduler was lost."""


@dataclass
class Shard:
    """One shard with what became of it.

    Attributes:
        plan: what to measure.
        machine: the only one that may; empty for any.
        host: the one that measures it, or measured it.
        lost_on: the machines whose workers were lost in the middle of it.
        lost_at: when the last one was lost, by the monotonic clock; None if it is measured again by now.
        restarts: how often the scheduler was lost in the middle of it.
        flying: whether a worker has it now.
        over: whether it has come to its end.
        share, stage: how far it is.
        cases, parts, result: what was measured; parts also while it goes on.
        problem: why it was not, in one line.
    """

    plan: Plan
    machine: str = ""
    host: str = ""
    lost_on: list[str] = field(default_factory=list)
    lost_at: float | None = None
    restarts: int = 0
    flying: bool = False
    over: bool = False
    share: float = 0.0
    stage: str = ""
    cases: tuple[CaseReport, ...] = ()
    parts: tuple[FairnessRow | Tried, ...] = ()
    result: Result | None = None
    problem: str = ""

    @property
    def waiting(self) -> bool:
        """Whether it is to be given to a worker."""
        return not self.flying and not self.over

    @property
    def threads(self) -> int:
        """How many its machine must have."""
        match self.plan:
            case BenchmarkPlan(threads=threads):
                return max(threads)
            case FairnessPlan() | RooflinePlan() | OperatorsPlan():
                return self.plan.threads
            case SearchPlan():
                return 1

    @property
    def note(self) -> str:
        """What happened to it, in a sentence; empty if all went well."""
        if self.lost_on and not self.problem:
            again = (
                f"it was measured again on {self.host}" if self.lost_at is None else "it is measured again"
            )
            return f"A worker on {self.lost_on[0]} was lost in the middle; {again}."
        return ""

    def start(self, host: str) -> None:
        """A machine has it now."""
        self.host, self.flying, self.lost_at = host, True, None
        self.share, self.stage, self.parts = 0.0, f"Waiting for {host}", ()

    def lose(self, now: float) -> None:
        """Its worker was lost."""
        self.flying = False
        self.lost_on.append(self.host)
        self.lost_at = now
        if len(self.lost_on) >= LOSSES:
            self.fail(
                f"A worker on {' and then one on '.join(self.lost_on)} was lost in the middle: it may need "
                "more memory than they have."
            )

    def restart(self) -> None:
        """The scheduler was lost, and with it whatever its worker found."""
        self.flying = False
        self.restarts += 1
        if self.restarts > RESTARTS:
            self.fail(f"The cluster's scheduler was lost {self.restarts} times in the middle of it.")

    def fail(self, problem: str) -> None:
        """It comes to its end without a result."""
        self.flying, self.over, self.problem, self.share = False, True, problem, 1.0

    def drop(self) -> None:
        """It comes to its end because nobody wants it any more."""
        self.flying, self.over = False, True

    def finish(self, outcome: Outcome) -> None:
        """Takes in what its worker found.

        Raises:
            ValueError: if that is nothing that a worker says.
        """
        cases: list[CaseReport] = []
        parts: list[FairnessRow | Tried] = []
        result: Result | None = None
        for line in outcome.lines:
            match read_line(_message(line)):
                case str() as problem:
                    self.fail(problem)
                    return
                case CaseReport() as case:
                    cases.append(case)
                case Report() as report:
                    result, cases = report, list(report.cases)
                case FairnessRow() as row:
                    parts.append(self._marked_row(row))
                case Tried() as tried:
                    parts.append(tried)
                case None | Progress():
                    pass
                case other:
                    result = other
        self.cases = tuple(self._marked(case) for case in cases)
        self.parts = tuple(parts)
        match result:
            case Report():
                result = replace(result, cases=self.cases)
            case FairnessReport():
                result = replace(result, rows=tuple(map(self._marked_row, result.rows)))
            case SearchReport(final=CaseReport() as final):
                result = replace(result, final=self._marked(final))
        self.result = result
        self.flying, self.over, self.share = False, True, 1.0

    def failed_case(self) -> tuple[CaseReport, ...]:
        """Its comparison as one that was not made, so that a report has it in its place."""
        plan = self.plan
        if not compares(plan) or not self.problem:
            return ()
        return (
            CaseReport(
                model=plan.models[0],
                seed=plan.seed,
                batch=plan.batches[0],
                threads=plan.threads[0],
                baseline="",
                twin="",
                engines=tuple(EngineResult(kind.value, problem=self.problem) for kind in plan.engines),
                floor=None,
                rounds=(),
                caveats=(self.problem,),
                complete=False,
                machine=self.host or self.machine,
            ),
        )

    def _marked(self, case: CaseReport) -> CaseReport:
        caveats = (*case.caveats, self.note) if self.note else case.caveats
        return replace(case, machine=self.host, caveats=caveats)

    def _marked_row(self, row: FairnessRow) -> FairnessRow:
        return row if row.case is None else replace(row, case=self._marked(row.case))


def _message(line: str) -> Mapping[str, Any]:
    found = json.loads(line)
    if not isinstance(found, Mapping):
        raise ValueError(f"Expected a message, got {line[:80]!r}.")
    return found


def compares(plan: object) -> TypeGuard[BenchmarkPlan]:
    """Whether a plan is one of comparisons, which can be measured apart."""
    return isinstance(plan, BenchmarkPlan)


def split(plan: Plan) -> tuple[Plan, ...]:
    """The shards of a plan in its order: each comparison, or the whole where there are none.

    Raises:
        BenchmarkError: if there is none, or too many.
    """
    if not compares(plan):
        return (plan,)
    found = tuple(
        replace(plan, models=(model,), batches=(batch,), threads=(threads,))
        for model, batch, threads in itertools.product(plan.models, plan.batches, plan.threads)
    )
    if not found or not plan.engines:
        raise BenchmarkError(
            "The plan is empty: choose at least one model, engine, batch and number of threads."
        )
    if len(found) > MAX_CASES:
        raise BenchmarkError(
            f"The plan has {len(found)} comparisons and at most {MAX_CASES} are measured at once: "
            "take fewer models, batches or numbers of threads."
        )
    return found


def spread(plan: Plan, machines: Iterable[str]) -> list[Shard]:
    """The shards of a plan, each once per machine; an empty name is any machine.

    Raises:
        BenchmarkError: as `split`.
    """
    names = list(machines)
    return [Shard(each, machine) for each in split(plan) for machine in names]
