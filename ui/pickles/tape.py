"""The lab's picture: the pickle as a tape of opcodes, with the machine's head where it would do something."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from core.pickles import Verdict
from core.pickles.member import shown
from ui.pickles.words import LOOKS, several, text_of

AHEAD: Final = 0.62
"""Where the head is in the window: the part of the tape before it is what a reader has to know."""
_ARGUMENT: Final = 44


@dataclass(frozen=True)
class Cell:
    """One opcode on the tape.

    Attributes:
        offset: where it is in its pickle, in bytes.
        opcode: its name.
        argument: as one line; empty if it has none.
    """

    offset: int
    opcode: str
    argument: str


@dataclass(frozen=True)
class Stop:
    """Where the head stands.

    Attributes:
        index: the number of the opcode, from 0.
        verdict: what would happen there makes of the file.
        what: the headline of the card, such as `This call would happen`.
        code: the call itself, or the name; from the file.
    """

    index: int
    verdict: Verdict
    what: str
    code: str


def show_tape(
    cells: Sequence[Cell], stop: Stop | None, *, rows: int, total: int | None, hidden: bool, before: int = 0
) -> None:
    """Draws the tape.

    Args:
        cells: those around the head, or the first ones, in order.
        stop: where the head stands; None if nothing on the tape would run.
        rows: how many cells are drawn at most.
        total: how many opcodes there are; None if nobody has counted them.
        hidden: while a prediction is open: then there is no head on it.
        before: how many opcodes there are before the first of the cells.
    """
    place_of_head = 0 if stop is None else stop.index - before
    at = None if hidden or stop is None else place_of_head
    # The part that is shown is the same with and without the head.
    first, last = window(len(cells), place_of_head, rows)
    drawn = cells[first:last]
    parts = [_more(before + first, "before") if before + first else ""]
    for place, cell in enumerate(drawn, first):
        kind = "" if at is None else " after" if place > at else ""
        if place == at and stop is not None:
            parts += [_cell(cell, f" head {LOOKS[stop.verdict].kind}", "▶"), _card(stop)]
        else:
            parts.append(_cell(cell, kind, ""))
    if total is None:
        parts.append("<div class='more'>… and many more opcodes</div>")
    elif total > before + last:
        parts.append(_more(total - before - last, "after"))
    alt = html.escape(_alt(drawn, None if hidden else stop), quote=True)
    # Room for the longest offset, and for the head before it.
    wide = max((len(f"{cell.offset:,}") for cell in drawn), default=0) + 2
    st.html(
        f"<div class='uth-tape' style='--uth-at: {wide}ch' role='img' aria-label=\"{alt}\">"
        f"{''.join(parts)}</div>"
    )


def window(count: int, at: int, rows: int) -> tuple[int, int]:
    """The first cell that is drawn, and the one behind the last.

    Args:
        count: how many cells there are.
        at: the one that has to be among them.
        rows: how many are drawn; one more where a single one before them would be left out.
    """
    first = max(0, min(at - int(rows * AHEAD), count - rows))
    last = min(first + rows, count)
    return (0 if first == 1 else first), last


def _cell(cell: Cell, kind: str, mark: str) -> str:
    argument = text_of(cell.argument, _ARGUMENT)
    title = f" title='{text_of(cell.argument, 300)}'" if len(cell.argument) > _ARGUMENT else ""
    return (
        f"<div class='cell{kind}'><span class='at'>{mark} {cell.offset:,}</span>"
        f"<span class='operation'>{html.escape(cell.opcode)}</span>"
        f"<span class='argument'{title}>{argument}</span></div>"
    )


def _card(stop: Stop) -> str:
    look = LOOKS[stop.verdict]
    return (
        f"<div class='uth-pk-call {look.kind}'><span class='what'>{look.sign} {html.escape(stop.what)}</span>"
        f"<span class='code'>{text_of(stop.code)}</span></div>"
    )


def _more(count: int, where: str) -> str:
    return f"<div class='more'>… {several(count, 'opcode')} {where}</div>"


def _alt(drawn: Sequence[Cell], stop: Stop | None) -> str:
    opcodes = ", ".join(cell.opcode for cell in drawn)
    if stop is None:
        return f"The opcodes of the pickle: {opcodes}"
    stops = f"The machine stops where {stop.what.lower()}: {shown(stop.code)}"
    return f"The opcodes of the pickle: {opcodes}. {stops}"
