"""The time that a search has, and what it says meanwhile."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from core.benchmark.method import Progress, Stop, Tell
from core.benchmark.plan import Method

_LEAST_LOAD_SECONDS: Final = 1.0


class Budget:
    """Time that runs from its making on.

    Args:
        seconds: how long all may take.
        tell: called with the progress, which only goes forward.
        stop: says whether all was given up.

    Attributes:
        reserve: how many of the seconds are kept for the end.
    """

    def __init__(self, seconds: float, tell: Tell, stop: Stop) -> None:
        self.reserve = 0.0
        self._start = time.monotonic()
        self._seconds = seconds
        self._tell = tell
        self._stop = stop
        self._share = 0.0

    @property
    def spent(self) -> float:
        """Seconds by now."""
        return time.monotonic() - self._start

    @property
    def left(self) -> float:
        """Seconds that are left; below 0 when they are over."""
        return self._seconds - self.spent

    def stopped(self) -> bool:
        """Whether all was given up."""
        return self._stop()

    def over(self) -> bool:
        """Whether all was given up, or the time is over."""
        return self._stop() or self.left <= 0

    def only_reserve(self) -> bool:
        """Whether all was given up, or nothing but the reserve is left."""
        return self._stop() or self.left <= self.reserve

    def say(self, stage: str, share: float) -> None:
        """Tells what is being done and how much of all is done, from 0 to 1."""
        self._share = max(self._share, min(share, 1.0))
        left = self.spent * (1 - self._share) / self._share if self._share > 0.05 else self._seconds
        self._tell(Progress(stage, self._share, max(0.0, min(left, self.left))))

    def within(self, method: Method, *, reserve: bool = False) -> Method:
        """The method, with no engine loading for longer than there is time.

        Args:
            method: as it is.
            reserve: whether the reserve may be used.
        """
        left = self.left if reserve else self.left - self.reserve
        return replace(method, load_seconds=min(method.load_seconds, max(left, _LEAST_LOAD_SECONDS)))
