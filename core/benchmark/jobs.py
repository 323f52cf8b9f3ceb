"""Jobs: measurements that are asked for, wait their turn, run, and can be given up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum

from core.benchmark.fairness import FairnessRow
from core.benchmark.machines import ANYWHERE, MachineInfo, Where
from core.benchmark.method import Progress
from core.benchmark.report import CaseReport
from core.benchmark.search.findings import Tried
from core.benchmark.tasks import Plan, Result


class JobError(ValueError):
    """A job that cannot be taken, or is not known: one line for a visitor."""


class JobState(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


@dataclass(frozen=True)
class JobStatus:
    """A job now.

    Attributes:
        job: its number, which nobody can guess.
        state: how far it is.
        position: how many jobs come before it; 0 once it runs.
        progress: of the measurement; None before it says something.
        cases: the comparisons that are finished, also when the job failed or was given up.
        parts: the same of other plans: rows of "Is it fair?", and what a search has tried.
        result: the whole; None unless the job is done, or was given up in the middle of a measurement.
        problem: why it failed, in one line; empty otherwise.
        machine: the one that it runs on, or the names of several; empty while that is not decided.
        notes: what is to be said about how it waits or ran, a sentence each.
        results: what each machine found, beside its name; only of a job that ran everywhere and is no
            comparison of engines, whose `result` has the machines in it.
    """

    job: str
    state: JobState
    position: int = 0
    progress: Progress | None = None
    cases: tuple[CaseReport, ...] = ()
    parts: tuple[FairnessRow | Tried, ...] = ()
    result: Result | None = None
    problem: str = ""
    machine: str = ""
    notes: tuple[str, ...] = ()
    results: tuple[tuple[str, Result], ...] = ()


@dataclass(frozen=True)
class Limits:
    """How much a runner takes on.

    Attributes:
        waiting: jobs that wait, of all visitors.
        per_visitor: jobs that wait or run, of one visitor.
        seconds: how long a job may take.
        kept: how many finished jobs are remembered.
    """

    waiting: int = 50
    per_visitor: int = 3
    seconds: float = 900.0
    kept: int = 100

    def check(self, waiting: int, mine: int) -> None:
        """Whether one more job may come.

        Args:
            waiting: how many wait, of all visitors.
            mine: how many wait or run, of the visitor who asks.

        Raises:
            JobError: if not.
        """
        if waiting >= self.waiting:
            raise JobError(f"{waiting} measurements are waiting already: try again later.")
        if mine >= self.per_visitor:
            raise JobError(
                f"You have {mine} measurements waiting or running, and may have {self.per_visitor}: "
                "wait for one, or give one up."
            )


class JobRunner(ABC):
    """Whoever runs measurements: one at a time on a machine."""

    @abstractmethod
    def submit(self, plan: Plan, visitor: str, on: Where = ANYWHERE) -> str:
        """Takes a job; the visitors take turns.

        Args:
            plan: what to measure.
            visitor: whoever asks.
            on: which machines run it.

        Returns:
            The job's number, for `status` and `cancel`.

        Raises:
            JobError: if this visitor, or all together, have too many waiting, or there is no such machine.
        """

    @abstractmethod
    def status(self, job: str) -> JobStatus:
        """A job now; never waits.

        Raises:
            JobError: if it is not known, or no longer.
        """

    @abstractmethod
    def cancel(self, job: str) -> None:
        """Gives a job up; what it measured by then is kept. It may be over already.

        Raises:
            JobError: if it is not known, or no longer.
        """

    @abstractmethod
    def machines(self) -> tuple[MachineInfo, ...]:
        """The machines that jobs run on, also those that take none now; never waits for one."""

    @property
    @abstractmethod
    def problem(self) -> str:
        """Why no job can run now, in one line for a visitor; empty if all is well."""

    @abstractmethod
    def close(self) -> None:
        """Gives up all jobs and ends all processes; it may be called twice."""
