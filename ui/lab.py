"""What every lab's page starts with: its name, the sentence it proves, predict-first, share and reset."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.links import current_link, link_notices, withheld_notice

PREDICT_KEY = "predict"


def head(
    page: str,
    title: str,
    sentence: str,
    *,
    hides: str,
    projector: bool,
    on_reset: Callable[[], None],
    not_shared: str = "",
) -> DeltaGenerator:
    """Draws a lab's head line.

    Args:
        page: the page's name, for the notices of its link.
        title: the lab's name.
        sentence: what the lab proves; the projector has no room for it.
        hides: what predict-first hides until the visitor has guessed; empty if there is nothing to guess.
        projector: whether the line is drawn for the projector.
        on_reset: callback that sets every input of the lab to its default.
        not_shared: what the link does not hold, in a sentence; empty if it holds everything.

    Returns:
        A place in the line for one wide input, for the projector; else an empty place below the line.
    """
    widths = [1.1, 3, 2.6] if projector else [5, 0.01, 3]
    name, place, tools = st.columns(widths, vertical_alignment="center", gap="small" if projector else None)
    about = "" if projector else f"<p>{sentence}</p>"
    name.html(f"<div class='uth-head'><h1>{title}</h1>{about}</div>")
    with tools.container(
        key="lab-tools",
        horizontal=True,
        horizontal_alignment="right",
        vertical_alignment="center",
        gap="xsmall",
    ):
        if hides:
            st.toggle(
                "Predict first",
                key=PREDICT_KEY,
                bind="query-params",
                help=None if projector else f"Hides {hides} until you have typed your guess",
            )
        share = st.popover(
            "Share",
            icon=":material/link:",
            help="A link to exactly this",
            on_change="rerun",
        )
        if share.open:
            share.caption("Opens this page with the same inputs:")
            share.code(current_link(), language=None, wrap_lines=True)
            if not_shared:
                share.caption(not_shared)
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            help="Back to the worked example",
            on_click=on_reset,
            key=f"{page}:reset",
        )
    notice = link_notices("frame", page)
    if notice:
        st.warning(notice, icon=":material/link_off:")
    withheld = withheld_notice(page)
    if withheld:
        st.warning(withheld, icon=":material/key:")
    return place if projector else st.container()
