"""Examines programs in processes of their own, which stay for the next one."""

from __future__ import annotations

import itertools
import logging
import queue
import time
from collections.abc import Mapping
from typing import Any, Final

from core import wire
from core.contracts.examination import Examination, check_text
from core.contracts.verdict import ContractError, Verdict
from core.process import Process, ProcessError

SECONDS: Final = 10.0
"""How long one examination may take."""
MEMORY_BYTES: Final = 2**30
"""How much an examiner may allocate."""
EXAMINERS: Final = 2
"""How many programs are examined at once."""
TURN_SECONDS: Final = 20.0
"""How long one waits for its turn."""
START_SECONDS: Final = 60.0
"""How long an examiner may take to start."""

_MODULE: Final = "core.contracts.examiner"
_LOG: Final = logging.getLogger(__name__)


def examine(source: str) -> list[Verdict]:
    """What four checks say of each class that implements an interface. Nothing of the program is run.

    Args:
        source: a module with interfaces and classes that implement them.

    Returns:
        For each class and each interface four verdicts, in the order of `Check`.

    Raises:
        ContractError: if it is no Python, too long, or needs too much memory or time.
    """
    return list(examination(source).verdicts)


def examination(source: str) -> Examination:
    """The same, with the interfaces that were found.

    Raises:
        ContractError: as `examine` does.
    """
    check_text(source)
    return wire.read(Examination, EXAMINER.ask({"task": "examine", "source": source})["examination"])


def stub_for(source: str, class_name: str) -> str:
    """The methods that a class lacks, ready to be pasted at the end of its body; empty if it lacks none.

    Each has the interface's signature and raises NotImplementedError: the class can be created then, and a
    method that is not written yet says so when it is called.

    Args:
        source: the module.
        class_name: the class, qualified as in its verdicts.

    Raises:
        ContractError: as `examine` does, and if there is no such class.
    """
    check_text(source)
    return str(EXAMINER.ask({"task": "stub", "source": source, "class": class_name})["stub"])


class Examiners:
    """A few processes that examine programs, started when they are needed. For any thread."""

    def __init__(self, number: int = EXAMINERS, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._numbers = itertools.count()
        # The last one that was at work is asked first: the others may end.
        self._free: queue.LifoQueue[Process | None] = queue.LifoQueue()
        self._number = number
        for _ in range(number):
            self._free.put(None)

    def ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a command of the examiner's.

        Raises:
            ContractError: if it says that the program cannot be examined, or does not say anything.
        """
        try:
            process = self._free.get(timeout=TURN_SECONDS)
        except queue.Empty:
            raise ContractError("Too many programs are being examined. Try again in a moment.") from None
        try:
            process, found = self._ask(process, command)
        except BaseException:
            if process is not None:
                process.stop()
            process = None
            raise
        finally:
            self._free.put(process)
        if "refused" in found:
            refused = found["refused"]
            raise ContractError(
                refused["message"], refused.get("line"), refused.get("column"), refused.get("text", "")
            )
        return found

    def close(self) -> None:
        """Ends the processes that have nothing to do. They come back when they are needed."""
        for _ in range(self._number):
            try:
                process = self._free.get_nowait()
            except queue.Empty:
                return
            if process is not None:
                process.stop()
            self._free.put_nowait(None)

    def _ask(self, process: Process | None, command: Mapping[str, Any]) -> tuple[Process, dict[str, Any]]:
        """The answer, and who gave it."""
        if process is not None and not process.finished:
            found = self._answer(process, {**command, "number": next(self._numbers)})
            if found is not None:
                return process, found
            # It had been idle for so long that it ended just then; anything else is the program's doing.
            if process.error:
                raise ContractError(_why(process))
        process = self._start()
        found = self._answer(process, {**command, "number": next(self._numbers)})
        if found is None:
            raise ContractError(_why(process))
        return process, found

    def _start(self) -> Process:
        try:
            process = Process(_MODULE, {}, seconds=None, memory_bytes=MEMORY_BYTES, niceness=5, counted=False)
        except (ProcessError, OSError):
            _LOG.exception("no examiner could be started")
            raise ContractError("The examiner could not be started; the log has why.") from None
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and not process.finished:
            if any("ready" in line for line in process.next_lines(0.5)):
                return process
        process.stop()
        raise ContractError("The examiner could not be started; the log has why.")

    def _answer(self, process: Process, command: Mapping[str, Any]) -> dict[str, Any] | None:
        """What it says; None if it ended before it said anything."""
        process.send(command)
        until = time.monotonic() + self._seconds
        while (left := until - time.monotonic()) > 0:
            ended = process.finished
            for line in process.next_lines(left):
                if line.get("number") == command["number"]:
                    return line
            if ended:
                return None
        process.stop()
        raise ContractError(
            f"Examining it took longer than {self._seconds:g} s and was ended: give fewer classes, or "
            "shorter ones."
        )


def _why(process: Process) -> str:
    if process.error.startswith("It needed more than"):
        return (
            f"Reading it needs more than {MEMORY_BYTES / 2**30:g} GiB of memory: use fewer brackets or "
            "operators within each other."
        )
    return "It cannot be read: the process that tried it crashed. Take out what is nested deeply."


EXAMINER: Final = Examiners()
"""The app's own."""
