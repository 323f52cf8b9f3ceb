"""How long a database that was away is left alone: nobody else waits for it meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

PAUSE_SECONDS: Final = 5.0
"""How long after a failure the next try is made."""


class Outage:
    """Whether the database is away, and who may find out whether it is back; for threads.

    Args:
        clock: seconds, only going forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: float | None = None
        self._why = ""

    @property
    def why(self) -> str:
        """Why it is away, in one line; empty if it is there, as far as is known."""
        return self._why

    def may_try(self) -> bool:
        """Whether the caller may use the database; while it is away, one caller in `PAUSE_SECONDS` may."""
        with self._lock:
            now = self._clock()
            if self._until is not None:
                if now < self._until:
                    return False
                # The others need not wait for this one's try.
                self._until = now + PAUSE_SECONDS
            return True

    def begin(self, why: str) -> bool:
        """It is away, from now or still; whether that is news."""
        with self._lock:
            news, self._why = why != self._why, why
            self._until = self._clock() + PAUSE_SECONDS
            return news

    def end(self) -> bool:
        """It is there; whether that is news."""
        with self._lock:
            news, self._why, self._until = self._until is not None, "", None
            return news
