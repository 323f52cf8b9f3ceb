"""The secrets lab: what is set, where it comes from and what would leak it, without showing it."""

from functools import partial

import streamlit as st

from core.secrets import status
from ui.lab import head
from ui.links import open_page
from ui.messages import trouble
from ui.prediction import predict
from ui.secrets import result
from ui.secrets.breaks import show_breaks
from ui.secrets.inputs import PAGE, TABS, draw_inputs, is_local, keys, parameters, start_again
from ui.secrets.leaks import show_leaks
from ui.secrets.live import follow_files
from ui.secrets.predictions import HINT, questions
from ui.secrets.sources import find_sources
from ui.secrets.take_away import show_take_away
from ui.secrets.what_if import show_what_if
from ui.secrets.why import show_why

projector = bool(st.session_state.get("projector"))
open_page(PAGE, parameters())

hidden = False
with st.container(key="lab-stage", gap="xsmall" if projector else "small"):
    head(
        PAGE,
        "Secrets",
        "What is set, where it comes from and what would leak it. Without showing it.",
        hides="what wins",
        projector=projector,
        on_reset=start_again,
    )
    left, right = (st.container(), st.container()) if projector else st.columns([1, 2.6], gap="medium")
    with left:
        draw_inputs(projector=projector)
    declared = keys()
    looked = find_sources(declared)
    # Of what could not be read nothing is known, least of all that a key is not set.
    read = declared if looked.sources else ()
    found = status(read, looked.sources, owner=is_local() and bool(st.session_state.ends))
    with right.container(gap="xsmall"):
        for message in looked.troubles:
            trouble(message)
        if not found:
            st.caption("What is in the text is here as soon as it can be read.")
        elif st.session_state.predict:
            hidden = not predict(
                questions(found),
                about=repr(found),
                hint=HINT,
                conclusion=partial(result.show_verdict, found),
            )
        else:
            result.show_numbers(found)
        if found:
            result.show_board(found, hidden=hidden, projector=projector)
follow_files()

why, what_if, leaks, breaks, take_away = st.tabs(TABS, key="tab", on_change="rerun", bind="query-params")
if why.open:
    with why:
        show_why(found, looked, hidden=hidden)
if what_if.open:
    with what_if:
        show_what_if(projector=projector)
if leaks.open:
    with leaks:
        show_leaks(projector=projector)
if breaks.open:
    with breaks:
        show_breaks()
if take_away.open:
    with take_away:
        show_take_away(declared, found, hidden=hidden)
