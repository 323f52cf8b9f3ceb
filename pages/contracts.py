"""The contracts lab: a broken class is refused when it is created, and what `abc` does not catch."""

from functools import partial

import streamlit as st

from ui.contracts.board import show_classes, show_own_verdict
from ui.contracts.breaks import show_breaks
from ui.contracts.controls import draw_controls
from ui.contracts.inputs import OWN_CLASS, PAGE, TABS, parameters, start_again
from ui.contracts.literal import literal
from ui.contracts.nothing import why_nothing
from ui.contracts.own_class import RUN, Examined, OwnClass, read_own, trial_of, with_trial
from ui.contracts.pair import look_at_pair, show_pair, show_pair_verdict
from ui.contracts.predictions import HINT, NOTHING, answers, class_questions, pair_questions
from ui.contracts.real_thing import show_real_thing
from ui.contracts.running import is_outdated, is_told
from ui.contracts.share import receive_code
from ui.contracts.style import show_style
from ui.contracts.take_away import show_take_away
from ui.contracts.trial import show_problem, show_trial, show_unread
from ui.contracts.what_if import show_what_if
from ui.contracts.why import show_why
from ui.lab import head
from ui.links import open_page
from ui.prediction import predict
from ui.sandbox import ready as sandbox_ready

projector = bool(st.session_state.get("projector"))
open_page(PAGE, parameters())
receive_code()
show_style(projector=projector)

own = st.session_state.show == OWN_CLASS
hidden = False
examined: Examined | None = None
classes: tuple[OwnClass, ...] = ()
with st.container(key="lab-stage", gap="xsmall" if projector else "small"):
    head(
        PAGE,
        "Contracts",
        "The broken class is refused when it is created, not when a user calls it. "
        "And here is what abc does not catch.",
        hides="when each class fails",
        projector=projector,
        on_reset=start_again,
        not_shared=f"Edited code is not in it{': see “Make a link with my code”' if own else ''}.",
    )
    ready = sandbox_ready()
    bar = st.container() if projector and own else None
    if bar is not None:
        left, right = st.columns([0.42, 0.58], gap="medium")
    elif projector:
        left, right = st.container(), st.container()
    else:
        left, right = st.columns([1.15, 1.6] if own else [1, 2.6], gap="medium")
    wide = st.container() if projector else None
    with left:
        source = draw_controls(ready=ready, projector=projector, bar=bar)
    with right.container(gap="xsmall"):
        if own:
            examined = read_own(source)
            stage, ended = st.container(gap="xsmall"), st.container()
            # A run that goes on is told below the result, which stays where it is.
            run_line = st.container(horizontal=True, vertical_alignment="center")
            with run_line:
                trial = trial_of(source) if ready else None
            classes = with_trial(examined.classes, trial)
            with stage:
                if examined.problem and examined.source.strip():
                    show_unread(examined, trial)
                elif not classes:
                    st.caption(literal(why_nothing(examined)))
                if classes:
                    asked = class_questions(classes) if st.session_state.predict else []
                    if asked:
                        hidden = not predict(
                            asked,
                            about=answers(asked),
                            hint=HINT,
                            conclusion=partial(show_own_verdict, classes),
                        )
                    elif st.session_state.predict:
                        st.caption(NOTHING)
                    show_classes(classes, hidden=hidden, guessed=bool(asked), projector=projector, below=wide)
            if trial is not None and not hidden:
                with ended:
                    show_problem(trial)
            if not hidden and (classes or trial is not None):
                with run_line:
                    show_trial(
                        trial, classes, told=ready and is_told(RUN, source),
                        outdated=is_outdated(RUN, source), projector=projector,
                    )  # fmt: skip
        else:
            told = look_at_pair(ready=ready)
            if st.session_state.predict:
                hidden = not predict(
                    pair_questions(told), about="pair", hint=HINT, conclusion=partial(show_pair_verdict, told)
                )
            show_pair(told, hidden=hidden, guessed=bool(st.session_state.predict), projector=projector)

why, what_if, breaks, real_thing, take_away = st.tabs(TABS, key="tab", on_change="rerun", bind="query-params")
if why.open:
    with why:
        show_why(examined, classes, hidden=hidden)
if what_if.open:
    with what_if:
        show_what_if(ready=ready, projector=projector)
if breaks.open:
    with breaks:
        show_breaks(ready=ready)
if real_thing.open:
    with real_thing:
        show_real_thing(projector=projector)
if take_away.open:
    with take_away:
        show_take_away("\n\n".join(each.stub for each in classes if each.stub and not hidden))
