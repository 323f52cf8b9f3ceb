"""Netron in a page, with a model in it."""

from __future__ import annotations

import hashlib
import secrets

import streamlit as st

from ui.messages import trouble
from ui.netron.shelf import Model, ShelfError, Shelved, file_name, the_shelf
from ui.netron.site import address


def show(data: bytes, name: str, *, key: str, alt: str, height: int = 560) -> None:
    """Draws Netron with a model in it, in the visitor's theme.

    Args:
        data: an ONNX file.
        name: what it is called.
        key: identifies the frame on its page; the visit holds its model, and the last one before it.
        alt: says in words what the frame shows.
        height: in pixels.
    """
    place = f"{key}:netron"
    shelved: Shelved | None = st.session_state.get(place)
    if shelved is None or the_shelf().get(shelved.token) != Model(data, file_name(name)):
        # A browser may be in the middle of loading the last one: it goes with the next change.
        last: Shelved | None = st.session_state.get(f"{place}:last")
        if last is not None:
            last.close()
        st.session_state[f"{place}:last"] = shelved
        owner = st.session_state.setdefault("netron:visit", secrets.token_hex(8))
        try:
            shelved = st.session_state[place] = the_shelf().put(data, name, owner)
        except ShelfError as error:
            st.session_state.pop(place, None)
            trouble(str(error))
            return
    # Another file gets another frame: one whose address changes would add a step to the browser's history.
    with st.container(key=f"{key}-{hashlib.sha256(data).hexdigest()[:12]}"):
        st.iframe(address(shelved, st.context.theme.type), height=height, alt=alt)
