"""The parent's side of a worker process: gives it an order, and ends it if no answer comes in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from core.process import Process, ProcessError
from core.sandbox.guest import Order
from core.sandbox.messages import read_result, write_order
from core.sandbox.readiness import MODULE
from core.sandbox.result import Limit, SandboxError, SandboxResult

LOOK_SECONDS: Final = 0.1
"""How often it is looked whether an answer is still wanted."""
START_SECONDS: Final = 60.0
"""How long a worker may take to start, and to begin with a program: its files may be large."""
GRACE_SECONDS: Final = 3.0
"""How much longer than a run may take its worker may."""
MOST_BYTES: Final = 2**30 + 512 * 2**20
"""What a worker may allocate: the largest program's memory, and what is around it."""
NICENESS: Final = 5


class WorkerError(SandboxError):
    """A worker that ended before it could begin: one line."""


class UnusableError(SandboxError):
    """The compiled interpreter cannot be loaded.

    Attributes:
        path: the file.
    """

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class Attendant:
    """A worker process. For one thread at a time.

    Attributes:
        runs: how many it has done.
        idle_since: since when it has had nothing to do, by `time.monotonic`.

    Args:
        path: the compiled interpreter.

    Raises:
        WorkerError: if no process can be started.
    """

    def __init__(self, path: Path) -> None:
        self.runs = 0
        self.idle_since = time.monotonic()
        self._path = path
        self._ready = False
        self._ended = False
        self._heard: list[dict[str, Any]] = []
        request = {"task": "serve", "path": str(path)}
        try:
            self._process = Process(
                MODULE, request, seconds=None, memory_bytes=MOST_BYTES, niceness=NICENESS, counted=False
            )
        except (ProcessError, OSError) as error:
            raise WorkerError(f"No process could be started for it: {type(error).__name__}.") from None

    @property
    def alive(self) -> bool:
        """Whether it can be asked for something."""
        return not (self._ended or self._process.finished)

    @property
    def pid(self) -> int:
        """Its number in the system."""
        return self._process.pid

    def wait_until_ready(self, wanted: Callable[[], bool]) -> bool:
        """Waits until it can run programs.

        Returns:
            False if it is not wanted any more.

        Raises:
            UnusableError: if the compiled interpreter cannot be loaded.
            WorkerError: if it ends, or takes too long.
        """
        end = time.monotonic() + START_SECONDS
        while not self._ready:
            if not wanted():
                return False
            # Asked first: one that has ended has said all that it will.
            ended = self._process.finished
            line = self._next()
            if line is None and ended:
                raise WorkerError(f"The sandbox could not start. {self._process.error}".strip())
            if line is None and time.monotonic() > end:
                self.end()
                raise WorkerError(f"The sandbox could not start within {START_SECONDS:g} s.")
            if line is not None and "unusable" in line:
                raise UnusableError(str(line["unusable"]), self._path)
            if line is not None and "problem" in line:
                raise WorkerError(str(line["problem"]))
            self._ready = line is not None and "ready" in line
        return True

    def run(self, order: Order, wanted: Callable[[], bool]) -> SandboxResult | None:
        """Has a program run, and waits for its result.

        A worker that does not answer in time, or that is not wanted any more, is ended; one that ends by
        itself, or whose guest has crashed, is not to be used again. `alive` tells.

        Returns:
            The result; None if it is not wanted any more.

        Raises:
            SandboxError: if the program's files cannot be given.
            WorkerError: if it ended before it took the order, or did not take it in time.
        """
        self.runs += 1
        start = time.monotonic()
        begun = False
        self._process.send({"order": write_order(order)})
        while True:
            ended = self._process.finished
            line = self._next()
            if line is not None and "begun" in line:
                begun, start = True, time.monotonic()
                continue
            if line is not None:
                return self._read(line, time.monotonic() - start)
            seconds = time.monotonic() - start
            if ended and not begun:
                raise WorkerError(self._process.error or "The interpreter's process ended.")
            if ended:
                return _cut_short(seconds, crash=self._process.error or "The interpreter's process ended.")
            if not wanted():
                self.end()
                return None
            if not begun and seconds > START_SECONDS:
                self.end()
                raise WorkerError(f"The sandbox did not begin with the program within {START_SECONDS:g} s.")
            if begun and seconds > order.wall_seconds + GRACE_SECONDS:
                self.end()
                return _cut_short(seconds, limit=Limit.TIME)

    def _read(self, line: dict[str, Any], seconds: float) -> SandboxResult:
        if "refused" in line:
            raise SandboxError(str(line["refused"]))
        try:
            result = read_result(line["result"])
        except (ValueError, KeyError):
            result = _cut_short(seconds, crash="What the interpreter's process said is no result.")
        if result.crash:
            self.end()
        return result

    def end(self) -> None:
        """Ends it by force, and does not wait until it has."""
        self._ended = True
        self._process.kill()

    def _next(self) -> dict[str, Any] | None:
        """The next line; None if there is none within `LOOK_SECONDS`, or it has ended."""
        if not self._heard:
            self._heard = self._process.next_lines(LOOK_SECONDS)
        return self._heard.pop(0) if self._heard else None


def _cut_short(seconds: float, *, limit: Limit | None = None, crash: str = "") -> SandboxResult:
    return SandboxResult(
        stdout="", stderr="", exit_code=None, limit=limit, fuel_used=0, seconds=seconds, crash=crash
    )
