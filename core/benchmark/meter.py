"""How much of this machine others used while something was measured.

Linux counts processor time in ticks (10 ms on most machines): for the whole machine in `/proc/stat`, for each
process in `/proc/PID/stat`. What all used, less what our own processes used, is what others used. In a
container `/proc/stat` is most often the host's: so neighbors in other containers are seen too, and the
capacity is that of the whole host, whatever part of it this container may use.
Formats: https://docs.kernel.org/filesystems/proc.html
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.benchmark.rounds import BenchmarkError

MOST_FOREIGN: Final = 0.06
"""The share of the machine that others may use in a round before it is rejected."""

_ON_OTHER_SYSTEMS: Final = (
    "How much of the processor others use can be read on Linux only: no round was rejected for it here."
)
_STANDS_STILL: Final = (
    "This system does not count what others use of the processor: no round was rejected for it here."
)
_BUSY: Final = ("user", "nice", "system", "irq", "softirq", "steal")
_FIELDS: Final = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


@dataclass(frozen=True)
class MachineTicks:
    """What `/proc/stat` says.

    Attributes:
        busy: ticks since the start of the machine in which any of its processors worked, or was taken away by
            the machine that this one is a guest of (steal).
        processors: how many there are.
    """

    busy: int
    processors: int


@dataclass(frozen=True)
class ProcessTicks:
    """What `/proc/PID/stat` says.

    Attributes:
        started: the tick in which it started, which tells it from a later process of the same number.
        used: ticks that all its threads used, in user and in kernel mode; not those of its children.
    """

    started: int
    used: int


@dataclass(frozen=True)
class Mark:
    """The state of all counters at one moment.

    Attributes:
        seconds: on a clock that only goes forward.
        machine: the whole machine.
        own: our processes by number; one that has ended is missing.
    """

    seconds: float
    machine: MachineTicks
    own: Mapping[int, ProcessTicks]


@dataclass(frozen=True)
class Foreign:
    """What others used between two marks, as a share of all that the machine's processors could do.

    Attributes:
        share: the best estimate, from 0 to 1.
        resolution: how far off the share may be, since ticks are coarse: two standard deviations.
    """

    share: float
    resolution: float

    @property
    def too_much(self) -> bool:
        """Whether others used more than `MOST_FOREIGN`."""
        return self.beyond(MOST_FOREIGN)

    def beyond(self, share: float) -> bool:
        """Whether others used more than this share beyond doubt: rounding alone rejects no round."""
        return self.share - self.resolution > share


class Meter:
    """Reads what others use of this machine, between any two marks.

    A tick is 10 ms, so a block of 50 ms has five of them on each processor, and one that falls to the wrong
    side is a tenth of a machine with two. So a share is taken over a whole round, the blocks of all engines
    with what lies between, and comes with its resolution. A steady neighbor too small to be told from
    rounding in one round shows in the share over the whole run: marks may be as far apart as one likes.

    Args:
        pids: our own processes: the workers and, if it does anything meanwhile, this one.
        proc: where the files are.
        clock: seconds, only going forward.
        ticks_per_second: None asks the system.

    Attributes:
        reason: why nothing can be read here, in a sentence; empty if all is well.
    """

    def __init__(
        self,
        pids: Iterable[int],
        *,
        proc: Path = Path("/proc"),
        clock: Callable[[], float] = time.monotonic,
        ticks_per_second: int | None = None,
    ) -> None:
        self._pids = tuple(pids)
        self._proc = proc
        self._clock = clock
        self.reason = _why_not(proc)
        if not self.reason:
            self._ticks_per_second = ticks_per_second or os.sysconf("SC_CLK_TCK")

    def mark(self) -> Mark | None:
        """The counters now; None where nothing can be read."""
        if self.reason:
            return None
        machine = parse_machine((self._proc / "stat").read_text(encoding="ascii", errors="replace"))
        seconds = self._clock()
        own = {pid: ticks for pid in self._pids if (ticks := self._process(pid)) is not None}
        return Mark(seconds, machine, own)

    def between(self, first: Mark | None, last: Mark | None) -> Foreign | None:
        """What others used between two marks; None without the marks.

        What one of our processes used before it ended, after the first mark, counts as others': a round in
        which a worker dies is none to keep.

        Raises:
            BenchmarkError: if no time lies between the marks.
        """
        if first is None or last is None:
            return None
        seconds = last.seconds - first.seconds
        if not seconds > 0:
            raise BenchmarkError(
                f"The marks are {seconds:g} s apart: give the earlier first, then the later."
            )
        capacity = seconds * self._ticks_per_second * last.machine.processors
        own = [_used(first.own.get(pid), ticks) for pid, ticks in last.own.items()]
        foreign = last.machine.busy - first.machine.busy - sum(own)
        resolution = 2 * math.sqrt(_variance(last.machine.processors, sum(used > 0 for used in own)))
        return Foreign(min(max(foreign / capacity, 0.0), 1.0), min(resolution / capacity, 1.0))

    def _process(self, pid: int) -> ProcessTicks | None:
        try:
            text = (self._proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        return parse_process(text)


def parse_machine(text: str) -> MachineTicks:
    """Reads `/proc/stat`. Time that guests used is in user and nice already, and waiting for a disk is idle.

    Raises:
        BenchmarkError: for a text that is none.
    """
    lines = [line.split() for line in text.splitlines() if line.startswith("cpu")]
    total = next((_integers(words[1:]) for words in lines if words[0] == "cpu"), None)
    processors = sum(words[0] != "cpu" for words in lines)
    if total is None or len(total) < 4 or not processors:
        raise BenchmarkError(f"{_shown(text)} is no /proc/stat: expected a line `cpu` and one per processor.")
    ticks = dict(zip(_FIELDS, total, strict=False))  # old kernels have fewer, new ones more
    return MachineTicks(sum(ticks.get(name, 0) for name in _BUSY), processors)


def parse_process(text: str) -> ProcessTicks:
    """Reads `/proc/PID/stat`, whatever the process calls itself: its name may hold spaces and brackets.

    Raises:
        BenchmarkError: for a text that is none.
    """
    words = _integers(text.rpartition(")")[2].split()[1:])  # what stands after the name and the state
    if words is None or len(words) < 19:
        raise BenchmarkError(f"{_shown(text)} is no /proc/PID/stat: expected 22 fields or more.")
    # Fields 14, 15 and 22, counted from 1; the first of these words is the fourth field.
    return ProcessTicks(started=words[18], used=words[10] + words[11])


def _why_not(proc: Path) -> str:
    if not sys.platform.startswith("linux"):
        return _ON_OTHER_SYSTEMS
    try:
        machine = parse_machine((proc / "stat").read_text(encoding="ascii", errors="replace"))
    except (OSError, BenchmarkError):
        return _STANDS_STILL
    # Some sandboxes have the file, with zeros in it.
    return "" if machine.busy else _STANDS_STILL


def _used(before: ProcessTicks | None, after: ProcessTicks) -> int:
    same = before is not None and before.started == after.started
    return after.used - before.used if before is not None and same else after.used


def _variance(processors: int, processes: int) -> float:
    """Of the rounding in a share, in ticks squared.

    Each counter is rounded down at both marks, which leaves a difference with a variance of a sixth of a
    tick. There are two such counters for each process of ours that ran (user and kernel mode) and two for the
    machine, and each processor may be in the middle of a tick.
    """
    return (2 + processors + 2 * processes) / 6


def _integers(words: list[str]) -> list[int] | None:
    """The words as numbers; None if one is none."""
    try:
        return [int(word) for word in words]
    except ValueError:
        return None


def _shown(text: str) -> str:
    return repr(" ".join(text[:60].split())[:40])
