"""The steps of the machine: every opcode with its argument, and stack and memo before and after it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from core.pickles.interpreter import Interpreter
from core.pickles.literals import index_of
from core.pickles.opcodes import OPCODES, Argument, Opcode
from core.pickles.value import CONTAINERS, Called, Global, PersistentId, Unknown, Value, render

_SHOWN: Final = 80


class SlotKind(StrEnum):
    """What lies in a place of the stack or the memo."""

    MARK = "mark"
    VALUE = "value"
    CONTAINER = "container"
    GLOBAL = "global"
    CALLED = "called"
    PERSISTENT = "persistent id"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Slot:
    """A value as it was when it was put there, or changed there.

    Attributes:
        kind: what it is.
        text: one short line.
    """

    kind: SlotKind
    text: str


_MARK: Final = Slot(SlotKind.MARK, "MARK")


@dataclass(frozen=True, slots=True, eq=False)
class _Link:
    """A stack: its top, and all below it, shared with the other stacks that have the same below."""

    slot: Slot
    below: _Link | None
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class _Written:
    """A memo: what was written last, and the memo before."""

    index: int
    slot: Slot
    before: _Written | None


@dataclass(frozen=True, slots=True, eq=False)
class StackView:
    """The stack and the memo at one moment. What two moments have in common is kept once."""

    _top: _Link | None
    _memo: _Written | None

    def __len__(self) -> int:
        return self._top.height if self._top else 0

    def __iter__(self) -> Iterator[Slot]:
        """The slots, from the top down."""
        link = self._top
        while link:
            yield link.slot
            link = link.below

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The stack from the bottom up, with its marks."""
        return tuple(self)[::-1]

    @property
    def memo(self) -> dict[int, Slot]:
        """The memo, in order of its indices."""
        found: dict[int, Slot] = {}
        written = self._memo
        while written:
            found.setdefault(written.index, written.slot)
            written = written.before
        return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Step:
    """One opcode.

    Attributes:
        offset: where it is in the stream, in bytes.
        end: the offset behind its argument.
        opcode: its name.
        argument: the value that it pushes, the index that it uses, the name that it reads; None without one.
        before, after: stack and memo.
    """

    offset: int
    end: int
    opcode: str
    argument: Value
    before: StackView
    after: StackView


class Tracer:
    """Runs a machine step by step, and keeps what it does.

    Args:
        machine: one that has not begun yet.
        base: what is added to offsets.
    """

    def __init__(self, machine: Interpreter, base: int) -> None:
        self._machine = machine
        self._base = base
        self._links: list[tuple[Value, _Link]] = []
        self._heights: list[int] = []
        self._memo: _Written | None = None
        self._places: dict[int, list[int]] = {}
        self._view = StackView(None, None)

    def step(self) -> Step:
        """Runs one opcode.

        Raises:
            UnreadableError: as the machine itself.
        """
        machine, before, base = self._machine, self._view, self._base
        offset, code, memo_size = machine.pos, machine.code, len(machine.memo)
        machine.run(1)
        opcode = OPCODES[code]
        argument = self._argument(opcode, offset)
        self._follow()
        if opcode.name in _CHANGING:
            self._changed(machine.stack[-1])
        if opcode.name in _STORING:
            index = memo_size if opcode.name == "MEMOIZE" else argument
            self._store(index if isinstance(index, int) else memo_size)
        self._view = StackView(self._links[-1][1] if self._links else None, self._memo)
        return Step(offset + base, machine.pos + base, opcode.name, argument, before, self._view)

    def _follow(self) -> None:
        """Brings the picture of the stack up to date: from the top down, until nothing has changed."""
        machine, links, heights = self._machine, self._links, self._heights
        del heights[len(machine.below) :]
        while len(heights) < len(machine.below):
            lower = heights[-1] if heights else 0
            heights.append(lower + len(machine.below[len(heights)]) + 1)
        height = (heights[-1] if heights else 0) + len(machine.stack)
        del links[height:]
        while links and links[-1][0] is not self._at(len(links) - 1):
            links.pop()
        while len(links) < height:
            value = self._at(len(links))
            self._push(value, value if isinstance(value, Slot) else slot_of(value))

    def _at(self, place: int) -> Value:
        """What the machine has at a place, counted from the bottom, marks included."""
        part = bisect_right(self._heights, place)
        first = self._heights[part - 1] if part else 0
        values = self._machine.below[part] if part < len(self._heights) else self._machine.stack
        return values[place - first] if place - first < len(values) else _MARK

    def _push(self, value: Value, slot: Slot) -> None:
        below = self._links[-1][1] if self._links else None
        self._links.append((value, _Link(slot, below, (below.height if below else 0) + 1)))

    def _changed(self, target: Value) -> None:
        """Shows an object anew where it lies, after it was changed in place."""
        slot = slot_of(target)
        upper = self._links[-_LOOKED_AT:]
        lowest = next(place for place, (value, _) in enumerate(upper) if value is target)
        del self._links[len(self._links) - len(upper) + lowest :]
        for value, link in upper[lowest:]:
            self._push(value, slot if value is target else link.slot)
        for index in self._places.get(id(target), ()):
            if self._machine.memo.get(index) is target:
                self._memo = _Written(index, slot, self._memo)

    def _store(self, index: int) -> None:
        value, link = self._links[-1]
        self._memo = _Written(index, link.slot, self._memo)
        self._places.setdefault(id(value), []).append(index)

    def _argument(self, opcode: Opcode, offset: int) -> Value:
        machine, start = self._machine, offset + 1
        if opcode.literal:
            return machine.stack[-1]
        if opcode.argument in _INTEGERS:
            size = _INTEGERS[opcode.argument]
            return int.from_bytes(machine.data[start : start + size], "little", signed=opcode.name == "EXT4")
        if opcode.argument not in (Argument.LINE, Argument.LINES):
            return None
        line = bytes(machine.data[start : min(machine.pos, start + machine.bounds.text)]).removesuffix(b"\n")
        if opcode.name in ("GET", "PUT"):
            return index_of(line)
        return line.decode("utf-8", "replace").replace("\n", " ")


_INTEGERS: Final = MappingProxyType({Argument.BYTE: 1, Argument.TWO: 2, Argument.FOUR: 4, Argument.EIGHT: 8})
_CHANGING: Final = frozenset({"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"})
_STORING: Final = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_LOOKED_AT: Final = 1_000
"""How many slots from the top are looked through for an object that was changed."""


def slot_of(value: Value) -> Slot:
    """A value as it is now, in one short line."""
    kind = SlotKind.CONTAINER if type(value) in CONTAINERS else SlotKind.VALUE
    match value:
        case Global():
            kind = SlotKind.GLOBAL
        case Called():
            kind = SlotKind.CALLED
        case PersistentId():
            kind = SlotKind.PERSISTENT
        case Unknown():
            kind = SlotKind.UNKNOWN
    return Slot(kind, render(value, _SHOWN, 2))
