"""A line of a visitor's code with a caret below the place."""

from __future__ import annotations

from typing import Final

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
