"""A job on the cluster: its shards, and what a visitor is told of them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from core.benchmark.cluster.fleet import Host
from core.benchmark.cluster.shard import Shard, compares, split, spread
from core.benchmark.fairness import FairnessRow
from core.benchmark.jobs import JobState, JobStatus
from core.benchmark.machines import Where
from core.benchmark.method import Progress
from core.benchmark.report import CaseReport, Report
from core.benchmark.search.findings import Tried
from core.benchmark.tasks import Plan

_SHARE_TO_GO_BY: Final = 0.02


class Job:
    """A job and how far it is. Whoever holds it sees to it that one thread at a time does.

    Attributes:
        visitor: whoever asked.
        on: which machines run it.
        shards: none yet, if it runs everywhere and has not begun.
        began: when its first shard was given to a worker, by the monotonic clock.
        ended_by: when it was given up or had taken too long.
        missing_since: since when the machine that it is pinned to is away.

    Raises:
        BenchmarkError: if the plan is empty or too large.
    """

    def __init__(self, plan: Plan, visitor: str, on: Where) -> None:
        split(plan)
        self.plan = plan
        self.visitor = visitor
        self.on = on
        self.shards: list[Shard] = [] if on.everywhere else spread(plan, [on.machine])
        self.began: float | None = None
        self.ended_by: float | None = None
        self._why = ""
        self.missing_since: float | None = None
        self._status = JobStatus(secrets.token_urlsafe(12), JobState.QUEUED)

    @property
    def number(self) -> str:
        """What it is known by."""
        return self._status.job

    @property
    def state(self) -> JobState:
        """How far it is."""
        return self._status.state

    @property
    def flying(self) -> bool:
        """Whether a worker has a shard of it."""
        return any(shard.flying for shard in self.shards)

    @property
    def waiting(self) -> bool:
        """Whether a shard of it is to be given to a worker."""
        return self.state.over is False and (not self.shards or any(shard.waiting for shard in self.shards))

    def shard_for(self, host: Host, ready: Sequence[Host]) -> Shard | None:
        """A shard that this machine can take now.

        A shard whose worker was lost goes to another machine, if there is one.

        Args:
            host: the machine.
            ready: all machines that take benchmarks.
        """
        for shard in self.shards:
            if not shard.waiting or shard.machine not in {"", host.name}:
                continue
            if not shard.machine:
                if shard.threads > host.cores:
                    continue
                if host.name in shard.lost_on and any(
                    each.name not in shard.lost_on and each.cores >= shard.threads for each in ready
                ):
                    continue
            return shard
        return None

    def begin(self, shard: Shard, host: str) -> None:
        """A machine takes a shard."""
        shard.start(host)
        if self.began is None:
            self.began = time.monotonic()
            self._status = replace(self._status, state=JobState.RUNNING)

    def place(self, names: Sequence[str]) -> None:
        """It is known by now which machines all run it."""
        self.shards = spread(self.plan, names)

    def give_up(self, why: str = "") -> None:
        """What waits is dropped; it is over as soon as no worker has a shard of it.

        Args:
            why: the problem, if it was not the visitor who wanted it.
        """
        if self.ended_by is None:
            self.ended_by, self._why = time.monotonic(), why
        for shard in self.shards:
            if shard.waiting:
                shard.drop()
        self.settle()

    def settle(self, problem: str = "") -> None:
        """Ends it, if all shards have come to their end.

        Args:
            problem: why it fails whatever its shards say.
        """
        given_up = self.ended_by is not None
        if self.state.over or not (problem or given_up or self.shards):
            return
        if any(not shard.over for shard in self.shards) and not problem:
            return
        problems = [shard.problem for shard in self.shards if shard.problem]
        if problem:
            self._end(JobState.FAILED, problem)
        elif self._why:
            self._end(JobState.FAILED, self._why)
        elif given_up:
            self._end(JobState.CANCELLED)
        elif problems and len(problems) == len(self.shards):
            self._end(JobState.FAILED, problems[0])
        else:
            self._end(JobState.DONE)

    def status(self, position: int = 0, notes: Sequence[str] = ()) -> JobStatus:
        """What a visitor is told.

        Args:
            position: how many jobs come before it.
            notes: what is to be said of the cluster.
        """
        if self.state.over:
            return self._status
        return replace(
            self._status,
            position=position if self.state is JobState.QUEUED else 0,
            progress=self._progress(),
            cases=self._cases(),
            parts=self._parts(),
            machine=", ".join(self._hosts()),
            notes=(*notes, *self._notes()),
        )

    def _end(self, state: JobState, problem: str = "") -> None:
        self._status = replace(
            self._status,
            state=state,
            problem=problem,
            progress=self._progress(),
            machine=", ".join(self._hosts()),
            cases=self._cases(),
            parts=self._parts(),
            notes=tuple(self._notes()),
        )
        if state is not JobState.FAILED:
            self._status = self._with_results(complete=state is JobState.DONE)

    def _with_results(self, *, complete: bool) -> JobStatus:
        found = tuple((shard.host, shard.result) for shard in self.shards if shard.result is not None)
        if not compares(self.plan):
            if self.on.everywhere:
                return replace(self._status, results=found)
            return replace(self._status, result=found[0][1] if found else None)
        cases = tuple(case for shard in self.shards for case in shard.cases or shard.failed_case())
        if self.began is None or not cases:
            return self._status
        whole = complete and all(case.complete for case in cases)
        return replace(self._status, cases=cases, result=Report(cases, time.monotonic() - self.began, whole))

    def _cases(self) -> tuple[CaseReport, ...]:
        return tuple(case for shard in self.shards for case in shard.cases)

    def _parts(self) -> tuple[FairnessRow | Tried, ...]:
        return tuple(part for shard in self.shards for part in shard.parts)

    def _hosts(self) -> list[str]:
        return list(dict.fromkeys(shard.host for shard in self.shards if shard.host))

    def _progress(self) -> Progress | None:
        if self.began is None:
            return None
        share = sum(shard.share for shard in self.shards) / len(self.shards)
        stages = [
            shard.stage if len(self.shards) == 1 else f"{shard.stage} on {shard.host}"
            for shard in self.shards
            if shard.flying
        ]
        spent = time.monotonic() - self.began
        left = spent * (1 - share) / share if share > _SHARE_TO_GO_BY else None
        return Progress("; ".join(stages) or "Waiting for a machine", share, left)

    def _notes(self) -> list[str]:
        found = list(dict.fromkeys(shard.note for shard in self.shards if shard.note))
        if restarts := sum(shard.restarts > 0 for shard in self.shards):
            found.append(
                f"The cluster's scheduler was lost in the middle; {restarts} of {len(self.shards)} "
                "measurements were begun again."
            )
        problems = [shard.problem for shard in self.shards if shard.problem]
        if problems and len(self.shards) > 1:
            found.append(f"{len(problems)} of {len(self.shards)} could not be measured: {problems[0]}")
        if not self.on.everywhere and len(self._hosts()) > 1:
            found.append(
                "Several machines measured: each ratio is of one machine, and times are to be compared "
                "only where the machine is the same."
            )
        return found
