"""A run: it waits for its turn, runs, and has a result, or a line that says why it has none."""

from __future__ import annotations

import threading
import weakref
from typing import Final

from core.places import Ticket
from core.sandbox.guest import Order
from core.sandbox.result import SandboxResult

STOPPED: Final = "It was stopped."


class Run:
    """A program that waits for its turn, runs, or has run. It is stopped when nobody holds this any more."""

    def __init__(self, state: RunState, pool: object) -> None:
        self._state = state
        # Held: a pool that nobody holds ends.
        self._pool = pool
        self._finalizer = weakref.finalize(self, state.stop)
        self._finalizer.atexit = False

    @property
    def position(self) -> int:
        """Its number in the queue, from 1; 0 once it runs."""
        ticket = self._state.ticket
        return 0 if ticket is None else ticket.position

    @property
    def result(self) -> SandboxResult | None:
        """What it did, once it has ended."""
        return self._state.result

    @property
    def problem(self) -> str:
        """Why there will be no result, in one line for a visitor; empty while there may be one."""
        return self._state.problem

    def wait(self, timeout: float) -> SandboxResult | None:
        """Waits for at most `timeout` seconds until it has ended, and gives its result if it has one."""
        self._state.over.wait(timeout)
        return self._state.result

    def stop(self) -> None:
        """Ends it, whether it waits or runs; it may have ended already. Never waits."""
        self._state.stop()


class RunState:
    """A run, as the pool has it."""

    def __init__(self, order: Order) -> None:
        self.order: Order | None = order
        self.size = sum(map(len, (order.code, *order.files, *order.files.values(), *order.argv)))
        self.over = threading.Event()
        self.result: SandboxResult | None = None
        self.problem = ""
        self.ticket: Ticket | None = None
        self.begun = False
        self.wanted = True

    def begin(self, ticket: Ticket) -> None:
        """It has a place: a worker will be had for it."""
        self.ticket = ticket
        self.begun = True

    def stop(self) -> None:
        """Ends it, unless it has ended. Takes no lock: it may be called wherever garbage is collected."""
        if self.over.is_set():
            return
        self.wanted = False
        # One that runs is ended by the thread that waits for its worker: it alone knows whose run it is now.
        if not self.begun and self.ticket is not None:
            self.settle(problem=STOPPED)
            self.ticket.leave()

    def settle(self, result: SandboxResult | None = None, problem: str = "") -> None:
        """Says what came of it, once."""
        if not self.over.is_set():
            self.result, self.problem = result, problem
            self.order = None
            self.over.set()
