"""The inputs on the stage: the article's pair or the visitor's own class, and what runs it."""

from __future__ import annotations

from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.contracts.article import PAIR
from ui.contracts.editor import code_of, draw_back, draw_editor, draw_undo, put_code, replace_code
from ui.contracts.inputs import COMPACT, OWN_CLASS, OWN_KEY, STARTING, SUBJECTS
from ui.contracts.own_class import start_trial
from ui.contracts.pair import run_again
from ui.contracts.share import draw_share, show_shared

_ABOUT: Final = (
    "One forgotten method, twice. On the left a base class that raises `NotImplementedError` when it is "
    "called. On the right an *abstract base class*, `abc.ABC`: it names the methods that every subclass must "
    "have."
)
_HEIGHT: Final = 370
_PROJECTED: Final = 275
"""Of the editor, in pixels: on the projector the example's nine lines."""
_RAN: Final = "Both programs ran just now, in the sandbox."
_READ: Final = "Neither has run yet: what you see is read from the code."


def draw_controls(*, ready: bool, projector: bool, bar: DeltaGenerator | None = None) -> str:
    """Draws the inputs; gives the code in the editor, or an empty string for the article's pair.

    Args:
        ready: whether the sandbox can run something.
        projector: whether the stage is drawn for the projector.
        bar: where the buttons are drawn; above the editor if it is not given.
    """
    with (bar or st).container(horizontal=True, vertical_alignment="center", gap="small"):
        subject = st.segmented_control(
            "Try", SUBJECTS, default=SUBJECTS[0], key="show", bind="query-params",
            label_visibility="collapsed", required=True,
        )  # fmt: skip
        if subject != OWN_CLASS:
            st.button(
                "Run again", key="contracts:pair:again", icon=":material/replay:", on_click=run_again,
                disabled=not ready,
            )  # fmt: skip
            st.button(
                "Open in the editor", key="contracts:pair:edit", icon=":material/edit:", on_click=_edit_pair
            )
        else:
            st.button(
                "Run", key="contracts:own:run", icon=":material/play_arrow:",
                disabled=not ready, on_click=_run_own, help="Tries every class for real, in the sandbox",
            )  # fmt: skip
            if projector:
                draw_share()
                draw_back(OWN_KEY, COMPACT)
    if subject != OWN_CLASS:
        if not projector:
            st.caption(f"{_ABOUT} {_RAN if ready else _READ}")
        return ""
    _fit_example(projector=projector)
    source = draw_editor(
        "Your code", key=OWN_KEY, start=STARTING, height=_PROJECTED if projector else _HEIGHT
    )
    if not projector:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            draw_share()
            draw_back(OWN_KEY, STARTING)
            draw_undo(OWN_KEY)
    show_shared()
    return source


def _run_own() -> None:
    """Callback: the editor's code as it is now, which this run has brought along."""
    start_trial(code_of(OWN_KEY, STARTING))


def _edit_pair() -> None:
    """Callback: takes both programs to the editor."""
    replace_code(OWN_KEY, PAIR.both)
    st.session_state["show"] = OWN_CLASS


def _fit_example(*, projector: bool) -> None:
    """Has the example that the editor begins with fit into it, as long as nobody has changed it."""
    fitting, other = (COMPACT, STARTING) if projector else (STARTING, COMPACT)
    if code_of(OWN_KEY, fitting) == other:
        put_code(OWN_KEY, fitting)
