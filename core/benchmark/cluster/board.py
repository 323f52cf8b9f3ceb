"""The board: all jobs of the cluster, whose turn it is, and what machines there are; for any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from core.benchmark.cluster.fleet import Host
from core.benchmark.cluster.job import Job
from core.benchmark.cluster.shard import Shard
from core.benchmark.cluster.station import Outcome
from core.benchmark.fairness import FairnessRow
from core.benchmark.jobs import JobError, JobState, JobStatus, Limits
from core.benchmark.machines import MachineInfo, Where
from core.benchmark.method import Progress
from core.benchmark.rounds import BenchmarkError
from core.benchmark.search.findings import Tried
from core.benchmark.tasks import Part, Plan
from core.benchmark.turns import Turns

RETURN_SECONDS: Final = 30.0
"""How long a shard that only one machine may measure waits for it to come back after it was lost."""


class Board:
    """Jobs and machines. Nothing here waits.

    Args:
        limits: how much is taken on.
        problem: why no job can run yet.
        return_seconds: how long a lost machine may take to come back.
    """

    def __init__(self, limits: Limits, problem: str, return_seconds: float = RETURN_SECONDS) -> None:
        self._limits = limits
        self._problem = problem
        self._return_seconds = return_seconds
        self._jobs: dict[str, Job] = {}
        self._turns: Turns[Job] = Turns()
        self._hosts: tuple[Host, ...] = ()
        self._connected = False
        self._refusal = ""
        self._lock = threading.RLock()

    @property
    def problem(self) -> str:
        """Why no job can run now, in one line; empty if all is well."""
        with self._lock:
            return self._refusal or self._problem

    def machines(self) -> tuple[MachineInfo, ...]:
        """All machines of the cluster, as a page lists them."""
        with self._lock:
            return tuple(host.info() for host in self._hosts)

    def submit(self, plan: Plan, visitor: str, on: Where) -> str:
        """Takes a job; its number.

        Raises:
            JobError: if it cannot be taken.
        """
        with self._lock:
            if self._refusal:
                raise JobError(self._refusal)
            names = [host.name for host in self._hosts]
            if on.machine and self._connected and on.machine not in names:
                there = f"choose {' or '.join(names)}" if names else "it has none now"
                raise JobError(f"There is no machine {on.machine!r} in the cluster: {there}.")
            waiting = sum(job.state is JobState.QUEUED for job in self._jobs.values())
            mine = sum(job.visitor == visitor and not job.state.over for job in self._jobs.values())
            self._limits.check(waiting, mine)
            try:
                job = Job(plan, visitor, on)
            except BenchmarkError as error:
                raise JobError(str(error)) from None
            self._jobs[job.number] = job
            self._turns.add(visitor, job)
            return job.number

    def status(self, number: str) -> JobStatus:
        """A job now.

        Raises:
            JobError: if it is not known, or no longer.
        """
        with self._lock:
            job = self._find(number)
            notes = [self._problem] if self._problem else []
            if not self._problem and (away := self._away(job)):
                notes.append(away)
            return job.status(self._position(job), notes)

    def cancel(self, number: str) -> None:
        """Gives a job up; it may be over already.

        Raises:
            JobError: if it is not known, or no longer.
        """
        with self._changing(self._find(number)) as job:
            job.give_up()

    def close(self, why: str) -> None:
        """Gives up all jobs and takes no more.

        Args:
            why: what a visitor is told who asks for one.
        """
        with self._lock:
            self._refusal = why
            for job in list(self._jobs.values()):
                if not job.state.over:
                    with self._changing(job):
                        job.give_up()

    def see(self, hosts: tuple[Host, ...], problem: str = "", *, connected: bool = True) -> None:
        """What machines there are now.

        Args:
            hosts: all of them.
            problem: why no job can run, in one line; empty if one can.
            connected: whether that is known: without the scheduler, nothing is.
        """
        with self._lock:
            self._hosts, self._problem, self._connected = hosts, problem, connected

    def take(self, host: Host) -> tuple[Job, Shard] | None:
        """What a free machine is to measure: a shard of the job whose turn it is; None if there is none."""
        with self._lock:
            ready = [each for each in self._hosts if each.ready]
            job = self._turns.next(lambda each: not each.shards or each.shard_for(host, ready) is not None)
            if job is None:
                return None
            with self._changing(job):
                if not job.shards:
                    job.place(sorted({host.name, *(each.name for each in ready)}))
                shard = job.shard_for(host, ready)
                assert shard is not None
                job.begin(shard, host.name)
            return job, shard

    def hear(self, shard: Shard, said: Progress | Part) -> None:
        """How far a shard is, or what it has found so far."""
        with self._lock:
            match said:
                case Progress() if shard.flying:
                    shard.share, shard.stage = said.share, said.stage
                case FairnessRow() | Tried() if shard.flying:
                    shard.parts = (*shard.parts, said)
                case _:
                    pass

    def finish(self, job: Job, shard: Shard, outcome: Outcome) -> None:
        """A shard's worker answered.

        Raises:
            ValueError: if that is nothing that a worker says.
        """
        with self._changing(job):
            shard.finish(outcome)

    def fail(self, job: Job, shard: Shard, problem: str) -> None:
        """A shard cannot be measured."""
        with self._changing(job):
            shard.fail(problem)

    def lose(self, job: Job, shard: Shard) -> None:
        """A shard's worker was lost in the middle."""
        with self._changing(job):
            shard.lose(time.monotonic())

    def restart(self, job: Job, shard: Shard) -> None:
        """A shard's scheduler was lost in the middle."""
        with self._changing(job):
            shard.restart()

    def drop(self, job: Job, shard: Shard) -> None:
        """A shard's worker does not answer, and nobody waits for it any more."""
        with self._changing(job):
            shard.drop()

    def tend(self) -> None:
        """Ends jobs that take too long, or that no machine can run."""
        now = time.monotonic()
        with self._lock:
            for job in [each for each in self._jobs.values() if not each.state.over]:
                with self._changing(job):
                    if job.began is not None and now - job.began > self._limits.seconds:
                        job.give_up(f"It took longer than {self._limits.seconds:g} s and was ended.")
                    if self._connected:
                        self._tend_machines(job, now)
            over = [number for number, job in self._jobs.items() if job.state.over]
            for number in over[: max(0, len(over) - self._limits.kept)]:
                del self._jobs[number]

    def _tend_machines(self, job: Job, now: float) -> None:
        """Fails what waits for a machine that is not there, or for one larger than all that are."""
        ready = {host.name: host for host in self._hosts if host.ready}
        most = max((host.cores for host in ready.values()), default=0)
        for shard in job.shards:
            if not shard.waiting:
                continue
            if shard.machine:
                gone = shard.machine not in ready and shard.lost_at is not None
                if gone and now - (shard.lost_at or now) > self._return_seconds:
                    shard.fail(
                        f"{shard.machine} was lost in the middle and did not come back within "
                        f"{self._return_seconds:g} s."
                    )
            elif most and shard.threads > most:
                got = f"Got {shard.threads} threads, expected 1 to {most}"
                shard.fail(f"{got}, as the cluster's largest machine has.")
        if not self._away(job):
            job.missing_since = None
        elif job.missing_since is None:
            job.missing_since = now
        elif now - job.missing_since > self._limits.seconds:
            job.settle(f"{job.on.machine} was away for {self._limits.seconds:g} s.")

    def _away(self, job: Job) -> str:
        """That a job waits for a machine which takes none; empty if it does not."""
        wanted = job.on.machine
        if not wanted or not job.waiting or any(host.ready for host in self._hosts if host.name == wanted):
            return ""
        return f"It waits for {wanted}, which takes no measurements now."

    def _position(self, job: Job) -> int:
        """How many come before it: those that run, and whose turns come first."""
        if job.state is not JobState.QUEUED:
            return 0
        order = [each for each in self._turns.order() if each.state is JobState.QUEUED]
        running = sum(each.state is JobState.RUNNING for each in self._jobs.values())
        return order.index(job) + running

    def _find(self, number: str) -> Job:
        with self._lock:
            if number not in self._jobs:
                raise JobError("This measurement is not known here, or no longer: start it again.")
            return self._jobs[number]

    @contextmanager
    def _changing(self, job: Job) -> Iterator[Job]:
        """While a job is changed; after it, it is over or has its turn, as its shards have it."""
        with self._lock:
            yield job
            if job.ended_by is not None and not job.state.over:
                job.give_up()
            job.settle()
            if not job.waiting:
                self._turns.remove(job)
            elif job not in self._turns:
                self._turns.add(job.visitor, job)
