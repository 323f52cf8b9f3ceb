"""The pickles lab: a pickle is a program. What would it do? Told without running it."""

from functools import partial

import streamlit as st

from core.pickles.lab.payloads import PayloadError
from ui.lab import head
from ui.links import open_page
from ui.messages import trouble
from ui.pickles import result
from ui.pickles.breaks import show_breaks
from ui.pickles.controls import NO_FILE, draw_controls
from ui.pickles.formats import show_formats
from ui.pickles.inputs import PAGE, TABS, from_file, parameters
from ui.pickles.predictions import HINT, questions
from ui.pickles.reset import start_again
from ui.pickles.style import show_style
from ui.pickles.subject import Subject, chosen, examined
from ui.pickles.take_away import show_take_away
from ui.pickles.upload import scanned
from ui.pickles.what_if import show_what_if
from ui.pickles.why import show_why
from ui.prediction import predict

projector = bool(st.session_state.get("projector"))
open_page(PAGE, parameters())
show_style(projector=projector)

hidden = False
subjects: tuple[Subject, ...] = ()
with st.container(key="lab-stage", gap="xsmall" if projector else "small"):
    head(
        PAGE,
        "Pickles",
        "A pickle is a program. See what it would do without running it.",
        hides="what each file would do",
        projector=projector,
        on_reset=start_again,
    )
    left, right = (st.container(), st.container()) if projector else st.columns([1, 2.6], gap="medium")
    with left:
        given = draw_controls(projector=projector)
    with right.container(gap="xsmall"):
        try:
            subjects = chosen()
        except PayloadError as error:
            trouble(str(error))
        if given is not None:
            found = scanned(given)
            subjects = () if found is None else (found,)
        guessed = bool(st.session_state.predict and subjects)
        if guessed:
            hidden = not predict(
                questions(subjects),
                about=repr([each.key for each in subjects]),
                hint=HINT,
                conclusion=partial(result.show_verdicts, subjects),
            )
        if len(subjects) > 1:
            result.show_pair(subjects, hidden=hidden, guessed=guessed, projector=projector)
        elif subjects:
            result.show_one(subjects[0], hidden=hidden, guessed=guessed, projector=projector)
        elif from_file() and given is None:
            st.caption(NO_FILE)
subject = examined(subjects)

why, what_if, formats, breaks, take_away = st.tabs(TABS, key="tab", on_change="rerun", bind="query-params")
if why.open:
    with why:
        show_why(subjects, subject, hidden=hidden, projector=projector)
if what_if.open:
    with what_if:
        show_what_if(subjects, subject, hidden=hidden)
if formats.open:
    with formats:
        show_formats(hidden=hidden)
if breaks.open:
    with breaks:
        show_breaks()
if take_away.open:
    with take_away:
        show_take_away(subject, hidden=hidden)
