"""Reading a chain: from text to calls with their arguments. Nothing of it is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.builder.words import Value, cut, quoted, shown


class BuilderError(ValueError):
    """Text that is no chain: one line with what came, what was expected and what to do.

    Attributes:
        message: that line.
        line: the line of the text, from 1; 0 if it is about the text as a whole.
    """

    def __init__(self, message: str, line: int = 0, source: str = "", column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self._source = source
        self._column = column

    def excerpt(self) -> str:
        """The offending line and below it a caret at the offence; empty for the text as a whole."""
        if not self.line:
            return ""
        start = max(0, self._column - 60)
        clean = "".join(c if c.isprintable() else " " for c in self._source[start : start + 100])
        return f"{clean}\n{' ' * (self._column - start)}^"


@dataclass(frozen=True)
class Piece:
    """What stands between two line ends or semicolons."""

    line: int
    source: str
    start: int
    text: str

    def error(self, message: str, column: int = 0) -> BuilderError:
        """What is wrong here; `column` counts from the piece's start."""
        return BuilderError(f"Line {self.line}{message}", self.line, self.source, self.start + column)


@dataclass(frozen=True)
class Argument:
    """A value in the brackets; its keyword is empty if it has none."""

    keyword: str
    value: Value
    column: int

    def text(self) -> str:
        """As it is written."""
        return f"{self.keyword}={shown(self.value)}" if self.keyword else shown(self.value)


@dataclass(frozen=True)
class Call:
    """A layer's name with its arguments, as they are written."""

    piece: Piece
    name: str
    arguments: tuple[Argument, ...]

    def error(self, message: str, column: int = 0) -> BuilderError:
        """What is wrong with this layer."""
        arguments = ", ".join(argument.text() for argument in self.arguments)
        return self.piece.error(f", {cut(f'{self.name}({arguments})', 80)}: {message}", column)


_CALL = re.compile(r"(?:(?:torch\.)?nn\.)?([A-Za-z_][A-Za-z0-9_]*)\s*\((.*)\)", re.DOTALL)
_ARGUMENT = re.compile(
    r"\s*(?:([A-Za-z_][A-Za-z0-9_]*)\s*=\s*)?"
    r"(?:(True|False)|([+-]?[0-9]+)|([+-]?(?:[0-9]+\.[0-9]*|\.?[0-9]+)(?:[eE][+-]?[0-9]+)?))\s*"
)


def pieces(text: str) -> Iterator[Piece]:
    """What stands between line ends and semicolons, without comments and without what is empty."""
    for number, source in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        start = 0
        for part in source.partition("#")[0].split(";"):
            stripped = part.strip()
            if stripped:
                yield Piece(number, source, start + part.index(stripped), stripped)
            start += len(part) + 1


def read(piece: Piece, usages: Mapping[str, str]) -> Call:
    """The call that a piece of text is.

    Args:
        piece: the text.
        usages: how each known layer is written, by name.

    Raises:
        BuilderError: if it is none.
    """
    match = _CALL.fullmatch(piece.text)
    if match is None:
        name = piece.text.removeprefix("torch.").removeprefix("nn.")
        if name in usages:
            raise piece.error(f", {name}: its brackets are missing. Write {usages[name]}.")
        if piece.text.count("(") > piece.text.count(")"):
            raise piece.error(f": {quoted(piece.text)} ends before its closing bracket. Write one.")
        raise piece.error(f": {quoted(piece.text)} is no layer. Write one such as Linear(8, 16).")
    name, inside = match.groups()
    arguments: list[Argument] = []
    column = match.start(2)
    parts = inside.split(",")
    if not parts[-1].strip():  # no argument, or a comma after the last one
        parts.pop()
    for part in parts:
        found = _ARGUMENT.fullmatch(part)
        at = column + len(part) - len(part.lstrip())
        if found is None:
            raise piece.error(f", {cut(name, 40)}: {quoted(part.strip())} is no number, True or False.", at)
        keyword, truth, whole, number = found.groups()
        value: Value = truth == "True" if truth else int(whole) if whole else float(number)
        arguments.append(Argument(keyword or "", value, at))
        column += len(part) + 1
    return Call(piece, name, tuple(arguments))
