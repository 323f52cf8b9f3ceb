"""The autograd lab: the hand-derived gradient and autograd agree, node by node, and where they stop."""

import streamlit as st

from core.gradients import ProblemError, examine
from core.gradients.tape import record_problem
from ui.autograd import result
from ui.autograd.inputs import PAGE, TABS, Inputs, parameters, read_inputs, start_again
from ui.autograd.predictions import questions
from ui.autograd.take_away import show_take_away
from ui.autograd.traps import show_traps
from ui.autograd.what_if import show_what_if
from ui.autograd.why import show_why
from ui.lab import head
from ui.links import open_page
from ui.messages import trouble
from ui.prediction import predict

projector = bool(st.session_state.get("projector"))
open_page(PAGE, parameters())

comparison = tape = None
hidden = False
with st.container(key="lab-stage", gap="xsmall" if projector else "small"):
    place = head(
        PAGE,
        "Autograd",
        "The hand-derived gradient and autograd agree, node by node. Here is where they stop.",
        projector=projector,
        on_reset=start_again,
    )
    left, right = (st.container(), st.container()) if projector else st.columns([1, 2.6], gap="medium")
    with left:
        inputs = read_inputs(place, projector=projector)
    with right.container(gap="xsmall"):
        try:
            if inputs.problem is not None:
                comparison, tape = examine(inputs.problem), record_problem(inputs.problem)
        except ProblemError as error:
            inputs = Inputs(None, str(error))
        if inputs.problem is None or comparison is None or tape is None:
            trouble(inputs.message, inputs.excerpt)
        else:
            result.show_formula(comparison)
            if st.session_state.predict:
                hidden = not predict(questions(comparison), about=repr(inputs.problem))
                if not hidden:
                    result.show_verdict(comparison)
            else:
                result.show_numbers(comparison)
            result.show_graph(tape, dtype=inputs.problem.dtype, hide_gradients=hidden)

why, what_if, breaks, take_away = st.tabs(TABS, key="tab", on_change="rerun", bind="query-params")
if why.open:
    with why:
        show_why(comparison, tape, hidden=hidden)
if what_if.open:
    with what_if:
        show_what_if(inputs.problem, hidden=hidden, projector=projector)
if breaks.open:
    with breaks:
        show_traps()
if take_away.open:
    with take_away:
        show_take_away(comparison, hidden=hidden)
