"""Editors of code: what is in them outlives a run that does not draw them, and is in no address."""

from __future__ import annotations

from typing import Final

import streamlit as st

PREFIX: Final = "contracts:code"
"""What the keys of all of them begin with; a reset forgets them by it."""
_KEPT: Final = f"{PREFIX}s"
_BEFORE: Final = ":before"


def code_of(key: str, start: str) -> str:
    """What is in an editor, whether or not it is drawn.

    Args:
        key: begins with `PREFIX`.
        start: what it begins with.
    """
    kept: dict[str, str] = st.session_state.setdefault(_KEPT, {})
    if key in st.session_state:
        kept[key] = str(st.session_state[key] or "")
    return kept.setdefault(key, start)


def put_code(key: str, code: str) -> None:
    """Puts code into an editor; for callbacks, and for runs that have not drawn it yet."""
    st.session_state.setdefault(_KEPT, {})[key] = code
    st.session_state[key] = code


def replace_code(key: str, code: str) -> None:
    """Callback: puts code into an editor, and keeps what a visitor may have written there."""
    before = st.session_state.get(_KEPT, {}).get(key)
    put_code(key, code)
    if before not in {None, code}:
        st.session_state[_KEPT][key + _BEFORE] = before


def draw_undo(key: str) -> None:
    """Draws what brings back the code that `replace_code` has replaced; nothing if it has not."""
    before = st.session_state.get(_KEPT, {}).get(key + _BEFORE)
    if before is not None:
        st.button(
            "Bring back my code", key=f"contracts:undo:{key}", icon=":material/undo:", on_click=_undo,
            args=(key, before),
        )  # fmt: skip


def draw_back(key: str, start: str) -> None:
    """Draws what brings back the code that an editor began with; what is replaced is kept."""
    st.button(
        "As it was", key=f"contracts:back:{key}", icon=":material/restart_alt:", on_click=replace_code,
        args=(key, start), disabled=code_of(key, start) == start,
    )  # fmt: skip


def _undo(key: str, before: str) -> None:
    put_code(key, before)
    del st.session_state[_KEPT][key + _BEFORE]


def draw_editor(label: str, *, key: str, start: str, height: int) -> str:
    """Draws an editor and gives what is in it.

    Args:
        label: for who listens; it is not shown.
        key: begins with `PREFIX`.
        start: what it begins with.
        height: in pixels.
    """
    # A widget that was not drawn for a run has lost its value. One that was drawn keeps what is being typed.
    if key not in st.session_state:
        st.session_state[key] = code_of(key, start)
    with st.container(key=f"uth-code-{key.rpartition(':')[2]}"):
        st.text_area(label, key=key, height=height, label_visibility="collapsed")
    return code_of(key, start)


def forget_code() -> None:
    """Forgets what is in all of them; for callbacks."""
    for name in [str(name) for name in st.session_state if str(name).startswith(PREFIX)]:
        del st.session_state[name]
