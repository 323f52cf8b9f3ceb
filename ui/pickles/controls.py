"""The inputs on the stage: which file is looked at, and what one that is built is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from ui.limits import limits
from ui.pickles.inputs import BUILT, CONTAINER_TITLES, FILES, PAIR, PAYLOAD_TITLES, SAMPLES, WHICH, from_file
from ui.pickles.subject import Subject, chosen_payload, our_sample
from ui.pickles.text import draw_text
from ui.pickles.upload import Chosen, choose_file, forget_file
from ui.text import with_code

_ABOUT: Final = (
    "A pickle is a program for a small machine with a stack and a memo. One opcode after another, it makes "
    "the object; REDUCE, NEWOBJ and a few others call what the file names."
)
NO_FILE: Final = (
    "Any file: a checkpoint, a pickle, an archive. It is read by its content, whatever its name says: what "
    "is in it, what loading it would call, and what could not be read."
)
_UPLOADED: Final = (
    "Read in a process of its own, never loaded, and kept for this visit alone. At most {} MB: a larger one "
    "is marked red, and not read."
)


def draw_controls(*, projector: bool) -> Chosen | None:
    """Draws the inputs; gives the visitor's file, if that is what is looked at and there is one."""
    left, right = st.columns([1.6, 1], vertical_alignment="center") if projector else (st.container(),) * 2
    left.selectbox(
        "Look at", FILES, key="file", bind="query-params",
        label_visibility="collapsed" if projector else "visible",
    )  # fmt: skip
    file = str(st.session_state["file"])
    given = None
    with right:
        if from_file():
            given = choose_file()
        else:
            forget_file()
        if file == BUILT:
            _draw_builder()
    # What it is called is enough to guess from; what it does is the answer.
    if not projector and not (st.session_state["predict"] and file != PAIR):
        _say(file)
    return given


def choose_view(subjects: Sequence[Subject], views: Sequence[str], key: str) -> str:
    """Draws the head of a tab: which view of it, and about which of the two files, where there are two."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        view = st.segmented_control(
            "Show", views, default=views[0], key=key, bind="query-params", label_visibility="collapsed",
            required=True,
        )  # fmt: skip
        if len(subjects) > 1:
            st.segmented_control(
                "About", WHICH, default=WHICH[0], key="which", bind="query-params",
                label_visibility="collapsed", required=True,
            )  # fmt: skip
    return str(view or views[0])


def _draw_builder() -> None:
    build = st.popover("Build it", icon=":material/construction:", key="pickles:build", on_change="rerun")
    if not build.open:
        return
    with build:
        st.selectbox("What loading it would do", list(PAYLOAD_TITLES), key="payload", bind="query-params")
        draw_text(chosen_payload())
        st.selectbox("In what", list(CONTAINER_TITLES), key="container", bind="query-params")
        st.caption("All of it is text in a file: it is scanned, and never loaded.")


def _say(file: str) -> None:
    """What is looked at, in a sentence or two."""
    if file == PAIR:
        says = _ABOUT
    elif file in SAMPLES:
        says = our_sample(SAMPLES[file]).says.replace("*", "")
    elif file == BUILT:
        kind = chosen_payload()
        container = CONTAINER_TITLES.get(str(st.session_state["container"]))
        says = f"{kind.says} {container.says if container else ''}"
    else:
        st.caption(_UPLOADED.format(limits().max_upload_mb))
        return
    st.html(f"<p class='uth-plain'>{with_code(says)}</p>")
