"""A number that can be typed, stepped or dragged, and lives in the address."""

from __future__ import annotations

import streamlit as st

from ui.dial import dial
from ui.links import UNTOLD, went_back

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
    state.setdefault(key, default)
    drawn = f"{key}:drawn"
    again = key in state.get(UNTOLD, ())
    set_back = drawn in state and state[key] == default and (again or state[drawn] != default)
    with st.container(gap="xxsmall"):
        value = st.number_input(
            name,
            # With a default of its own the field could not be emptied. It has one in a run in which something
            # else than the visitor's typing puts it there: it would be written to the address otherwise.
            value=default if set_back or (went_back() and key not in st.query_params) else None,
            step=0.1,
            format="%g",
            key=key,
            bind="query-params",
        )
        state[drawn] = value
        dial(name, value, key=f"dial:{key}", parameter=key, low=-REACH, high=REACH)
    return value
