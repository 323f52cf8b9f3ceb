"""Jobs on this machine: one at a time, the visitors in turn, each in a process that can be lost."""

from __future__ import annotations

import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from core import machine
from core.benchmark.coordinator import CANCEL, order, read_line, start_coordinator
from core.benchmark.fairness import FairnessRow
from core.benchmark.jobs import JobError, JobRunner, JobState, JobStatus, Limits
from core.benchmark.machines import ANYWHERE, MachineInfo, Where, in_words
from core.benchmark.method import Progress
from core.benchmark.report import CaseReport
from core.benchmark.search.findings import Tried
from core.benchmark.tasks import Plan
from core.benchmark.turns import Turns
from core.process import Process, ProcessError

START_SECONDS: Final = 60.0
"""How long the measuring process may take to be ready."""
CANCEL_SECONDS: Final = 10.0
"""How long a measurement may take to end when it is given up, before its process is ended."""
_WAIT_SECONDS: Final = 0.2
_LOG: Final = logging.getLogger(__name__)


class _Job:
    """A job with what only the runner knows of it."""

    def __init__(self, plan: Plan, visitor: str) -> None:
        self.plan = plan
        self.visitor = visitor
        self.cancelled_at: float | None = None
        self.status = JobStatus(secrets.token_urlsafe(12), JobState.QUEUED)


