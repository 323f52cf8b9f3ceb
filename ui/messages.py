"""One line for a visitor when something cannot be computed, with a caret where that helps."""

from __future__ import annotations

import html
from collections.abc import Iterable

import streamlit as st

from core.secrets.leaks.redact import redact
from ui.text import with_code


def remarks(lines: Iterable[str]) -> None:
    """Sentences below each other, with code between backquotes; nothing in them is Markdown."""
    listed = "".join(f"<li>{with_code(line)}</li>" for line in lines)
    if listed:
        st.html(f"<ul class='uth-said'>{listed}</ul>")


def trouble(message: str, excerpt: str = "") -> None:
    """Says what came, what was expected and what to do, where the result would have been.

    A message may quote what the visitor wrote; what looks like a key is dots.

    Args:
        message: the line.
        excerpt: the visitor's text with a caret below the place, two lines; may be empty.
    """
    message, excerpt = redact(message), redact(excerpt)
    below = f"<pre>{html.escape(excerpt)}</pre>" if excerpt else ""
    st.html(f"<div class='uth-error' role='alert'>{html.escape(message)}{below}</div>")
