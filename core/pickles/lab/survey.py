"""A stream of pickles followed to its end without keeping the steps: what is in it, and at which opcode."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from core.pickles.bounds import DEFAULT, Bounds
from core.pickles.containers.joblib_arrays import Arrays
from core.pickles.interpreter import Interpreter
from core.pickles.lab.stretches import Stretch
from core.pickles.machine import PickleRun, Stream, guarded
from core.pickles.reader import Budget
from core.pickles.scan import examine
from core.pickles.span import Span
from core.pickles.walk import Part
from core.pickles.walk import Walk as ScanWalk

BETWEEN: Final = 512
"""How many opcodes lie between two places that are remembered."""


@dataclass(frozen=True)
class Survey:
    """A stream of pickles, as far as the bounds allowed to follow it.

    Attributes:
        stretch: the stream.
        run: what the machine found in it; its offsets count from the start of the file.
        count: how many opcodes of the stream were run. Those of a file within it are not counted.
        whole: whether it was followed to its own end, and not only to that of the bounds.
    """

    stretch: Stretch
    run: PickleRun
    count: int
    whole: bool
    _marks: tuple[tuple[int, int], ...] = field(repr=False)

    def before(self, offset: int) -> int:
        """The number of an opcode that lies at an offset or less than 512 opcodes before it, from 0."""
        index = bisect_right(self._marks, offset, key=lambda mark: mark[1]) - 1
        return self._marks[index][0] if index >= 0 else 0


def survey(stretch: Stretch, bounds: Bounds = DEFAULT) -> Survey:
    """Follows a stream of pickles to its end. Never raises, whatever the bytes are.

    Args:
        stretch: the stream, as `stretches` gives it.
        bounds: what it may take.
    """
    stream = _Surveyed(stretch, bounds)
    stream.read(0)
    marks = tuple((number, offset + stretch.offset) for number, offset in stream.marks)
    return Survey(stretch, stream.result(), stream.count, not stream.ended_early, marks)


class Followed(Stream):
    """The pickles of a stretch, each followed by a way of one's own.

    Attributes:
        count: opcodes that the pickles before the current one had.
        ended_early: whether the bounds ended it.
    """

    def __init__(self, stretch: Stretch, bounds: Bounds) -> None:
        super().__init__(stretch.data, stretch.member, bounds, Budget.of(bounds), stretch.offset)
        if stretch.arrays:
            self.after_build = Arrays(Part(stretch.member, Span.of(stretch.data)), ScanWalk(bounds, examine))
        self.count = 0
        self.ended_early = False

    def go(self, machine: Interpreter) -> None:
        """Runs a machine. May raise what the machine raises."""
        raise NotImplementedError

    def follow(self, machine: Interpreter, *, trace: bool) -> str:
        """Runs a machine as this class goes. Why it did not come to its STOP; empty if it did."""
        # The machine of a loader that keeps its memo between pickles goes by the usual way.
        if trace is False and self._is_second(machine):
            return super().follow(machine, trace=False)
        before = machine.count
        problem = guarded(lambda: self.go(machine))
        self.count += machine.count - before
        self.ended_early = self.ended_early or (bool(problem) and _at_bounds(machine))
        return problem

    def _is_second(self, machine: Interpreter) -> bool:
        """Whether a machine is another one for a pickle that was followed."""
        return machine.judge is not self.judge


class _Surveyed(Followed):
    """Remembers at which offset every so many opcodes begin."""

    def __init__(self, stretch: Stretch, bounds: Bounds) -> None:
        super().__init__(stretch, bounds)
        self.marks: list[tuple[int, int]] = []

    def go(self, machine: Interpreter) -> None:
        while not machine.stopped:
            self.marks.append((self.count + machine.count, machine.pos))
            machine.run(BETWEEN)


def _at_bounds(machine: Interpreter) -> bool:
    """Whether it was the bounds that ended a machine."""
    bounds = machine.bounds
    return (
        machine.budget.opcodes <= 0
        or monotonic() > machine.budget.deadline
        or machine.held + len(machine.stack) + len(machine.below) > bounds.values
        or len(machine.memo) > bounds.memo
    )
