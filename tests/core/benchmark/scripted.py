"""A runner that measures nothing: its jobs are in whatever state a test puts them."""

from __future__ import annotations

import dataclasses

from core.benchmark.jobs import JobError, JobRunner, JobState, JobStatus
from core.benchmark.machines import ANYWHERE, MachineInfo, Where
from core.benchmark.tasks import Plan


class Scripted(JobRunner):
    """A runner whose jobs do what the test says.

    Attributes:
        jobs: all of them, by number.
        plans: what was asked for.
        cancelled: the jobs that were given up.
        known: its machines.
        refuses: why it takes no job; empty if it does.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, JobStatus] = {}
        self.plans: list[Plan] = []
        self.cancelled: list[str] = []
        self.known: tuple[MachineInfo, ...] = ()
        self.refuses = ""

    def submit(self, plan: Plan, visitor: str, on: Where = ANYWHERE) -> str:
        if self.refuses:
            raise JobError(self.refuses)
        self.plans.append(plan)
        job = f"job-{len(self.jobs)}"
        self.jobs[job] = JobStatus(job, JobState.QUEUED, position=len(self.jobs))
        return job

    def status(self, job: str) -> JobStatus:
        return self.jobs[job]

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)
        self.set(job, state=JobState.CANCELLED)

    def machines(self) -> tuple[MachineInfo, ...]:
        return self.known

    @property
    def problem(self) -> str:
        return ""

    def close(self) -> None:
        for job, status in self.jobs.items():
            if not status.state.over:
                self.set(job, state=JobState.CANCELLED)

    def set(self, job: str, **news: object) -> None:
        """Changes what is said of a job."""
        self.jobs[job] = dataclasses.replace(self.jobs[job], **news)  # type: ignore[arg-type] # each its own
