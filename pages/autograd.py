"""The autograd lab: the hand-derived gradient and autograd agree, node by node, and where they stop."""

from functools import partial

import streamlit as st

from core.gradients import ProblemError, examine
from core.gradients.tape import record_problem
from core.gradients.traps import TRAPS, run
from ui.autograd import result
from ui.autograd.inputs import (
    INPUTS_FIRST,
    PAGE,
    TABS,
    Inputs,
    draw_inputs,
    parameters,
    read_inputs,
    start_again,
)
from ui.autograd.predictions import HINT, questions
from ui.autograd.take_away import show_take_away
from ui.autograd.what_if import show_what_if
from ui.autograd.why import show_why
from ui.lab import head
from ui.links import open_page, went_back
from ui.messages import trouble
from ui.prediction import predict
from ui.traps import show_traps

projector = bool(st.session_state.get("projector"))
open_page(PAGE, parameters())

comparison = tape = None
hidden = False
with st.container(key="lab-stage", gap="xsmall" if projector else "small"):
    top = st.container()
    left, right = (st.container(), st.container()) if projector else st.columns([1, 2.6], gap="medium")

    def draw_head_and_inputs() -> None:
        """Everything on the stage that the visitor can set."""
        with top:
            place = head(
                PAGE,
                "Autograd",
                "The hand-derived gradient and autograd agree, node by node. See where they stop.",
                hides="every gradient",
                projector=projector,
                on_reset=start_again,
            )
        with left:
            draw_inputs(place, projector=projector)

    # The result goes out first, so that it is on the screen as soon as it can be. In a visit's first run, and
    # when the visitor goes back, the inputs must be drawn before they can be read; and where they have been
    # set for the visitor, who types next must not send the browser's old ones.
    inputs_first = st.session_state.pop(INPUTS_FIRST, True) or went_back()
    if inputs_first:
        draw_head_and_inputs()
    inputs = asked = read_inputs()
    with right.container(gap="xsmall"):
        try:
            if inputs.problem is not None:
                comparison = examine(inputs.problem)
        except ProblemError as error:
            inputs = Inputs(None, str(error))
        if inputs.problem is None or comparison is None:
            trouble(inputs.message, inputs.excerpt)
        else:
            result.show_formula(comparison)
            if st.session_state.predict:
                hidden = not predict(
                    questions(comparison),
                    about=repr(inputs.problem),
                    hint=HINT,
                    conclusion=partial(result.show_verdict, comparison),
                )
            else:
                result.show_numbers(comparison)
            tape = record_problem(inputs.problem)
            result.show_graph(tape, dtype=inputs.problem.dtype, hide_gradients=hidden)
    if not inputs_first:
        draw_head_and_inputs()
    st.session_state[INPUTS_FIRST] = False
    if read_inputs() != asked:
        st.rerun()  # a widget has taken its value from the link

why, what_if, breaks, take_away = st.tabs(TABS, key="tab", on_change="rerun", bind="query-params")
if why.open:
    with why:
        show_why(comparison, tape, hidden=hidden)
if what_if.open:
    with what_if:
        show_what_if(inputs.problem, hidden=hidden, projector=projector)
if breaks.open:
    with breaks:
        show_traps(TRAPS, run)
if take_away.open:
    with take_away:
        show_take_away(comparison, hidden=hidden)
