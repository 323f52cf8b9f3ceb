"""The sandbox of a process: what is asked for is checked, and handed to the pool."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from core.sandbox.guest import Order
from core.sandbox.pool import Pool, PoolSettings
from core.sandbox.readiness import Preparation, Readiness, ReadyState
from core.sandbox.result import SandboxError, SandboxResult
from core.sandbox.turn import Run

FOLDER: Final = "sandbox"
"""The name of the folder in the app's own that keeps the compiled interpreter."""


class Sandbox:
    """Runs programs, and prepares for it in the background. For any thread.

    Args:
        folder: where the compiled interpreter is kept.
        pool: how many programs run at once, and how workers are kept.
    """

    def __init__(self, folder: Path, pool: PoolSettings) -> None:
        self._preparation = Preparation(folder)
        self.pool: Final = Pool(self._preparation, pool)
        self._warmed = threading.Lock()

    def prepare(self) -> None:
        """Begins to prepare in the background, and has a worker started then. Never fails, never waits."""
        self._preparation.begin()
        if self._warmed.acquire(blocking=False):
            # Never given back: once is enough.
            self.pool.warm()

    def readiness(self) -> Readiness:
        """How far it is. Never waits."""
        return self._preparation.readiness()

    def start(self, order: Order, visitor: str = "") -> Run:
        """Runs a program when it is its turn; see `Pool.start`.

        Raises:
            SandboxError: if it cannot be run at all.
        """
        self.prepare()
        now = self.readiness()
        if now.state is ReadyState.UNAVAILABLE:
            raise SandboxError(now.problem)
        return self.pool.start(order, visitor)

    def run(self, order: Order, visitor: str = "") -> SandboxResult:
        """Runs a program, and waits for its turn and its end.

        Raises:
            SandboxError: if it cannot be run at all.
        """
        run = self.start(order, visitor)
        while (result := run.wait(threading.TIMEOUT_MAX)) is None:
            if run.problem:
                raise SandboxError(run.problem)
        return result

    def close(self) -> None:
        """Ends the workers, and what is compiled."""
        self.pool.close()
        self._preparation.close()


class Shared:
    """The one sandbox of this process, made when it is first needed. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chosen: tuple[Path, int] | None = None
        self._sandbox: Sandbox | None = None

    def configure(self, *, folder: Path, at_once: int) -> None:
        """Says where the compiled interpreter is kept and how many programs run at once.

        What runs already goes on as it was begun.
        """
        with self._lock:
            if self._chosen != (folder, at_once):
                self._chosen = (folder, at_once)
                self._sandbox = None

    def get(self) -> Sandbox:
        """The sandbox; unless it was configured, as the settings say."""
        with self._lock:
            if self._sandbox is None:
                self._chosen = self._chosen or _from_settings()
                folder, at_once = self._chosen
                self._sandbox = Sandbox(folder, PoolSettings(at_once))
            return self._sandbox


def _from_settings() -> tuple[Path, int]:
    # Not at the top: a worker, which needs no settings, would carry what reads them.
    from core import settings

    try:
        chosen = settings.load()
    except settings.SettingsError:
        # Whoever serves is told so at the start; whoever uses `core` alone need not care.
        chosen = settings.Settings.model_construct()
    bounds = chosen.limits(chosen.mode or settings.Mode.LOCAL)
    return (chosen.data_dir or settings.DATA_DIR) / FOLDER, bounds.max_sandbox_runs
