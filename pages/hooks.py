"""The hooks lab: `model(x)` runs the hooks; `model.forward(x)` skips some of them, and nothing says so."""

from functools import partial

import streamlit as st

from core.hooks.run import run
from ui.hooks import result
from ui.hooks.breaks import show_breaks
from ui.hooks.compiled import compiled_report
from ui.hooks.inputs import PAGE, TABS, draw_inputs, parameters, read_plan, start_again
from ui.hooks.model import show_model
from ui.hooks.predictions import HINT, questions
from ui.hooks.route import show_route
from ui.hooks.take_away import show_take_away
from ui.hooks.what_if import show_what_if
from ui.hooks.why import show_why
from ui.lab import head
from ui.limits import limits
from ui.links import open_page
from ui.messages import trouble
from ui.prediction import predict
from ui.visit import one_at_a_time

projector = bool(st.session_state.get("projector"))
open_page(PAGE, parameters())

plan = report = None
budget = limits().max_capture_bytes
hidden = False
with st.container(key="lab-stage", gap="xsmall" if projector else "small"):
    head(
        PAGE,
        "Hooks",
        "model(x) runs the hooks. model.forward(x) skips the model's own, and nothing says so.",
        hides="which hooks fire",
        projector=projector,
        on_reset=start_again,
    )
    left, right = (st.container(), st.container()) if projector else st.columns([1, 2.6], gap="medium")
    with left:
        draw_inputs(projector=projector)
    with right.container(gap="xsmall"):
        try:
            plan = read_plan()
            if plan.mode.compiles:
                report = compiled_report(plan)
            else:
                with one_at_a_time():
                    report = run(plan, budget_bytes=budget)
        except ValueError as error:
            plan = None
            trouble(str(error))
        if report is not None:
            if st.session_state.predict and report.firings:
                hidden = not predict(
                    questions(report),
                    about=repr(report.plan),
                    hint=HINT,
                    conclusion=partial(result.show_verdict, report),
                )
            else:
                result.show_numbers(report)
            drawn = show_route(report, hidden=hidden)
            if not hidden and not projector:
                result.show_reason(report)
            if not (drawn and projector):
                result.show_board(report, hidden=hidden, projector=projector)

why, what_if, breaks, take_away, model = st.tabs(TABS, key="tab", on_change="rerun", bind="query-params")
if why.open:
    with why:
        show_why(plan, report, hidden=hidden, projector=projector)
if what_if.open:
    with what_if:
        show_what_if(plan, report, hidden=hidden, projector=projector)
if breaks.open:
    with breaks:
        show_breaks(plan)
if take_away.open:
    with take_away:
        show_take_away(plan, hidden=hidden)
if model.open:
    with model:
        show_model(plan, report, hidden=hidden)
