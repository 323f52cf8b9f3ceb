"""A line of a visitor's code with a caret below the place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.contracts import Place

WIDTH: Final = 76
"""Characters of a line that are shown; a longer one is cut around the place."""


def caret(text: str, column: int | None) -> str:
    """The line, and below it a caret; empty if there is no line.

    Args:
        text: the line, as it is in the code.
        column: the place, from 1; None if it is not known: then there is no caret.
    """
    line = text.rstrip().expandtabs(1)
    if not line.strip():
        return ""
    place = None if column is None else min(max(column - 1, 0), len(line))
    start = 0 if place is None else max(0, place - WIDTH // 2)
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
    cut = shown[start : start + WIDTH]
    return cut if place is None else f"{cut}\n{' ' * (place - start)}^"


def stopped(places: Sequence[Place]) -> str:
    """The line where a program stopped, with a caret, and below it the line that called it.

    Args:
        places: from the innermost on.
    """
    found = [caret(each.text, each.column) for each in places]
    callers = [
        f"called from line {each.line}:\n{text}"
        for each, text in zip(places[1:], found[1:], strict=True)
        if text
    ]
    return "\n".join([*found[:1], *callers]).strip("\n")
