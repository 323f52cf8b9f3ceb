"""What a program wrote to stderr, without the traceback of the error that the page tells by itself."""

from __future__ import annotations

import re
from typing import Final

from core.sandbox.inside import SHOWN_LINES, SHOWN_WIDTH
from core.sandbox.result import GuestError, SandboxResult

SYNTAX_ERRORS: Final = ("SyntaxError", "IndentationError", "TabError")
"""What Python says of a program that it cannot read."""
_HEAD: Final = "Traceback (most recent call last):"
_SYNTAX_HEAD: Final = '  File "'
_LEFT_OUT: Final = re.compile(r"\[[0-9]+ (calls|lines) in the middle are left out\]")
_MOST_LINES: Final = 2 * SHOWN_LINES + 1
_NOT_THE_END: Final = ("Exception ignored in", "Exception ignored on")
"""What stands above a traceback that is not of what ended the program."""


def besides_traceback(result: SandboxResult) -> str:
    """What a program wrote to stderr, without the traceback of the error that ended it.

    A traceback of several errors, one from the other, says more than the error that is told: it stays.

    Args:
        result: of a run whose `error` the page tells; a limit is told in place of the error.
    """
    if result.error is None or result.limit is not None or result.crash:
        return result.stderr
    lines = result.stderr.split("\n")
    said = _said(result.error)
    for end in range(len(lines) - len(said), -1, -1):
        begin = _begin(lines, end, result.error) if lines[end : end + len(said)] == said else None
        if begin is None:
            continue
        if begin > 1 and lines[begin - 2].endswith("exception:"):
            break
        before = lines[begin].removesuffix(_HEAD) if lines[begin].endswith(_HEAD) else ""
        after = lines[end + len(said) :]
        if after and _LEFT_OUT.fullmatch(after[0]):
            after = after[1:]
        return "\n".join([*lines[:begin], *([before] if before else []), *after]).strip("\n")
    return result.stderr


def _said(error: GuestError) -> list[str]:
    """The lines of a traceback that say what is told, as they are printed."""
    said = f"{error.kind}: {error.message}" if error.message else error.kind
    return [line if len(line) <= SHOWN_WIDTH else f"{line[:SHOWN_WIDTH]}..." for line in said.split("\n")]


def _begin(lines: list[str], end: int, error: GuestError) -> int | None:
    """The first line of the traceback that ends there; None if none does, or not that of the program."""
    first = end
    # A visitor can print whatever looks like a traceback, so no more is looked at than one can have.
    while first > max(0, end - _MOST_LINES) and _is_within(lines[first - 1]):
        first -= 1
    if first and lines[first - 1].endswith(_HEAD):
        ignored = first > 1 and lines[first - 2].startswith(_NOT_THE_END)
        return None if ignored else first - 1
    if error.kind in SYNTAX_ERRORS:
        # A program that cannot be compiled has no frames, so the traceback has no head.
        places = [place for place in range(first, end) if lines[place].startswith(_SYNTAX_HEAD)]
        return places[-1] if places else None
    return None


def _is_within(line: str) -> bool:
    """Whether a line can stand between the head of a traceback and what it says."""
    if line.endswith(_HEAD):
        return False
    return line.startswith("  ") or _LEFT_OUT.fullmatch(line) is not None
