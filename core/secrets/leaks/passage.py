"""Runs of literal text, each with the way back to the characters of the source that it was read from."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import Enum, auto


class Role(Enum):
    """What a passage is in its source, which says how a secret is taken out of it."""

    VALUE = auto()
    """String literals of a Python expression, joined."""
    NESTED = auto()
    """A string literal within the braces of an f-string."""
    WORDS = auto()
    """A docstring, a case of `match`, or any other literal that must stay one."""
    COMMENT = auto()
    CODE = auto()
    """Python outside its literals and comments."""
    ENTRY = auto()
    """A value of a `.env`."""
    TEXT = auto()
    """Anything else."""


@dataclass(frozen=True)
class Run:
    """Some characters of a passage, and the characters of the source that they stand for.

    Attributes:
        start: its first character in the passage.
        length: how many characters it has there.
        source: its first character in the source.
        width: how many characters it has there: as many, unless it is an escape.
    """

    start: int
    length: int
    source: int
    width: int


@dataclass(frozen=True)
class Passage:
    """A run of text that rules read as one.

    Attributes:
        text: as Python (or whoever reads the source) would see it.
        runs: where its characters come from, in order.
        role: what it is.
        name: the name that it is given to; empty if there is none.
        whole: whether the text is a value from its first character to its last, with nothing left out.
        group: which of the reader's groups of literals it belongs to; -1 for none.
        cell: of a notebook, from 1.
        output: whether it is in a cell's output.
        assigned: whether its name is a variable's.
    """

    text: str = field(repr=False)
    runs: tuple[Run, ...] = field(repr=False)
    role: Role
    name: str = ""
    whole: bool = False
    group: int = -1
    cell: int | None = None
    output: bool = False
    assigned: bool = False

    def source(self, start: int, end: int) -> tuple[int, int]:
        """The place in the source of the characters from `start` to `end`, which are at least one."""
        first, last = self._run(start), self._run(end - 1)
        begin = first.source + (start - first.start if first.length == first.width else 0)
        stop = last.source + (end - last.start if last.length == last.width else last.width)
        return begin, stop

    def _run(self, index: int) -> Run:
        return self.runs[bisect_right(self.runs, index, key=lambda run: run.start) - 1]


def plain(text: str, source: int = 0, role: Role = Role.TEXT, name: str = "", whole: bool = False) -> Passage:
    """A passage that stands in the source as it is, from the character `source` on."""
    return Passage(text, (Run(0, len(text), source, len(text)),), role, name, whole)


@dataclass(frozen=True)
class Lines:
    """The line and the column of each character of a text."""

    starts: tuple[int, ...]
    bom: int

    @classmethod
    def of(cls, text: str) -> Lines:
        """The lines of a text, which end as Python's do: with LF, CR or both."""
        starts, position = [0], 0
        for line in text.splitlines(keepends=True):
            position += len(line)
            if line[-1] in "\r\n":
                starts.append(position)
        return cls(tuple(starts), int(text.startswith("\ufeff")))

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both from 1."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1 - (self.bom if line == 1 else 0)
