"""Who runs next, and in which process: warm workers, turns that are fair, and an end for whatever hangs."""

from __future__ import annotations

import logging
import queue
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from core.places import Places, PlacesError, Ticket
from core.sandbox.attendant import Attendant, UnusableError, WorkerError
from core.sandbox.guest import Order
from core.sandbox.readiness import ENDS, Preparation
from core.sandbox.result import SandboxError, SandboxResult
from core.sandbox.turn import STOPPED, Run, RunState

WAITING: Final = 500
EACH: Final = 8
"""How many runs wait at most, and how many of them and of those at work may be one visitor's."""
HELD_BYTES: Final = 256 * 2**20
"""What the programs and files may be together of all that wait or run."""
IDLE_SECONDS: Final = 300.0
"""How long a worker that nobody needs stays."""
KEPT: Final = 1
"""How many stay all the same, so that the next program finds one."""
MOST_RUNS: Final = 300
"""After how many runs a worker is exchanged for a new one."""
LOOK_SECONDS: Final = 0.1
"""How often it is looked whether a run is still wanted."""
ATTEMPTS: Final = 3
"""How many workers are tried for a run that has not begun."""

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class PoolSettings:
    """How workers are kept.

    Attributes:
        at_once: how many programs run at a time.
        waiting: how many wait.
        each: how many of one visitor wait or run.
        held_bytes: what the programs and files may be together of all that wait or run.
        idle_seconds: how long a worker stays that nobody needs.
        kept: how many stay all the same.
        most_runs: after how many runs one is exchanged.
    """

    at_once: int
    waiting: int = WAITING
    each: int = EACH
    held_bytes: int = HELD_BYTES
    idle_seconds: float = IDLE_SECONDS
    kept: int = KEPT
    most_runs: int = MOST_RUNS


class Pool:
    """Runs programs in worker processes. For any thread. When nobody holds it, its idle workers end.

    Args:
        preparation: where the interpreter comes from.
        settings: how workers are kept.
    """

    def __init__(self, preparation: Preparation, settings: PoolSettings) -> None:
        self.places: Final = Places(settings.at_once, waiting=settings.waiting, each=settings.each)
        self._floor = _Floor(preparation, settings)
        self._finalizer = weakref.finalize(self, self._floor.close)
        self._held_bytes = settings.held_bytes
        self._held: weakref.WeakSet[RunState] = weakref.WeakSet()
        self._lock = threading.Lock()

    def start(self, order: Order, visitor: str = "") -> Run:
        """Runs a program as soon as it is its turn.

        Raises:
            SandboxError: if too many or too much waits, or the visitor has too many.
        """
        state = RunState(order)
        # Not this object: whatever waits would hold it.
        admitted = self._floor.admitted

        def begin(ticket: Ticket) -> None:
            state.begin(ticket)
            admitted.put(state)

        if not self._floor.open():
            raise SandboxError(ENDS)
        self._hold(state)
        try:
            state.ticket = self.places.ask(visitor, begin)
        except PlacesError as error:
            state.settle(problem=str(error))
            raise SandboxError(str(error)) from None
        if not state.ticket.waited:
            begin(state.ticket)
        return Run(state, self)

    def _hold(self, state: RunState) -> None:
        with self._lock:
            held = sum(other.size for other in self._held if not other.over.is_set())
            if held + state.size > self._held_bytes:
                raise SandboxError(
                    f"Busy: what runs or waits has {held:,} bytes; with these {state.size:,} it would have "
                    f"more than {self._held_bytes:,}. Try again in a moment."
                )
            self._held.add(state)

    def warm(self) -> None:
        """Has a worker ready before the first program comes; waits for nothing."""
        self._floor.open()
        self._floor.admitted.put(None)

    def close(self) -> None:
        """Ends the workers; what waits is told so."""
        self._finalizer()


