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
    state = st.session_state
    if state.pop(f"{key}:refill", False):
        state[key] = default
    state.setdefault(key, default)
    with st.container(gap="xxsmall"):
        value = st.number_input(
            name,
            value=None,
            step=0.1,
            format="%g",
            key=key,
            bind="query-params",
            on_change=_note_emptied,
            args=(key,),
        )
        if value is None and not state.get(f"{key}:emptied"):
            # Nobody emptied it: the visitor went back to an address that does not name it.
            state[f"{key}:refill"] = True
            st.rerun()
        dial(name, value, key=f"dial:{key}", parameter=key, low=-REACH, high=REACH)
    return value


def _note_emptied(key: str) -> None:
    st.session_state[f"{key}:emptied"] = st.session_state[key] is None
