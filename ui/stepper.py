"""A stepper: forward and back through a list of steps, by buttons, by keyboard or by a slider."""

from __future__ import annotations

import streamlit as st

from ui.links import whole_number


def stepper(count: int, *, key: str, noun: str = "step") -> int:
    """Draws the stepper and returns the current position, from 0 to count - 1.

    Args:
        count: how many steps there are, at least 1.
        key: the name in the address; the address counts from 1.
        noun: what a step is called.

    Keys: N for next, B for back.
    """
    if count == 1:
        return 0
    if (whole_number(st.query_params.get(key, "")) or 0) > count:  # a link made for a longer derivation
        st.session_state[key] = count
    st.session_state[key] = min(max(int(st.session_state.get(key) or 1), 1), count)
    back, place, forward = st.columns([1, 4, 1], vertical_alignment="bottom")
    # The slider first: on arrival it takes its position from the address, and the buttons depend on it.
    position = int(place.slider(f"{noun.capitalize()}, of {count}", 1, count, key=key, bind="query-params"))
    back.button(
        "Back", key=f"{key}:back", icon=":material/chevron_left:", shortcut="B", width="stretch",
        disabled=position <= 1, on_click=_move, args=(key, -1),
    )  # fmt: skip
    forward.button(
        "Next", key=f"{key}:next", icon=":material/chevron_right:", shortcut="N", width="stretch",
        disabled=position >= count, on_click=_move, args=(key, 1),
    )  # fmt: skip
    return position - 1


def _move(key: str, by: int) -> None:
    st.session_state[key] = int(st.session_state[key]) + by
