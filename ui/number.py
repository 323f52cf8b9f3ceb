"""A number that can be typed, stepped or dragged, and lives in the address."""

from __future__ import annotations

import streamlit as st

from ui.dial import dial

REACH = 10.0
"""The track goes from -REACH to REACH until a number beyond it is typed."""


def number(name: str, *, key: str, default: float) -> float | None:
    """Draws a number input with a track to drag below it.

    Args:
        name: its label.
        key: the widget's key and its name in the address.
        default: the number until a link or the visitor says otherwise.

    Returns:
        The number; None if the field is empty or holds none (`1e400`, `-`).
    """
    st.session_state.setdefault(key, default)
    with st.container(gap="xxsmall"):
        value = st.number_input(name, value=None, step=0.1, format="%g", key=key, bind="query-params")
        dial(name, value, key=f"dial:{key}", parameter=key, low=-REACH, high=REACH)
    return value
