"""What a program printed, and how it ended. All of it is the program's own text: shown as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import streamlit as st

from core.sandbox.result import GuestError, SandboxResult
from ui.contracts.excerpt import caret
from ui.contracts.stderr import SYNTAX_ERRORS, besides_traceback
from ui.messages import trouble
from ui.sandbox import limit_words

MOST_LINES: Final = 14
"""Lines of output that are in sight at once; more of them scroll."""
_LINE_PIXELS: Final = 24
_LINE: Final = re.compile(r"\bline ([0-9]{1,9})\b")

Where = Callable[[int], str]
"""Words a line of the program, such as `line 3 of the part`."""


def line_words(line: int) -> str:
    """A line of a program that stands on the page as a whole."""
    return f"line {line}"


def show_outcome(result: SandboxResult, heading: str = "") -> None:
    """Draws what a program printed, and how it ended if that was not well.

    Args:
        result: of its run.
        heading: above what it printed, if it did; Markdown.
    """
    show_printed(result, heading)
    show_ending(result)


def show_printed(result: SandboxResult, heading: str = "", note: str = "") -> None:
    """Draws what a program printed, and what it wrote to stderr besides the error that `show_ending` tells.

    Args:
        result: of its run.
        heading: above it, if there is any; Markdown.
        note: on the lines that stderr names, if it names any.
    """
    errors = besides_traceback(result)
    nothing = result.ok and not errors
    if heading and (result.stdout or errors or nothing):
        st.markdown(heading)
    if result.stdout or nothing:
        show_output(result.stdout)
    show_errors(errors, note if "program.py" in errors else "")


def show_ending(result: SandboxResult, where: Where = line_words) -> None:
    """Draws the limit that stopped a program, or the error that ended it; nothing if it ended well.

    Args:
        result: of its run.
        where: words a line of the program.
    """
    stopped = limit_words(result)
    if stopped:
        trouble(stopped)
    elif result.error is not None:
        trouble(error_words(result.error, where), caret(result.error.text, result.error.column))
    elif result.exit_code:
        st.caption(f"It ended with the exit code {result.exit_code}.")


def error_words(error: GuestError, where: Where = line_words) -> str:
    """An error in one sentence: where, its class, and what it says.

    Args:
        error: that ended a program.
        where: words a line of the program.
    """
    said = error.message
    if error.kind in SYNTAX_ERRORS:
        # What Python says of them names lines, too.
        said = _LINE.sub(lambda found: where(int(found[1])), said)
    place = "" if error.line is None else where(error.line)
    begin = f"{place[:1].upper()}{place[1:]}: " if place else ""
    return f"{begin}{error.kind}{f': {said}' if said else ''}"


def show_output(text: str) -> None:
    """Draws what a program printed; as it stands, whatever it is."""
    if not text:
        st.caption("It printed nothing.")
        return
    tall = text.count("\n") > MOST_LINES
    st.code(text, language=None, height=MOST_LINES * _LINE_PIXELS if tall else "content", wrap_lines=True)


def show_errors(text: str, note: str = "") -> None:
    """Draws what a program wrote to stderr; nothing if it wrote nothing.

    Args:
        text: as it stands.
        note: beside the heading.
    """
    if text:
        st.caption(f"On stderr:{f' {note}' if note else ''}")
        show_output(text)
