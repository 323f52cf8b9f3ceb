"""Which line of which text a line of an assembled program is: an error names lines of the whole program."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.contracts.swap import Assembly, Part, pieces

_BREAK: Final = re.compile(r"\r\n|\r|\n")
"""What ends a line in Python, and nothing else does."""
_BLANK: Final = 2
"""The empty lines below each piece."""


class Piece(StrEnum):
    """What a program is assembled from, in its order."""

    INTERFACE = "interface"
    PART = "part"
    PIPELINE = "pipeline"


@dataclass(frozen=True)
class Place:
    """A line of a piece.

    Attributes:
        piece: which one.
        line: of the piece as it stands on the page, from 1.
    """

    piece: Piece
    line: int

    def __str__(self) -> str:
        return f"line {self.line} of the {self.piece}"


def place_of(assembly: Assembly, part: Part, line: int) -> Place:
    """Where a line of `assemble(assembly, part)` comes from.

    Args:
        assembly: what was assembled.
        part: as it was plugged in, with a visitor's changes.
        line: of the whole program, from 1. One between two pieces counts to the nearest line of the piece
            whose comment is above it; one behind the end to the last.
    """
    above = 0
    place = Place(Piece.INTERFACE, 1)
    for piece, (_, text) in zip(Piece, pieces(assembly, part), strict=True):
        if line <= above and piece is not Piece.INTERFACE:
            break
        length = _length(text)
        cut = len(text) - len(text.lstrip("\n")) if text.strip("\n") else 0
        place = Place(piece, cut + min(max(line - above - 1, 1), length))
        above += 1 + length + _BLANK
    return place


def part_begins(assembly: Assembly, part: Part) -> int:
    """The line of the whole program in which the part begins, below its comment; from 1."""
    (_, interface), *_ = pieces(assembly, part)
    above = 1 + _length(interface) + _BLANK
    return above + 2


def _length(text: str) -> int:
    """The lines of a piece."""
    # What is put together has a line feed behind it, which ends one line together with a `\r` before it.
    return len(_BREAK.findall(text.strip("\n") + "\n"))
