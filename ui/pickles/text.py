"""The text of a payload that the visitor writes: it outlives a run without it, and is in no address."""

from __future__ import annotations

from typing import Final

import streamlit as st

from core.pickles.lab.payloads import MAX_TEXT, PayloadKind

_KEY: Final = "pickles:text"
_KEPT: Final = f"{_KEY}s"


def payload_text(kind: PayloadKind) -> str:
    """What the visitor has written for a payload; its example at first."""
    kept: dict[str, str] = st.session_state.setdefault(_KEPT, {})
    key = _key(kind)
    if key in st.session_state:
        kept[key] = str(st.session_state[key] or "")
    return kept.get(key, kind.example)


def draw_text(kind: PayloadKind) -> None:
    """Draws the input of a payload's text."""
    key = _key(kind)
    if key not in st.session_state:
        st.session_state[key] = payload_text(kind)
    st.text_input(
        f"Its {kind.asks}", key=key, max_chars=MAX_TEXT, help="Written into the file, and never run here"
    )


def forget_text() -> None:
    """Forgets what was written for every payload; for callbacks."""
    for name in [str(name) for name in st.session_state if str(name).startswith(_KEY)]:
        del st.session_state[name]


def _key(kind: PayloadKind) -> str:
    return f"{_KEY}:{kind.payload}"
