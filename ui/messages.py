"""One line for a visitor when something cannot be computed, with a caret where that helps."""

from __future__ import annotations

import html

import streamlit as st


def trouble(message: str, excerpt: str = "") -> None:
    """Says what came, what was expected and what to do, where the result would have been.

    Args:
        message: the line.
        excerpt: the visitor's text with a caret below the place, two lines; may be empty.
    """
    below = f"<pre>{html.escape(excerpt)}</pre>" if excerpt else ""
    st.html(f"<div class='uth-error' role='alert'>{html.escape(message)}{below}</div>")
