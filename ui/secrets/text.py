"""Texts of the visitor's: they outlive an input that is not drawn, and are in no address, log or file."""

from __future__ import annotations

from typing import Final

import streamlit as st

PREFIX: Final = "secrets:text"
"""What the keys of all of them begin with; a reset forgets them by it."""
_KEPT: Final = f"{PREFIX}s"


def text_area(label: str, *, key: str, height: int, start: str = "", placeholder: str = "") -> str:
    """Draws a text area and gives what is in it.

    Args:
        label: of the input.
        key: begins with `PREFIX`.
        height: in pixels.
        start: what is in it before the visitor has written anything.
        placeholder: what an empty one shows.
    """
    kept: dict[str, str] = st.session_state.setdefault(_KEPT, {})
    if key not in st.session_state:
        st.session_state[key] = kept.get(key, start)
    kept[key] = str(st.text_area(label, key=key, height=height, placeholder=placeholder) or "")
    return kept[key]


def forget_texts() -> None:
    """Forgets all of them; for callbacks."""
    for name in [str(name) for name in st.session_state if str(name).startswith(PREFIX)]:
        del st.session_state[name]
