"""What an exception says, and where in the visitor's program it came from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Final

FILE: Final = "contract.py"
_LONGEST: Final = 200


@dataclass(frozen=True)
class Stop:
    """A place of the visitor's program that an exception passed through.

    Attributes:
        line: from 1.
        column: from 1, in characters; None if it is not known.
        text: of the line.
    """

    line: int
    column: int | None
    text: str


def place_of(error: BaseException) -> int | None:
    """The last line of the visitor's program that the exception passed through; None if it passed none."""
    found = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if is_ours(trace.tb_frame.f_code.co_filename):
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def stops(error: BaseException, source: str) -> list[Stop]:
    """Where in the visitor's program an exception was raised, and the place that called that one."""
    found: list[Stop] = []
    lines = source.split("\n")
    if isinstance(error, SyntaxError) and is_ours(error.filename) and error.lineno:
        return [Stop(error.lineno, error.offset, _line(lines, error.lineno))]
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if is_ours(trace.tb_frame.f_code.co_filename):
            line = trace.tb_lineno
            found.append(Stop(line, _column(trace, _line(lines, line)), _line(lines, line)))
        trace = trace.tb_next
    return found[:-3:-1]


def is_ours(file: str | None) -> bool:
    """Whether a file is the visitor's program."""
    return file is not None and file.rpartition("/")[2] == FILE


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1] if 1 <= number <= len(lines) else ""


def _column(trace: TracebackType, text: str) -> int | None:
    """Where in its line a traceback stands: Python counts bytes there, from 0."""
    positions = trace.tb_frame.f_code.co_positions()
    first, _, start, _ = next(islice(positions, trace.tb_lasti // 2, None), (None, None, None, None))
    if start is None or first != trace.tb_lineno:
        return None
    return len(text.encode()[:start].decode(errors="ignore")) + 1


def told(error: BaseException) -> str:
    """An exception in a few words: its class, its text and its line."""
    line = place_of(error)
    return f"{said(error)}{f' (line {line})' if line else ''}"


def said(error: BaseException) -> str:
    """An exception in a few words: its class and its text."""
    try:
        text = " ".join(str(error).split())
    except BaseException:  # noqa: BLE001 - a class of the visitor's
        text = "its text cannot be had"
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return f"{type(error).__name__}{f': {text}' if text else ''}"
