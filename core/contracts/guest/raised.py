"""What an exception says, and where in the visitor's program it came from."""

from __future__ import annotations

from types import TracebackType
from typing import Final

FILE: Final = "contract.py"
_LONGEST: Final = 200


def place_of(error: BaseException) -> int | None:
    """The last line of the visitor's program that the exception passed through; None if it passed none."""
    found = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.rpartition("/")[2] == FILE:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def told(error: BaseException) -> str:
    """An exception in a few words: its class, its text and its line."""
    try:
        text = " ".join(str(error).split())
    except BaseException:  # noqa: BLE001 - a class of the visitor's
        text = "its text cannot be had"
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    line = place_of(error)
    return f"{type(error).__name__}{f': {text}' if text else ''}{f' (line {line})' if line else ''}"
