"""The program of a file: the pickle that its verdict comes from, and where the head would stop in it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import streamlit as st

from core.pickles import Bounds, Finding
from core.pickles.lab.stretches import Stretch, stretches
from core.pickles.lab.walkthrough import MOST_STEPS, Walk, walk
from core.pickles.machine import Step
from core.pickles.member import shown
from core.pickles.value import render
from ui.pickles.subject import Subject
from ui.pickles.tape import Cell, Stop
from ui.visit import one_at_a_time

BOUNDS: Final = Bounds(
    bytes=2**26, memo=50_000, values=200_000, seconds=2.0, text=1_000, depth=200,
)  # fmt: skip
"""What following a pickle for the page may take: it is done here, of a file that the scan came through."""
MOST_KEPT: Final = 4
_KEPT: Final = "pickles:programs"
_CALL: Final = "This call would happen"
_SHOWN: Final = 200
_NAMES: Final = frozenset({"GLOBAL", "INST"})


@dataclass(frozen=True)
class Program:
    """One stream of pickles in a file, followed step by step.

    Attributes:
        walk: the steps; their offsets count from the start of the file.
        base: where the stream's member begins in the file.
        stop: where something would happen that is not known to make data only; None if nothing is.
    """

    walk: Walk
    base: int
    stop: Stop | None

    @property
    def member(self) -> str:
        """The part of the file where it is; empty for the file itself."""
        return self.walk.stretch.member

    @property
    def whole(self) -> bool:
        """Whether it was followed to its end: of a long one only the first opcodes are."""
        return self.walk.run.opcodes <= MOST_STEPS

    @property
    def opcodes(self) -> int:
        """How many opcodes it has; of one that was not followed to its end, how many were at least."""
        return max(self.walk.run.opcodes if self.whole else MOST_STEPS, len(self.walk))

    @property
    def total(self) -> int | None:
        """How many opcodes it has; None if nobody has counted them."""
        return self.opcodes if self.whole else None

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The opcodes as they stand on the tape, with offsets from the start of their member."""
        return tuple(Cell(step.offset - self.base, step.opcode, _argument(step)) for step in self.walk.steps)


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
    return finding.reason.startswith(_CALL.lower())


def worst_first(findings: tuple[Finding, ...]) -> list[Finding]:
    """The findings, those first that the verdict comes from, and of them the calls."""
    return sorted(findings, key=lambda each: (-each.verdict.rank, not is_call(each)))


def follow(subject: Subject) -> Program | None:
    """Follows the pickle that a file's verdict comes from; None if there is none to follow."""
    found = stretches(subject.data, subject.report)
    if not found:
        return None
    stretch = _worst(found, subject)
    walked = walk(stretch, BOUNDS)
    if not len(walked):
        return None
    base = next(
        (each.offset for each in subject.report.members if each.name == stretch.member), stretch.offset
    )
    return Program(walked, base or 0, _stop(walked))


def _worst(found: tuple[Stretch, ...], subject: Subject) -> Stretch:
    """The stream that the verdict comes from; the first if none is worse than another."""
    by_member = {stretch.member: stretch for stretch in reversed(found)}
    placed = (each for each in worst_first(subject.report.findings) if each.opcode)
    return next((by_member[each.member] for each in placed if each.member in by_member), found[0])


def _stop(walked: Walk) -> Stop | None:
    for finding in worst_first(walked.run.findings):
        index = None if finding.offset is None else walked.at(finding.offset)
        if index is None:
            continue
        if is_call(finding):
            return Stop(index, finding.verdict, _CALL, finding.reason.partition(": ")[2])
        return Stop(index, finding.verdict, "The machine stops here", finding.reason)
    return None


def _argument(step: Step) -> str:
    """What an opcode has behind it, as one line; empty if nothing."""
    if step.argument is None:
        return ""
    return shown(str(step.argument), _SHOWN) if step.opcode in _NAMES else render(step.argument, _SHOWN)
