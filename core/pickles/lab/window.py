"""Some steps of a long stream of pickles, beginning anywhere: what comes before is run and not kept."""

from __future__ import annotations

from typing import Final

from core.pickles.bounds import Bounds
from core.pickles.interpreter import Interpreter
from core.pickles.lab.stretches import Stretch
from core.pickles.lab.survey import Followed
from core.pickles.trace import Slot, SlotKind, StackView, Step, Tracer, _Written, slot_of

PICTURED: Final = 1_000
"""How many slots of the stack and of the memo are drawn when a window begins: the upper and the latest."""
_ENDED: Final = "the steps that are kept end here"
_EARLIER: Final = Slot(SlotKind.VALUE, "… put there long before")


def window(stretch: Stretch, bounds: Bounds, first: int, most: int) -> tuple[Step, ...]:
    """The steps from an opcode on. Never raises, whatever the bytes are.

    Args:
        stretch: the stream, as `stretches` gives it.
        bounds: what running it up to there may take.
        first: the number of the opcode at which the steps begin, from 0.
        most: how many steps are kept.
    """
    stream = _Windowed(stretch, bounds, first, most)
    stream.read(0)
    return tuple(stream.steps)


class _EndedError(Exception):
    """There are as many steps as are kept."""


class _Windowed(Followed):
    """Runs the opcodes before a window, and keeps the steps in it."""

    def __init__(self, stretch: Stretch, bounds: Bounds, first: int, most: int) -> None:
        super().__init__(stretch, bounds)
        self._first = first
        self._most = most

    def go(self, machine: Interpreter) -> None:
        if (ahead := self._first - self.count) > 0:
            machine.run(ahead)
        if machine.stopped:
            return
        tracer = _LateTracer(machine, self.base)
        while not machine.stopped:
            if len(self.steps) >= self._most:
                raise _EndedError
            self.steps.append(tracer.step())


class _LateTracer(Tracer):
    """A tracer of a machine that may have begun already."""

    def __init__(self, machine: Interpreter, base: int) -> None:
        super().__init__(machine, base)
        lower = [len(each) for each in machine.below]
        for index, size in enumerate(lower):
            self._heights.append((self._heights[index - 1] if index else 0) + size + 1)
        height = (self._heights[-1] if lower else 0) + len(machine.stack)
        for place in range(max(height - PICTURED, 0)):
            value = self._at(place)
            self._push(value, value if isinstance(value, Slot) else _EARLIER)
        self._follow()
        latest = len(machine.memo) - PICTURED
        for number, (index, value) in enumerate(machine.memo.items()):
            slot = slot_of(value) if number >= latest else _EARLIER
            self._memo = _Written(index, slot, self._memo)
            self._places.setdefault(id(value), []).append(index)
        self._view = StackView(self._links[-1][1] if self._links else None, self._memo)
