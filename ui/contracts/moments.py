"""The lab's picture: the moments of a class's life on a line, and the mark where it fails."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import streamlit as st

from core.contracts.article import ORDER
from core.contracts.verdict import Moment

LINE: Final = ORDER
_HYPHENATED: Final = {
    Moment.DEFINITION: "defini\N{SOFT HYPHEN}tion",
    Moment.INSTANTIATION: "instanti\N{SOFT HYPHEN}ation",
    Moment.PRODUCTION: "produc\N{SOFT HYPHEN}tion",
}
"""Where a word breaks that has no room."""
_SOON: Final = LINE.index(Moment.INSTANTIATION)


class Look(StrEnum):
    """How a mark looks: never by its colour alone."""

    EARLY = "early"
    """It fails before anybody uses it."""
    LATE = "late"
    """It fails in use."""
    PASSED = "passed"
    """It never fails."""


@dataclass(frozen=True)
class Mark:
    """What stands at a moment of a line.

    Attributes:
        moment: where.
        words: what is written there, such as `✗ fails here` or `ABC`.
        look: how it looks.
    """

    moment: Moment
    words: str
    look: Look


@dataclass(frozen=True)
class Lane:
    """One class's line.

    Attributes:
        name: the class.
        about: a few words below it.
        marks: what stands on the line.
        reached: the moments that it came to without failing; None if nobody has run it.
    """

    name: str
    about: str
    marks: tuple[Mark, ...]
    reached: tuple[Moment, ...] | None = None


def position(moment: Moment) -> int:
    """Where a moment is on the line; behind its end for one that never comes."""
    return len(LINE) if moment is Moment.NEVER else LINE.index(moment)


def is_early(moment: Moment) -> bool:
    """Whether whoever fails then fails before anybody uses it."""
    return position(moment) <= _SOON


def failure(moment: Moment, words: str) -> Mark:
    """The mark of a check that fails at a moment, or of one that never does."""
    if moment is Moment.NEVER:
        return Mark(moment, words, Look.PASSED)
    return Mark(moment, words, Look.EARLY if is_early(moment) else Look.LATE)


def show_moments(lanes: Sequence[Lane], *, hidden: bool) -> None:
    """Draws a line for each class.

    Args:
        lanes: from top to bottom.
        hidden: while a prediction is open: then nothing of the marks is sent.
    """
    moments = list(LINE)
    if not hidden and any(mark.moment is Moment.NEVER for lane in lanes for mark in lane.marks):
        moments.append(Moment.NEVER)
    columns = f"grid-template-columns: minmax(11rem, 1.35fr) repeat({len(moments)}, 1fr)"
    head = "".join(f"<div class='moment'>{_HYPHENATED.get(moment, str(moment))}</div>" for moment in moments)
    rows = [f"<div class='row' style='{columns}'><div class='moment'></div>{head}</div>"]
    for lane in lanes:
        about = f"<small>{html.escape(lane.about)}</small>" if lane.about else ""
        stops = "".join(_stop(lane, moment, hidden=hidden) for moment in moments)
        name = f"<div class='name'>{html.escape(lane.name)}{about}</div>"
        rows.append(f"<div class='row lane' style='{columns}'>{name}{stops}</div>")
    alt = html.escape(_alt(lanes, hidden=hidden), quote=True)
    st.html(f"<div class='uth-moments' role='img' aria-label=\"{alt}\">{''.join(rows)}</div>")


def _stop(lane: Lane, moment: Moment, *, hidden: bool) -> str:
    if hidden:
        return "<div class='stop after'><span class='dot unreached'>?</span></div>"
    marks = [mark for mark in lane.marks if mark.moment is moment]
    reached = lane.reached is not None and moment in lane.reached
    over = lane.reached is not None and not reached and not marks
    if marks:
        inside = "".join(_chip(mark) for mark in marks)
    elif reached:
        inside = "<span class='dot'>✓</span>"
    elif over:
        inside = "<span class='dot unreached'>·</span>"
    else:
        inside = ""
    kind = " after" if over else " ends" if marks and lane.reached is not None else ""
    return f"<div class='stop{kind}'>{inside}</div>"


def _chip(mark: Mark) -> str:
    return f"<span class='chip {mark.look}'>{html.escape(mark.words)}</span>"


def _alt(lanes: Sequence[Lane], *, hidden: bool) -> str:
    if hidden:
        return "When each class fails: hidden until you have guessed"
    told = []
    for lane in lanes:
        marks = ", ".join(f"{mark.words} at {mark.moment}" for mark in lane.marks) or "no mark"
        told.append(f"{lane.name}: {marks}")
    return f"The moments from definition to production. {'; '.join(told)}"
