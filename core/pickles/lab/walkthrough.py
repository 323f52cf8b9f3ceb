"""The machine step by step: stack and memo at every opcode, the calls that would happen, the bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from types import MappingProxyType
from typing import Final

from core.pickles.bounds import DEFAULT, Bounds
from core.pickles.lab.meanings import MEANINGS
from core.pickles.lab.stretches import Stretch
from core.pickles.lab.survey import Survey, survey
from core.pickles.lab.window import window
from core.pickles.machine import PickleRun, StackView, Step
from core.pickles.member import shown
from core.pickles.record import Call
from core.pickles.trace import Slot
from core.pickles.value import render
from core.pickles.verdict import Finding, Verdict

MOST_STEPS: Final = 5_000
"""How many steps are kept at once. Of a longer stream they can begin at any opcode."""
MOST_SLOTS: Final = 40
"""How many places of the stack and of the memo one view shows."""
BYTES_PER_ROW: Final = 16
_ARGUMENT: Final = 200


class ByteState(StrEnum):
    """Where a byte stands to the current opcode."""

    READ = "read"
    CURRENT = "current"
    AHEAD = "ahead"


@dataclass(frozen=True)
class HexByte:
    """One byte: two hexadecimal digits, its sign in ASCII (a point if it has none), and where it stands."""

    digits: str
    sign: str
    state: ByteState


@dataclass(frozen=True)
class HexRow:
    """Up to 16 bytes; `offset` is that of the first one."""

    offset: int
    cells: tuple[HexByte, ...]


@dataclass(frozen=True)
class Picture:
    """Stack and memo at one moment, as much as is shown.

    Attributes:
        stack: from the top down, marks included.
        deeper: how many more places lie below.
        memo: number and content, the last numbers if there are many.
        more: how many more numbers the memo has.
    """

    stack: tuple[Slot, ...]
    deeper: int
    memo: tuple[tuple[int, Slot], ...]
    more: int


@dataclass(frozen=True)
class View:
    """One opcode, ready to be shown.

    Attributes:
        index: its number among the steps, from 0.
        offset: where it lies in the file, in bytes.
        size: how many bytes it has with its argument.
        opcode: its name.
        argument: what stands behind it, as one line; empty if nothing.
        says: what an opcode of this name does, in one sentence.
        before, after: stack and memo.
        call: the call that would happen here.
        findings: what speaks against it.
        upcoming: the name of the next opcode; empty at the end.
        rows: the bytes around it.
    """

    index: int
    offset: int
    size: int
    opcode: str
    argument: str
    says: str
    before: Picture
    after: Picture
    call: Call | None
    findings: tuple[Finding, ...]
    upcoming: str
    rows: tuple[HexRow, ...]


@dataclass(frozen=True)
class Walk:
    """Steps through a stream of pickles: all of a short one, some of a long one.

    Attributes:
        survey: the whole stream.
        first: the number of the first step in the stream, from 0.
        steps: the opcodes, in order.
        problem: why the steps end before the stream does, in one line; empty if they do not.
    """

    survey: Survey
    first: int
    steps: tuple[Step, ...]
    problem: str
    _calls: Mapping[int, Call] = field(repr=False)
    _findings: Mapping[int, tuple[Finding, ...]] = field(repr=False)

    @property
    def stretch(self) -> Stretch:
        """The stream."""
        return self.survey.stretch

    @property
    def run(self) -> PickleRun:
        """What the machine found in the whole stream; its offsets count from the start of the file."""
        return self.survey.run

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def calls(self) -> tuple[int, ...]:
        """The numbers of the steps at which a call would happen."""
        return tuple(index for index, step in enumerate(self.steps) if step.offset in self._calls)

    @property
    def worst(self) -> int | None:
        """The step of the first dangerous call, or else of the first that nobody here knows; None if none."""
        unknown = [index for index in self.calls if not self._calls[self.steps[index].offset].known]
        return next((index for index in unknown if self._is_dangerous(index)), next(iter(unknown), None))

    def _is_dangerous(self, index: int) -> bool:
        found = self._findings.get(self.steps[index].offset, ())
        return any(each.verdict is Verdict.DANGEROUS for each in found)

    def next_call(self, index: int) -> int | None:
        """The first step behind this one at which a call would happen; None if there is none."""
        return next((each for each in self.calls if each > index), None)

    def previous_call(self, index: int) -> int | None:
        """The last step before this one at which a call would happen; None if there is none."""
        return next((each for each in reversed(self.calls) if each < index), None)

    def at(self, offset: int) -> int | None:
        """The step whose bytes hold an offset of the file; None if there is none."""
        index = bisect_right(self.steps, offset, key=lambda step: step.offset) - 1
        return index if index >= 0 and offset < self.steps[index].end else None

    def view(self, index: int, *, rows: int = 8) -> View:
        """One step, ready to be shown.

        Args:
            index: its number; what lies outside is taken for the first or the last.
            rows: how many rows of bytes.

        Raises:
            ValueError: if there is no step at all.
        """
        if not self.steps:
            raise ValueError("There is no opcode to be shown: the first byte is none.")
        number = min(max(index, 0), len(self.steps) - 1)
        step = self.steps[number]
        start, end = step.offset - self.stretch.offset, step.end - self.stretch.offset
        return View(
            index=number,
            offset=step.offset,
            size=step.end - step.offset,
            opcode=step.opcode,
            argument=_argument(step),
            says=MEANINGS[step.opcode],
            before=_picture(step.before),
            after=_picture(step.after),
            call=self._calls.get(step.offset),
            findings=self._findings.get(step.offset, ()),
            upcoming=self.steps[number + 1].opcode if number + 1 < len(self.steps) else "",
            rows=hex_rows(self.stretch.data, start, end, rows=rows, base=self.stretch.offset),
        )


def walk(
    stretch: Stretch, bounds: Bounds = DEFAULT, *, first: int = 0, surveyed: Survey | None = None
) -> Walk:
    """Follows a stream of pickles step by step. Never raises, whatever the bytes are.

    Args:
        stretch: the stream, as `stretches` gives it.
        bounds: what it may take; at most 5,000 steps are kept whatever they say.
        first: the number of the opcode at which the steps begin, from 0.
        surveyed: what `survey` has found in the same stream, if that is known.
    """
    about = survey(stretch, bounds) if surveyed is None else surveyed
    steps = window(stretch, bounds, first, MOST_STEPS)
    findings: dict[int, tuple[Finding, ...]] = {}
    for found in about.run.findings:
        if found.offset is not None:
            findings[found.offset] = (*findings.get(found.offset, ()), found)
    calls = {call.offset: call for call in reversed(about.run.calls)}
    problem = _problem(about) if first + len(steps) >= about.count else ""
    return Walk(about, first, steps, problem, MappingProxyType(calls), MappingProxyType(findings))


def hex_rows(data: bytes, start: int, end: int, *, rows: int = 8, base: int = 0) -> tuple[HexRow, ...]:
    """The rows of bytes around the current ones.

    Args:
        data: the bytes.
        start: the first of the current ones; of more than fit, the first are shown.
        end: the one after the last of them.
        rows: how many rows at most.
        base: what is added to the offsets of the rows.
    """
    first = max(start // BYTES_PER_ROW - max(rows // 2 - 1, 0), 0)
    last_row = max(len(data) - 1, 0) // BYTES_PER_ROW
    first = max(min(first, last_row - rows + 1), 0)
    found = []
    for row in range(first, min(first + rows, last_row + 1)):
        offset = row * BYTES_PER_ROW
        cells = tuple(
            _cell(byte, place, start, end)
            for place, byte in enumerate(data[offset : offset + BYTES_PER_ROW], start=offset)
        )
        if cells:
            found.append(HexRow(offset + base, cells))
    return tuple(found)


def _cell(byte: int, place: int, start: int, end: int) -> HexByte:
    state = ByteState.READ if place < start else ByteState.CURRENT if place < end else ByteState.AHEAD
    return HexByte(f"{byte:02x}", chr(byte) if 0x20 <= byte < 0x7F else ".", state)


def _argument(step: Step) -> str:
    if step.argument is None:
        return ""
    if step.opcode in ("GLOBAL", "INST"):
        return shown(str(step.argument), _ARGUMENT)
    return render(step.argument, _ARGUMENT)


def _picture(view: StackView) -> Picture:
    stack = tuple(islice(view, MOST_SLOTS))
    memo = tuple(view.memo.items())
    return Picture(stack, len(view) - len(stack), memo[-MOST_SLOTS:], max(len(memo) - MOST_SLOTS, 0))


def _problem(about: Survey) -> str:
    stopped = [found for found in about.run.findings if found.verdict is Verdict.COULD_NOT_READ]
    return f"The steps end here: {stopped[-1].reason}." if stopped else ""
