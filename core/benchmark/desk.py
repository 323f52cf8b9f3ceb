"""The desk between visitors and the runner: whoever asked may leave, and what was measured is recorded."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from core.benchmark.history import History, HistoryError, Saved, record
from core.benchmark.jobs import JobError, JobRunner, JobState, JobStatus
from core.benchmark.machines import ANYWHERE, Where
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import CaseReport, Report
from core.benchmark.tasks import Plan
from core.machine import Machine, Versions

WATCH_SECONDS: Final = 0.2
KEPT: Final = 200
KEPT_EACH: Final = 10
"""How many finished jobs the desk remembers: in all, and of one visitor."""
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Held:
    """A job that somebody asked for.

    Attributes:
        job: its number.
        plan: what is measured.
        visitor: whoever asked.
        shared: whether all may see the recorded run.
        status: of the job, as far as the desk has heard.
        runs: the recorded runs, one per machine that measured; () before, and for what compares no engines.
        note: what is to be said about the record; empty if it is simply there.
        settled: whether the job is over and recorded: nothing will change any more.
    """

    job: str
    plan: Plan
    visitor: str
    shared: bool
    status: JobStatus
    runs: tuple[str, ...] = ()
    note: str = ""
    settled: bool = False


class Desk:
    """Takes jobs in, has a runner run them, and records each comparison when it is over.

    Args:
        runner: whoever measures.
        history: where comparisons are recorded.
        kept: how many finished jobs are remembered.
        kept_each: how many of one visitor.
    """

    def __init__(
        self, runner: JobRunner, history: History, kept: int = KEPT, kept_each: int = KEPT_EACH
    ) -> None:
        self.runner: Final = runner
        self.history: Final = history
        self._kept = kept
        self._kept_each = kept_each
        self._held: dict[str, Held] = {}
        # By name, also of machines that have left since.
        self._machines: dict[str, Machine] = {}
        self._lock = threading.Lock()
        self._work = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="benchmark desk")
        self._thread.start()

    def submit(self, plan: Plan, visitor: str, *, on: Where = ANYWHERE, shared: bool = False) -> str:
        """Takes a job in; its number.

        Args:
            plan: what to measure.
            visitor: whoever asks.
            on: which machines measure it.
            shared: whether all may see the recorded run.

        Raises:
            JobError: if the runner takes no more.
        """
        job = self.runner.submit(plan, visitor, on)
        with self._lock:
            self._held[job] = Held(job, plan, visitor, shared, self.runner.status(job))
        self._work.set()
        return job

    def held(self, job: str) -> Held:
        """A job now; never waits.

        Raises:
            JobError: if it is not known, or no longer.
        """
        with self._lock:
            found = self._held.get(job)
        if found is None:
            raise JobError("This measurement is not known here, or no longer: start it again.")
        return found if found.settled else replace(found, status=self.runner.status(job))

    def jobs(self, visitor: str) -> tuple[Held, ...]:
        """A visitor's jobs, the newest first."""
        with self._lock:
            mine = [each.job for each in self._held.values() if each.visitor == visitor]
        return tuple(self.held(job) for job in reversed(mine))

    def cancel(self, job: str) -> None:
        """Gives a job up; what was measured by then is recorded.

        Raises:
            JobError: if it is not known, or no longer.
        """
        self.runner.cancel(self.held(job).job)
        self._work.set()

    def leave(self, visitor: str) -> None:
        """Gives up what a visitor who has gone still waits for; what runs goes on, and is recorded."""
        for held in self.jobs(visitor):
            if held.status.state is JobState.QUEUED:
                # It may have been forgotten, or have begun, meanwhile.
                with suppress(JobError):
                    self.cancel(held.job)

    def close(self) -> None:
        """Gives up all jobs, and records what was measured of them; it may be called twice."""
        self.runner.close()
        self._closed.set()
        self._work.set()
        self._thread.join()

    def _watch(self) -> None:
        """The thread: hears from the runner how far jobs are, and records what is over."""
        while True:
            closing = self._closed.is_set()
            with self._lock:
                open_jobs = [each for each in self._held.values() if not each.settled]
            for held in open_jobs:
                try:
                    self._look(held)
                except Exception:  # noqa: BLE001 - the other jobs are looked at
                    _LOG.exception("a job could not be followed")
            if closing:
                return
            if open_jobs:
                self._closed.wait(WATCH_SECONDS)
            else:
                self._work.wait()
                self._work.clear()

    def _look(self, held: Held) -> None:
        status = self.runner.status(held.job)
        self._machines |= {each.name: each.facts for each in self.runner.machines() if each.facts}
        news = replace(held, status=status)
        if status.state.over:
            news = replace(self._recorded(news), settled=True)
        with self._lock:
            self._held[held.job] = news
            self._forget(self._kept_each, held.visitor)
            self._forget(self._kept)

    def _forget(self, most: int, visitor: str | None = None) -> None:
        """Keeps only so many finished jobs, the newest: of a visitor, or of all."""
        over = [
            job for job, each in self._held.items()
            if each.settled and (visitor is None or each.visitor == visitor)
        ]  # fmt: skip
        for job in over[: max(0, len(over) - most)]:
            del self._held[job]

    def _recorded(self, held: Held) -> Held:
        """The job with its run in the history, if it measured anything that belongs there."""
        if not isinstance(held.plan, BenchmarkPlan):
            return held
        report = held.status.result
        if not isinstance(report, Report):
            # Lost or given up in the middle: what was finished by then.
            report = Report(held.status.cases, _timed(held.status.cases), complete=False)
        by_machine: dict[str, list[CaseReport]] = {}
        for case in report.cases:
            if case.rounds:
                by_machine.setdefault(case.machine, []).append(case)
        runs, notes = [], []
        for name, cases in by_machine.items():
            machine = self._machines.get(name, _unknown(name)) if name else None
            try:
                run = record(
                    held.plan,
                    replace(report, cases=tuple(cases)),
                    owner=held.visitor,
                    shared=held.shared,
                    machine=machine,
                )
                saved = self.history.add(run)
            except HistoryError as error:
                notes.append(f"It is not recorded. {error}")
            else:
                runs.append(run.id)
                notes += [self.history.problem] if saved is not Saved.WRITTEN else []
        return replace(held, runs=tuple(runs), note=" ".join(dict.fromkeys(notes)))


def _unknown(name: str) -> Machine:
    """A machine of which only the name is known."""
    versions = Versions("unknown", None, None, None)
    return Machine(name, 0, 0, 0, 0, "unknown", (), "not known", versions, ())


def _timed(cases: tuple[CaseReport, ...]) -> float:
    """How long engines were timed in all rounds, in seconds."""
    rounds = [each for case in cases for each in case.rounds]
    return sum(seconds * each.calls[name] for each in rounds for name, seconds in each.seconds.items())
