"""Whether the sandbox can be used yet: the interpreter is compiled once, in the background."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from core.process import Process, ProcessError
from core.sandbox import runtime
from core.sandbox.result import SandboxError

EXPECTED_SECONDS: Final = 10.0
"""How long compiling takes on two processors that have nothing else to do."""
BUSY_SECONDS: Final = 60.0
"""How long it may take where the processors have a lot to do."""
COMPILE_SECONDS: Final = 900.0
COMPILE_BYTES: Final = 3 * 2**30
"""How long it may take, and what it may allocate."""
RETRY_SECONDS: Final = 60.0
"""How long after a failure it is tried again, if somebody asks."""
MOST_RENEWALS: Final = 3
"""How often in a row native code that was made may turn out unusable."""

ENDS: Final = "The server ends, and runs nothing more."
MODULE: Final = "core.sandbox.worker"
_TEMPORARY: Final = "under-the-hood-sandbox-"
_LOG: Final = logging.getLogger(__name__)


class ReadyState(StrEnum):
    """Whether programs can be run."""

    READY = "ready"
    PREPARING = "preparing"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Readiness:
    """How far the sandbox is.

    Attributes:
        state: whether programs can be run.
        seconds: how long it has been prepared, or was until it was ready or failed.
        expected_seconds: how long that takes where nothing was compiled yet.
        busy_seconds: how long where the processors have a lot to do as well.
        problem: why it is unavailable, in one line for a visitor.
    """

    state: ReadyState
    seconds: float
    expected_seconds: float = EXPECTED_SECONDS
    problem: str = ""
    busy_seconds: float = BUSY_SECONDS


class Preparation:
    """The native code, made in a process of its own. For any thread.

    Args:
        folder: where it is kept from one start of the server to the next. If it cannot be, a temporary
            folder serves as long as this object is there.
    """

    def __init__(self, folder: Path) -> None:
        # Where it is from the processes' point of view too, which begin in a folder of their own.
        self.folder: Final = folder.absolute()
        self._state = _State(self.folder)
        self._finalizer = weakref.finalize(self, _State.end, self._state)

    def begin(self) -> None:
        """Begins in the background, unless that was done or cannot be. Never fails, and never waits."""
        self._state.begin()

    def readiness(self) -> Readiness:
        """How far it is. Never waits."""
        return self._state.readiness()

    def wait(self, timeout: float | None = None) -> Path | None:
        """The file with the native code, once there is one; begins if nobody has.

        Args:
            timeout: for how many seconds it is waited at most; None for as long as it takes.

        Returns:
            The file; None if it has taken longer.

        Raises:
            SandboxError: if there will be none: one line.
        """
        self._state.begin()
        return self._state.wait(timeout)

    def renew(self, unusable: Path) -> None:
        """Says that a file could not be used, so that it is made anew."""
        self._state.renew(unusable)

    def used(self) -> None:
        """Says that the file could be used."""
        self._state.renewals = 0

    def close(self) -> None:
        """Ends what goes on in the background; whoever waits is told so."""
        self._finalizer()


class _State:
    """What the thread that prepares holds, which holds no `Preparation`."""

    def __init__(self, folder: Path) -> None:
        self.renewals = 0
        self._folder = folder
        self._temporary: Path | None = None
        self._process: Process | None = None
        self._ended = False
        self._changed = threading.Condition()
        self._working = False
        self._path: Path | None = None
        self._problem = ""
        self._since = 0.0
        self._until = 0.0

    def begin(self) -> None:
        with self._changed:
            if self._working or self._path is not None or self._ended:
                return
            if self._problem and time.monotonic() - self._until < RETRY_SECONDS:
                return
            self._since = time.monotonic()
            missing = runtime.missing()
            if missing:
                self._fail(missing)
                return
            self._working = True
        try:
            threading.Thread(target=self._work, daemon=True, name="prepare the sandbox").start()
        except RuntimeError:
            self._settle(problem="The sandbox could not be prepared: no thread could be started.")

    def readiness(self) -> Readiness:
        with self._changed:
            if self._path is not None:
                return Readiness(ReadyState.READY, self._until - self._since)
            if self._problem:
                # Also while it is tried again: who reads this has nothing to wait for yet.
                seconds = max(0.0, self._until - self._since)
                return Readiness(ReadyState.UNAVAILABLE, seconds, problem=self._problem)
            return Readiness(ReadyState.PREPARING, time.monotonic() - self._since if self._working else 0.0)

    def wait(self, timeout: float | None) -> Path | None:
        with self._changed:
            self._changed.wait_for(lambda: not self._working, timeout)
            if self._problem and not self._working:
                raise SandboxError(self._problem)
            if self._path is None and self._ended:
                raise SandboxError(ENDS)
            return self._path

    def renew(self, unusable: Path) -> None:
        with self._changed:
            if self._path != unusable:
                return
            self._path = None
            self.renewals += 1
            if self.renewals > MOST_RENEWALS:
                self.renewals = 0
                self._fail("The sandbox is not available: its compiled interpreter cannot be loaded here.")
                return
        self.begin()

    def end(self) -> None:
        self._ended = True
        process, temporary = self._process, self._temporary
        if process is not None:
            process.kill()
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)

    def _work(self) -> None:
        try:
            self._settle(path=self._make())
        except SandboxError as error:
            self._settle(problem=str(error))
        except Exception:  # noqa: BLE001 - whoever asks is told
            _LOG.exception("the sandbox could not be prepared")
            self._settle(problem="The sandbox could not be prepared; the log has why. Try again later.")

    def _settle(self, path: Path | None = None, problem: str = "") -> None:
        with self._changed:
            self._working = False
            self._path = path
            if path is None:
                self._fail(problem)
                return
            self._problem = ""
            self._until = time.monotonic()
            self._changed.notify_all()
        _LOG.info("the sandbox is ready after %.1f s", self._until - self._since)

    def _fail(self, problem: str) -> None:
        # Whatever became of a process that was ended.
        self._problem = ENDS if self._ended else problem
        self._until = time.monotonic()
        self._changed.notify_all()
        if not self._ended:
            _LOG.warning("%s", problem)

    def _make(self) -> Path:
        """Asks a process for the file: in the folder, or else in a temporary one.

        Raises:
            SandboxError: if there is none.
        """
        folder = self._folder
        while True:
            said = self._ask(folder)
            if "path" in said:
                return Path(str(said["path"]))
            why = str(said.get("folder") or "")
            if not why or folder == self._temporary:
                raise SandboxError(why or str(said.get("problem")))
            if self._temporary is None:
                _LOG.warning("%s The sandbox is kept in a temporary folder instead.", why)
                self._temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
            folder = self._temporary

    def _ask(self, folder: Path) -> dict[str, Any]:
        """What a process says that looks for native code in a folder, or compiles it there."""
        try:
            process = Process(
                MODULE, {"task": "prepare", "folder": str(folder)}, seconds=COMPILE_SECONDS,
                memory_bytes=COMPILE_BYTES, niceness=19, counted=False,
            )  # fmt: skip
        except (ProcessError, OSError):
            _LOG.exception("the sandbox could not be prepared")
            return {"problem": "The sandbox could not be prepared: no process could be started."}
        self._process = process
        if self._ended:
            process.kill()
        lines = process.wait(COMPILE_SECONDS + 10)
        self._process = None
        for line in lines:
            if {"path", "folder", "problem"} & line.keys():
                return line
        return {"problem": f"The sandbox could not be prepared. {process.error}".strip()}
