"""Code in the address: put there when its visitor asks for it, shown and not run when a link brings it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from ui.contracts.editor import code_of, put_code
from ui.contracts.inputs import CODE, OWN_CLASS, OWN_KEY, STARTING
from ui.contracts.own_class import RUN
from ui.contracts.running import was_started
from ui.contracts.shared_code import SharedCodeError, pack, unpack
from ui.links import current_link, is_secret
from ui.messages import trouble

_SEEN: Final = "contracts:code_of_link"
"""What the address held when this page last looked."""
_BROUGHT: Final = "contracts:brought"
"""Whether the code in the editor is a link's, as it came."""
_REFUSED: Final = "contracts:not_shared"
_LONG: Final = 250
_TALLEST: Final = 120
"""Letters of a link from which on it scrolls, and its height then in pixels."""
_NOT_RUN: Final = "It has not run: read it, then press Run."
_RAN: Final = "You have started it."


def receive_code() -> None:
    """Takes in the code of a link that was opened; drops it from the address once it was edited."""
    there = st.query_params.get(CODE, "")
    if there != st.session_state.get(_SEEN, ""):
        st.session_state[_SEEN] = there
        _take_in(there)
    elif there and code_of(OWN_KEY, STARTING) != _unpacked(there):
        st.query_params.pop(CODE, None)
        st.session_state[_SEEN] = ""
        st.session_state[_BROUGHT] = False


def _take_in(letters: str) -> None:
    if not letters:
        return
    try:
        code = unpack(letters)
    except SharedCodeError as error:
        st.session_state[_REFUSED] = f"The code in the address {error}: nothing of it is shown."
        st.query_params.pop(CODE, None)
        st.session_state[_SEEN] = ""
        return
    put_code(OWN_KEY, code)
    st.session_state["show"] = OWN_CLASS
    st.session_state[_BROUGHT] = True


def _unpacked(letters: str) -> str | None:
    try:
        return unpack(letters)
    except SharedCodeError:
        return None


def draw_share() -> None:
    """Draws the button, and after it was pressed the link, or why there is none."""
    st.button(
        "Make a link with my code",
        key="contracts:share",
        icon=":material/link:",
        help="Puts the code into the address, compressed. Who opens the link sees it; it runs only when "
        "they press Run.",
        on_click=_share,
    )


def show_shared() -> None:
    """What is to be said about code in the address: the link, whose it is, or why it is not there."""
    refused = st.session_state.pop(_REFUSED, "")
    if refused:
        trouble(refused)
    elif not st.query_params.get(CODE):
        return
    elif st.session_state.get(_BROUGHT):
        ran = was_started(RUN, code_of(OWN_KEY, STARTING))
        st.caption(f"A link brought this code. {_RAN if ran else _NOT_RUN}")
    else:
        st.caption("The code is in the address now. Copy the link from there, or here:")
        link = current_link()
        st.code(link, language=None, wrap_lines=True, height=_TALLEST if len(link) > _LONG else "content")


def _share() -> None:
    """Callback: puts the code of the editor into the address."""
    code = code_of(OWN_KEY, STARTING)
    try:
        letters = pack(code)
        if is_secret(code):
            raise SharedCodeError("Something in the code looks like a key: take it out to share the code.")
    except SharedCodeError as error:
        st.session_state[_REFUSED] = str(error)
        return
    st.query_params[CODE] = letters
    st.session_state[_SEEN] = letters
    st.session_state[_BROUGHT] = False