class LocalRunner(JobRunner):
    """Runs jobs on this machine.

    One process measures all of them. It is started by the first job, or by `warm_up`; if it is lost, the job
    fails, and the next one gets a new process.

    Args:
        limits: how much it takes on.
        start: starts the process that measures.
    """

    def __init__(
        self, limits: Limits | None = None, start: Callable[[], Process] = start_coordinator
    ) -> None:
        self._limits = limits or Limits()
        self._start = start
        self._name = f"this machine ({machine.cpu_model()})"
        self._process: Process | None = None
        self._jobs: dict[str, _Job] = {}
        self._waiting: Turns[_Job] = Turns()
        self._running: _Job | None = None
        self._closed = False
        self._warm = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, daemon=True, name="benchmark jobs")
        self._thread.start()

    def warm_up(self) -> None:
        """Starts the measuring process in the background: the first job need not wait for it."""
        with self._changed:
            self._warm = True
            self._changed.notify_all()

    def submit(self, plan: Plan, visitor: str, on: Where = ANYWHERE) -> str:
        """See `JobRunner`."""
        if on.machine not in {"", self._name}:
            raise JobError(f"There is no machine {on.machine!r} here: measurements run on {self._name}.")
        with self._changed:
            if self._closed:
                raise JobError("This app is about to end and takes no more measurements.")
            mine = sum(each.visitor == visitor and not each.status.state.over for each in self._jobs.values())
            self._limits.check(len(self._waiting), mine)
            job = _Job(plan, visitor)
            self._jobs[job.status.job] = job
            self._waiting.add(visitor, job)
            self._changed.notify_all()
        return job.status.job

    def status(self, job: str) -> JobStatus:
        """See `JobRunner`."""
        with self._changed:
            found = self._find(job)
            if found.status.state is not JobState.QUEUED:
                return found.status
            return replace(found.status, position=self._position(found))

    def cancel(self, job: str) -> None:
        """See `JobRunner`."""
        with self._changed:
            found = self._find(job)
            if found.status.state.over:
                return
            found.cancelled_at = found.cancelled_at or time.monotonic()
            if found.status.state is JobState.QUEUED:
                self._waiting.remove(found)
                found.status = replace(found.status, state=JobState.CANCELLED)

    def machines(self) -> tuple[MachineInfo, ...]:
        """See `JobRunner`."""
        return (self._info,)

    @functools.cached_property
    def _info(self) -> MachineInfo:
        facts = machine.describe()
        return MachineInfo(self._name, in_words(facts), workers=1, usable=True, facts=facts)

    @property
    def problem(self) -> str:
        """See `JobRunner`; a process that is lost is replaced by the next job."""
        return ""

    def close(self) -> None:
        """See `JobRunner`."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                if job.status.state is JobState.QUEUED:
                    job.status = replace(job.status, state=JobState.CANCELLED)
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join()

    def _find(self, job: str) -> _Job:
        if job not in self._jobs:
            raise JobError("This measurement is not known here, or no longer: start it again.")
        return self._jobs[job]

    def _position(self, job: _Job) -> int:
        """How many come before it: the one that runs, and whose turns come first."""
        return self._waiting.order().index(job) + (self._running is not None)

    def _work(self) -> None:
        """The thread: takes the next job whenever one has ended."""
        while (job := self._next()) is not None:
            try:
                self._run(job)
            except Exception:  # noqa: BLE001 - the log has it, and the next job has its turn
                _LOG.exception("a job could not be run")
                self._end(job, JobState.FAILED, "It could not be run; the log has why.")
            with self._changed:
                self._running = None
                self._forget()
        self._lose()

    def _next(self) -> _Job | None:
        """The job whose turn it is; waits for one. None when the runner is closed."""
        with self._changed:
            while (job := self._waiting.next()) is None:
                if self._closed:
                    return None
                if self._warm:
                    self._warm = False
                    self._changed.release()
                    try:
                        self._ready()
                    finally:
                        self._changed.acquire()
                    continue
                self._changed.wait()
            self._waiting.remove(job)
            self._running = job
            job.status = replace(job.status, state=JobState.RUNNING, machine=self._name)
            return job

    def _run(self, job: _Job) -> None:
        process = self._ready()
        if process is None:
            self._end(job, JobState.FAILED, "The process that measures could not be started; try again.")
            return
        process.send(order(job.plan))
        start = time.monotonic()
        told = False
        while True:
            for line in process.next_lines(_WAIT_SECONDS):
                if self._hear(job, line):
                    return
            now = time.monotonic()
            if process.finished:
                self._lose()
                why = process.error or "The process that measures ended unexpectedly."
                self._end(job, JobState.FAILED, why)
                return
            late = now - start > self._limits.seconds
            given_up = self._closed or job.cancelled_at is not None
            if given_up and not told:
                told = True
                process.send(CANCEL)
                job.cancelled_at = job.cancelled_at or now
            stuck = job.cancelled_at is not None and now - job.cancelled_at > CANCEL_SECONDS
            if late or stuck:
                self._lose()
                state = JobState.CANCELLED if given_up else JobState.FAILED
                why = "" if given_up else f"It took longer than {self._limits.seconds:g} s and was ended."
                self._end(job, state, why)
                return

    def _hear(self, job: _Job, line: dict[str, object]) -> bool:
        """Takes in a line of the process; whether the job is over."""
        match read_line(line):
            case Progress() as progress:
                self._set(job, progress=progress)
            case CaseReport() as case:
                self._set(job, cases=(*job.status.cases, case))
            case FairnessRow() | Tried() as part:
                self._set(job, parts=(*job.status.parts, part))
            case str() as problem:
                self._end(job, JobState.FAILED, problem)
                return True
            case None:
                pass
            case result:
                self._set(job, result=result)
                self._end(job, JobState.DONE if job.cancelled_at is None else JobState.CANCELLED)
                return True
        return False

    def _ready(self) -> Process | None:
        """The process that measures; None if it cannot be had."""
        if self._process is not None and not self._process.finished:
            return self._process
        try:
            process = self._start()
        except (ProcessError, OSError):
            _LOG.exception("the measuring process could not be started")
            return None
        end = time.monotonic() + START_SECONDS
        while not process.finished and time.monotonic() < end and not self._closed:
            if any("ready" in line for line in process.next_lines(_WAIT_SECONDS)):
                self._process = process
                return process
        process.stop()
        return None

    def _lose(self) -> None:
        """Ends the process that measures, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def _end(self, job: _Job, state: JobState, problem: str = "") -> None:
        self._set(job, state=state, problem=problem)

    def _set(self, job: _Job, **news: object) -> None:
        with self._changed:
            job.status = replace(job.status, **news)  # type: ignore[arg-type]  # attributes of a JobStatus

    def _forget(self) -> None:
        """Keeps only so many finished jobs, the newest."""
        over = [name for name, job in self._jobs.items() if job.status.state.over]
        for name in over[: max(0, len(over) - self._limits.kept)]:
            del self._jobs[name]
