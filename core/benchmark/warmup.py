"""When an engine is warm: a rule, not a number of calls.

The first call of an engine takes up to thousands of times as long as a later one, and the next ones still
allocate, tune and wake threads.
"""

from __future__ import annotations

import math
import statistics
from collections import deque

from core.benchmark.rounds import BenchmarkError


class Warmup:
    """Watches the calls of one engine until they take the same time again and again.

    Warm is an engine when all the minima are reached and the median of a window of calls is within the
    tolerance of the median of the window before. Windows do not overlap: each is looked at once.

    The first call is kept apart. It counts in no window and no minimum, and not towards `most_seconds`
    either: an engine that compiles for long would otherwise be measured cold.

    Args:
        least_seconds: for how long it is called at least.
        least_calls: how often, at least.
        window: how many calls a window has.
        tolerance: how far the medians may be apart: 0.05 is 5% of the earlier.
        most_seconds: after how long it is taken as it is, without being settled.

    Attributes:
        first: what the first call took, in seconds; None before it.
        seconds: what the calls after the first took together.
        calls: how many these are.
        settled: whether it is warm by the rule; False too when `most_seconds` ended it.

    Raises:
        BenchmarkError: for settings that no engine can meet.
    """

    def __init__(
        self,
        least_seconds: float = 0.3,
        least_calls: int = 10,
        window: int = 5,
        tolerance: float = 0.05,
        most_seconds: float = 10.0,
    ) -> None:
        for name, value, least in (
            ("least_seconds", least_seconds, 0),
            ("least_calls", least_calls, 0),
            ("window", window, 1),
            ("tolerance", tolerance, 0),
            ("most_seconds", most_seconds, least_seconds),
        ):
            if not value >= least:
                raise BenchmarkError(f"Warm-up got {name}={value:g}: give {least:g} or more.")
        self._least_seconds, self._least_calls = least_seconds, least_calls
        self._window, self._tolerance, self._most_seconds = window, tolerance, most_seconds
        self._times: deque[float] = deque(maxlen=2 * window)
        self._steady = False
        self.first: float | None = None
        self.seconds = 0.0
        self.calls = 0
        self.settled = False

    def add(self, seconds: float) -> bool:
        """Takes what one more call took; True when the engine is to be called no more.

        Where a call is too short for the clock, `seconds` may be the time of a block of calls: all that is
        said about calls then holds for blocks.

        Raises:
            BenchmarkError: if the time is not finite, or not above 0: such a warm-up might never end.
        """
        if not (math.isfinite(seconds) and seconds > 0):
            raise BenchmarkError(f"A call took {seconds:g} s, expected more than 0 and not endless.")
        if self.first is None:
            self.first = seconds
            return False
        self.seconds += seconds
        self.calls += 1
        self._times.append(seconds)
        if self.calls % self._window == 0 and self.calls >= 2 * self._window:
            times = list(self._times)
            before, now = (statistics.median(part) for part in (times[: self._window], times[self._window :]))
            self._steady = abs(now - before) <= self._tolerance * before
        enough = self.seconds >= self._least_seconds and self.calls >= self._least_calls
        self.settled = enough and self._steady
        return self.settled or self.seconds >= self._most_seconds