class _Floor:
    """Where the work is done. The threads hold this, and this holds no `Pool`."""

    def __init__(self, preparation: Preparation, settings: PoolSettings) -> None:
        # None for a worker that is to be made ready.
        self.admitted: queue.SimpleQueue[RunState | None] = queue.SimpleQueue()
        self._preparation = preparation
        self._settings = settings
        # The last that worked is the first that works again: so those that are too many come to rest.
        self._idle: deque[Attendant] = deque()
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        self._lock = threading.Lock()

    def open(self) -> bool:
        """Sees that there are threads to do the work; whether there are."""
        if self._threads:
            return not self._closing.is_set()
        with self._lock:
            if self._threads or self._closing.is_set():
                return not self._closing.is_set()
            names = (f"sandbox {number}" for number in range(1, self._settings.at_once + 1))
            self._threads = [threading.Thread(target=self._work, daemon=True, name=name) for name in names]
            for thread in self._threads:
                thread.start()
            return True

    def close(self) -> None:
        """Ends the idle workers; the threads see to the others, and to what waits."""
        self._closing.set()
        for _ in self._threads:
            self.admitted.put(None)
        self._end_idle(0, 0.0)

    def _work(self) -> None:
        look = min(30.0, max(0.05, self._settings.idle_seconds / 2))
        while True:
            closing = self._closing.is_set()
            try:
                state = self.admitted.get(timeout=0 if closing else look)
            except queue.Empty:
                if closing:
                    return
                self._end_idle(self._settings.kept, self._settings.idle_seconds)
                continue
            if state is None:
                self._warm()
            elif self._closing.is_set():
                self._leave(state, problem=ENDS)
            else:
                self._serve(state)
            # What it printed is its owner's, and need not stay until the next one comes.
            del state

    def _warm(self) -> None:
        if self._closing.is_set():
            return
        try:
            attendant = self._take()
            if attendant.wait_until_ready(lambda: not self._closing.is_set()):
                self._preparation.used()
                self._give(attendant)
            else:
                attendant.end()
        except UnusableError as error:
            self._preparation.renew(error.path)
            self.admitted.put(None)
        except SandboxError:
            # Whoever comes first is told.
            if not self._closing.is_set():
                _LOG.warning("no worker of the sandbox could be made ready ahead of time", exc_info=True)
        except Exception:  # noqa: BLE001 - the thread goes on
            _LOG.exception("no worker of the sandbox could be made ready ahead of time")

    def _serve(self, state: RunState) -> None:
        try:
            result = self._result(state)
            self._leave(state, result, "" if result else STOPPED)
        except SandboxError as error:
            self._leave(state, problem=str(error))
        except Exception:  # noqa: BLE001 - the thread goes on, and whoever waits is told
            _LOG.exception("a program could not be run in the sandbox")
            self._leave(state, problem="The program could not be run here; the log has why.")

    def _leave(self, state: RunState, result: SandboxResult | None = None, problem: str = "") -> None:
        # Its place is free before anybody hears of its end, who may ask for the next one at once.
        assert state.ticket is not None
        state.ticket.leave()
        state.settle(result, problem)

    def _result(self, state: RunState) -> SandboxResult | None:
        """What came of a run; None if it is not wanted any more."""
        problem = ""
        for _ in range(ATTEMPTS):
            while self._preparation.wait(LOOK_SECONDS) is None:
                if not self._is_wanted(state):
                    return None
            attendant = self._take()
            try:
                if not attendant.wait_until_ready(lambda: self._is_wanted(state)):
                    # It is not this worker's fault, nor has it done anything yet.
                    self._give(attendant)
                    return None
                self._preparation.used()
                order = state.order
                if order is None or not self._is_wanted(state):
                    self._give(attendant)
                    return None
                result = attendant.run(order, lambda: self._is_wanted(state))
            except UnusableError as error:
                self._preparation.renew(error.path)
                problem = str(error)
                continue
            except WorkerError as error:
                # It ended before it began: another one may do better.
                _LOG.warning("a worker of the sandbox could not be used: %s", error)
                problem = str(error)
                continue
            except SandboxError:
                self._give(attendant)
                raise
            except BaseException:
                attendant.end()
                raise
            self._give(attendant)
            return result
        raise SandboxError(problem)

    def _is_wanted(self, state: RunState) -> bool:
        return state.wanted and not self._closing.is_set()

    def _take(self) -> Attendant:
        """A worker: the last that worked, or a new one."""
        while True:
            try:
                attendant = self._idle.pop()
            except IndexError:
                break
            if attendant.alive:
                return attendant
        path = self._preparation.wait()
        assert path is not None
        return Attendant(path)

    def _give(self, attendant: Attendant) -> None:
        """Keeps a worker for the next run, or has a new one take its place if it has done enough."""
        if attendant.alive and attendant.runs < self._settings.most_runs:
            attendant.idle_since = time.monotonic()
            self._idle.append(attendant)
        else:
            attendant.end()
            # Its successor starts while nobody waits for it: those that are ready go first.
            with suppress(SandboxError):
                path = None if self._closing.is_set() else self._preparation.wait(0.0)
                if path is not None:
                    self._idle.appendleft(Attendant(path))
        if self._closing.is_set():
            self._end_idle(0, 0.0)

    def _end_idle(self, kept: int, seconds: float) -> None:
        """Ends those that have been idle for so long, except the last ones."""
        for attendant in list(self._idle):
            if len(self._idle) <= kept:
                return
            if attendant.alive and time.monotonic() - attendant.idle_since < seconds:
                continue
            with suppress(ValueError):
                # Unless it has just been taken.
                self._idle.remove(attendant)
                attendant.end()
