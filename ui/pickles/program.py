"""The program of a file: the pickle that its verdict comes from, and where the head would stop in it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import streamlit as st

from core.pickles import Bounds, Finding, ScanReport, Verdict
from core.pickles.lab.stretches import Stretch, packed, stretches, unpacked
from core.pickles.lab.survey import Survey, survey
from core.pickles.lab.unpacking import take_out
from core.pickles.lab.walkthrough import MOST_STEPS, View, Walk, walk
from core.pickles.machine import Step
from core.pickles.member import Member, shown
from core.pickles.record import Call
from core.pickles.value import render
from ui.pickles.subject import OURS, Subject
from ui.pickles.tape import Cell, Stop
from ui.visit import one_at_a_time

BOUNDS: Final = Bounds(
    bytes=2**26, opcodes=5_000_000, memo=200_000, values=500_000, seconds=4.0, text=1_000, depth=200,
)  # fmt: skip
"""What following a pickle for the page may take: it is done here, of a file that the scan came through."""
MOST_KEPT: Final = 4
_WINDOWS: Final = 2
_STRIDE: Final = MOST_STEPS // 2
_AROUND: Final = 60
"""How many opcodes before and behind its head a tape may show."""
_KEPT: Final = "pickles:programs"
CALL: Final = "This call would happen"
_SHOWN: Final = 200
_NAMES: Final = frozenset({"GLOBAL", "INST"})


@dataclass(frozen=True)
class Program:
    """One stream of pickles in a file. Its opcodes are numbered from 0.

    Attributes:
        survey: what was found in it; offsets count from the start of the file, or of what was unpacked.
        base: where the stream's member begins there.
        stop: where something would happen that is not known to make data only; None if nothing is.
    """

    survey: Survey
    base: int
    stop: Stop | None
    _windows: dict[int, Walk] = field(repr=False, compare=False)

    @property
    def stretch(self) -> Stretch:
        """Where it is in the file, and its bytes."""
        return self.survey.stretch

    @property
    def member(self) -> str:
        """The part of the file where it is; empty for the file itself."""
        return self.stretch.member

    @property
    def whole(self) -> bool:
        """Whether it was followed to its end: of a very long one only the first opcodes are."""
        return self.survey.whole

    @property
    def opcodes(self) -> int:
        """How many opcodes it has; of one that was not followed to its end, how many were."""
        return self.survey.count

    @property
    def total(self) -> int | None:
        """How many opcodes it has; None if nobody has counted them."""
        return self.opcodes if self.whole else None

    @cached_property
    def calls(self) -> tuple[int, ...]:
        """The offsets of the calls that would happen, each once."""
        return tuple(sorted({call.offset for call in self.survey.run.calls}))

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The opcodes around the head, or the first ones, with offsets from the start of their member."""
        walked = self.around(0 if self.stop is None else self.stop.index)
        steps = walked.steps[self.first - walked.first :][: 2 * _AROUND]
        return tuple(Cell(step.offset - self.base, step.opcode, _argument(step)) for step in steps)

    @property
    def first(self) -> int:
        """The number of the first one of the cells."""
        return 0 if self.stop is None else max(self.stop.index - _AROUND, 0)

    def verdict_of(self, call: Call) -> Verdict:
        """What a call that is not known to make data only makes of the file."""
        said = f"{CALL.lower()}: {call.function}"
        found = (each.verdict for each in self.survey.run.findings if each.reason.startswith(said))
        return next(found, Verdict.NEEDS_TRUST)

    def around(self, number: int) -> Walk:
        """Steps of which an opcode is one, with many before and behind it."""
        return _around(self.survey, number, self._windows)

    def view(self, number: int, *, rows: int) -> View:
        """One opcode, ready to be shown.

        Args:
            number: of the opcode.
            rows: how many rows of bytes.
        """
        walked = self.around(number)
        return walked.view(number - walked.first, rows=rows)

    def call_behind(self, offset: int) -> int | None:
        """The offset of the next call behind an offset; None if there is none."""
        index = bisect_right(self.calls, offset)
        return self.calls[index] if index < len(self.calls) else None

    @cached_property
    def found(self) -> tuple[int, ...]:
        """The offsets of what was found, each once."""
        findings = self.survey.run.findings
        return tuple(sorted({each.offset for each in findings if each.offset is not None}))

    def finding_behind(self, offset: int) -> int | None:
        """The offset of the next finding behind an offset; None if there is none."""
        index = bisect_right(self.found, offset)
        return self.found[index] if index < len(self.found) else None

    def call_before(self, offset: int) -> int | None:
        """The offset of the last call before an offset; None if there is none."""
        index = bisect_left(self.calls, offset) - 1
        return self.calls[index] if index >= 0 else None

    def number_at(self, offset: int) -> int | None:
        """The number of the opcode whose bytes hold an offset; None if there is none."""
        return _number_at(self.survey, offset, self._windows)


