"""What several scanners say of the same bytes, side by side, each in a process of its own.

A scanner that raises, dies or hangs over a file has said nothing about it: that is a judgement too.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from core import wire
from core.pickles import worker
from core.pickles.bounds import Bounds
from core.pickles.member import shown, writable
from core.pickles.report import ScanReport
from core.pickles.verdict import Verdict
from core.places import Place
from core.process import Process, ProcessError

MAX_BYTES: Final = 20 * 2**20
"""How large a file the other scanners get."""
SECONDS: Final = 30.0
MEMORY_BYTES: Final = 2 * 2**30
"""What each of them may take."""
OURS_SECONDS: Final = 20.0
MOST_FINDINGS: Final = 50
_MODULE: Final = "core.pickles.lab.judges_child"
# One thread: others are at work on this machine too.
_ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Judge(StrEnum):
    """Who judges."""

    OURS = "this scanner"
    PICKLESCAN = "picklescan"
    TORCH = "torch"


ABOUT: Final[Mapping[Judge, str]] = {
    Judge.OURS: "A symbolic machine and a list of what is allowed: what it does not know is not clean.",
    Judge.PICKLESCAN: "A list of what is forbidden: a name on no list is called suspicious, and passes.",
    Judge.TORCH: "`get_unsafe_globals_in_checkpoint`: the names that `weights_only=True` refuses.",
}
"""How each of them judges, in one sentence."""


@dataclass(frozen=True)
class Judgement:
    """What one scanner says of a file.

    Attributes:
        judge: which.
        version: of it; empty if it is not known.
        words: its verdict, in its own words as far as it has some.
        clean: whether it lets the file pass: ours says data-only, picklescan's command line ends with 0,
            torch has nothing to refuse. None if it has said nothing.
        findings: what it found, one line each, as plain text.
        seconds: what it took, without starting; 0 if it has said nothing.
        problem: why it has said nothing, in one line; empty if it has.
    """

    judge: Judge
    version: str
    words: str
    clean: bool | None
    findings: tuple[str, ...] = ()
    seconds: float = 0.0
    problem: str = ""


class Hearing:
    """The scanners at work on one file. Each is started at once, and waits for its place.

    Args:
        data: the file.
        name: what it is called.
        place: where the processes wait for their turn, and for whom.

    Raises:
        ProcessError: if too many wait already.
    """

    def __init__(self, data: bytes, name: str = "", *, place: Place | None = None) -> None:
        self._name = writable(name)
        self._done: dict[Judge, Judgement] = {}
        self._scan: worker.Scan | None = None
        self._processes: dict[Judge, Process] = {}
        try:
            self._scan = worker.start(
                data, self._name, bounds=Bounds(seconds=OURS_SECONDS), memory_bytes=MEMORY_BYTES, place=place
            )
            for judge in (Judge.PICKLESCAN, Judge.TORCH):
                self._begin(judge, data, place)
        except BaseException:
            self.stop()
            raise

    @property
    def judgements(self) -> tuple[Judgement | None, ...]:
        """One for each judge, in their order; None for who has not come to an end yet. Never waits."""
        return tuple(self._of(judge) for judge in Judge)

    @property
    def finished(self) -> bool:
        """Whether all of them have come to an end."""
        return all(judgement is not None for judgement in self.judgements)

    @property
    def position(self) -> int:
        """The first number in the queue that one of them waits at; 0 if none waits."""
        processes = [*self._processes.values(), *([self._scan.process] if self._scan else [])]
        return min((each.position for each in processes if each.position), default=0)

    def wait(self, timeout: float) -> tuple[Judgement | None, ...]:
        """Waits for all of them, for at most `timeout` seconds each."""
        if self._scan is not None:
            self._scan.process.wait_until_over(timeout)
        for process in self._processes.values():
            process.wait_until_over(timeout)
        return self.judgements

    def stop(self) -> None:
        """Ends those that have not come to an end."""
        for process in self._processes.values():
            process.stop()
        if self._scan is not None:
            self._scan.process.stop()
            self._scan.discard()

    def _begin(self, judge: Judge, data: bytes, place: Place | None) -> None:
        if len(data) > MAX_BYTES:
            why = f"The file has {len(data):,} bytes; other scanners get at most {MAX_BYTES:,}."
            self._done[judge] = unheard(judge, why)
            return
        name = self._name
        self._processes[judge] = Process(
            _MODULE,
            lambda: {"judge": judge.value, "name": name, "data": base64.b64encode(data).decode()},
            seconds=SECONDS,
            memory_bytes=MEMORY_BYTES,
            environment=_ENVIRONMENT,
            place=place,
        )

    def _of(self, judge: Judge) -> Judgement | None:
        if judge not in self._done:
            found = self._ours() if judge is Judge.OURS else self._other(judge)
            if found is not None:
                self._done[judge] = found
        return self._done.get(judge)

    def _ours(self) -> Judgement | None:
        assert self._scan is not None
        report = worker.answer(self._scan)
        return None if report is None else of_report(report)

    def _other(self, judge: Judge) -> Judgement | None:
        process = self._processes[judge]
        if not process.finished:
            return None
        for line in process.lines():
            if (found := read_judgement(line)) is not None:
                return found
        return unheard(judge, process.error or "It ended and has said nothing.")


def judge_all(data: bytes, name: str = "", *, place: Place | None = None) -> tuple[Judgement, ...]:
    """What all of them say of a file, waited for. Never raises for any bytes.

    Args:
        data: the file.
        name: what it is called.
        place: where the processes wait for their turn.
    """
    try:
        hearing = Hearing(data, name, place=place)
    except (ProcessError, OSError) as error:
        return tuple(unheard(judge, f"It could not be started: {error}") for judge in Judge)
    try:
        found = hearing.wait(10 * SECONDS)
        return tuple(
            each or unheard(judge, "It did not come to an end in time.")
            for judge, each in zip(Judge, found, strict=True)
        )
    finally:
        hearing.stop()


def of_report(report: ScanReport) -> Judgement:
    """Our own scan as a judgement."""
    findings = tuple(shown(f"{each.verdict.value}: {each.reason}", 300) for each in report.findings)
    return Judgement(
        Judge.OURS,
        "",
        report.verdict.value,
        None if report.verdict is Verdict.COULD_NOT_READ else report.verdict is Verdict.DATA_ONLY,
        findings[:MOST_FINDINGS],
        report.seconds,
        _unread(report) if report.verdict is Verdict.COULD_NOT_READ else "",
    )


def read_judgement(line: Mapping[str, Any]) -> Judgement | None:
    """The judgement in a line of a process; None if it holds none."""
    return wire.read(Judgement, line["judgement"]) if "judgement" in line else None


def unheard(judge: Judge, problem: str, version: str = "") -> Judgement:
    """The judgement of a scanner that has said nothing about the file."""
    return Judgement(judge, version, "could not read", None, problem=" ".join(problem.split())[:300])


def _unread(report: ScanReport) -> str:
    reasons = [each.reason for each in report.findings if each.verdict is Verdict.COULD_NOT_READ]
    reasons += [each.reason for each in report.ledger.entries if each.reading.value == "not read"]
    return shown(reasons[0] if reasons else "Not all of it was understood.", 300)
