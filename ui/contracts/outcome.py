"""What a program printed, and how it ended. All of it is the program's own text: shown as text."""

from __future__ import annotations

from typing import Final

import streamlit as st

from core.sandbox.result import SandboxResult
from ui.contracts.excerpt import caret
from ui.messages import trouble
from ui.sandbox import limit_words

MOST_LINES: Final = 14
"""Lines of output that are in sight at once; more of them scroll."""
_LINE_PIXELS: Final = 24


def show_outcome(result: SandboxResult) -> None:
    """Draws what a program printed, and how it ended if that was not well."""
    if result.stdout or result.ok:
        show_output(result.stdout)
    show_ending(result)


def show_ending(result: SandboxResult) -> None:
    """Draws the limit that stopped a program, or the error that ended it; nothing if it ended well."""
    stopped = limit_words(result)
    if stopped:
        trouble(stopped)
    elif result.error is not None:
        error = result.error
        where = "" if error.line is None else f"Line {error.line}: "
        said = f": {error.message}" if error.message else ""
        trouble(f"{where}{error.kind}{said}", caret(error.text, error.column))
    elif result.exit_code:
        st.caption(f"It ended with the exit code {result.exit_code}.")


def show_output(text: str) -> None:
    """Draws what a program printed; as it stands, whatever it is."""
    if not text:
        st.caption("It printed nothing.")
        return
    tall = text.count("\n") > MOST_LINES
    st.code(text, language=None, height=MOST_LINES * _LINE_PIXELS if tall else "content", wrap_lines=True)