def _around(about: Survey, number: int, windows: dict[int, Walk]) -> Walk:
    first = 0
    if about.count > MOST_STEPS:
        last = about.count - MOST_STEPS
        first = min(max(number // _STRIDE * _STRIDE - _STRIDE // 2, 0), last)
    if first not in windows:
        while len(windows) >= _WINDOWS:
            windows.pop(next(iter(windows)))
        windows[first] = walk(about.stretch, BOUNDS, first=first, surveyed=about)
    return windows[first]


def _number_at(about: Survey, offset: int, windows: dict[int, Walk]) -> int | None:
    walked = _around(about, about.before(offset), windows)
    index = walked.at(offset)
    return None if index is None else walked.first + index


def program_of(subject: Subject) -> Program | None:
    """The program of a file; None if it has no pickle that lies in it as it is."""
    kept: OrderedDict[str, Program | None] = st.session_state.setdefault(_KEPT, OrderedDict())
    if subject.key not in kept:
        with one_at_a_time():
            kept[subject.key] = follow(subject)
    kept.move_to_end(subject.key)
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)
    return kept[subject.key]


def forget_programs() -> None:
    """Forgets what was followed; for callbacks."""
    st.session_state.pop(_KEPT, None)


def is_call(finding: Finding) -> bool:
    """Whether a finding is a call that would happen."""
    return finding.reason.startswith(CALL.lower())


def worst_first(findings: tuple[Finding, ...]) -> list[Finding]:
    """The findings, those first that the verdict comes from, and of them the calls."""
    return sorted(findings, key=lambda each: (-each.verdict.rank, not is_call(each)))


def to_unpack(report: ScanReport, data: bytes) -> Member | None:
    """The member that a file's verdict comes from, if it has to be unpacked to be followed; else None."""
    boxes = {member.name: member for member in reversed(packed(report))}
    if not boxes:
        return None
    places = {stretch.member for stretch in stretches(data, report)}
    for each in worst_first(report.findings):
        if each.opcode and each.member in places | boxes.keys():
            return None if each.member in places else boxes[each.member]
    return None if places else next(iter(reversed(boxes.values())))


def follow(subject: Subject) -> Program | None:
    """Follows the pickle that a file's verdict comes from; None if there is none to follow."""
    stretch = subject.unpacked or _ours_unpacked(subject)
    if stretch is None:
        found = stretches(subject.data, subject.report)
        if not found:
            return None
        stretch = _worst(found, subject)
    about = survey(stretch, BOUNDS)
    if not about.count:
        return None
    base = next(
        (each.offset for each in subject.report.members if each.name == stretch.member), stretch.offset
    )
    windows: dict[int, Walk] = {}
    return Program(about, base or 0, _stop(about, windows), windows)


def _ours_unpacked(subject: Subject) -> Stretch | None:
    """What is compressed in a file of the lab's own; a visitor's is unpacked in a process of its own."""
    member = None if subject.own else to_unpack(subject.report, subject.data)
    content = None if member is None else take_out(subject.data, member.name, OURS)
    return None if member is None or content is None else unpacked(content, member)


def _worst(found: tuple[Stretch, ...], subject: Subject) -> Stretch:
    """The stream that the verdict comes from; the first if none is worse than another."""
    by_member = {stretch.member: stretch for stretch in reversed(found)}
    placed = (each for each in worst_first(subject.report.findings) if each.opcode)
    return next((by_member[each.member] for each in placed if each.member in by_member), found[0])


def _stop(about: Survey, windows: dict[int, Walk]) -> Stop | None:
    for finding in worst_first(about.run.findings):
        index = None if finding.offset is None else _number_at(about, finding.offset, windows)
        if index is None:
            continue
        if is_call(finding):
            return Stop(index, finding.verdict, CALL, finding.reason.partition(": ")[2])
        return Stop(index, finding.verdict, "The machine stops here", finding.reason)
    return None


def _argument(step: Step) -> str:
    """What an opcode has behind it, as one line; empty if nothing."""
    if step.argument is None:
        return ""
    return shown(str(step.argument), _SHOWN) if step.opcode in _NAMES else render(step.argument, _SHOWN)
