"""The ONNX lab: an ONNX file is a graph. Does it compute what the model computes, and where does it break?"""

from functools import partial

import streamlit as st

from ui.job import stop_job
from ui.lab import head
from ui.links import open_page
from ui.messages import trouble
from ui.onnx import result
from ui.onnx.benchmark import show_benchmark
from ui.onnx.breaks import show_breaks
from ui.onnx.exports import KEY, answer_for
from ui.onnx.inputs import (
    PAGE,
    TABS,
    chosen_model,
    chosen_seed,
    draw_inputs,
    from_file,
    parameters,
    read_plan,
    start_again,
)
from ui.onnx.runs import show_runs, show_snippets
from ui.onnx.take_away import show_take_away
from ui.onnx.upload import choose_file, leave_file, show_uploaded, show_uploaded_facts, uploaded
from ui.onnx.what_if import show_what_if
from ui.onnx.why import show_why
from ui.prediction import predict

projector = bool(st.session_state.get("projector"))
open_page(PAGE, parameters())

# The Benchmark tab has a result of its own to show above the fold: the export's makes room for it.
measuring = st.session_state.tab == TABS[4]
compact = projector or measuring
plan = answer = found = None
hidden = False
with st.container(key="lab-stage", gap="xsmall" if projector else "small"):
    head(
        PAGE,
        "ONNX",
        "A model becomes a graph that other languages run. Does it still compute the same?",
        hides="what comes out of the export",
        projector=projector,
        on_reset=start_again,
    )
    left, right = (st.container(), st.container()) if compact else st.columns([1, 2.6], gap="medium")
    with left:
        draw_inputs(compact=compact)
        if from_file():
            chosen = choose_file()
        else:
            chosen = None
            leave_file()
    with right.container(gap="xsmall"):
        if from_file():
            stop_job(KEY)
            found = None if chosen is None else uploaded(*chosen)
            if found is not None:
                show_uploaded(found, projector=projector)
            elif chosen is None:
                st.caption(
                    "A file is read by its format alone first: what is in it, and what is refused and why. "
                    "Only then is it run once, in a process with little memory and time, and shown."
                )
        else:
            try:
                plan = read_plan()
                answer = answer_for(plan)
            except ValueError as error:
                plan = None
                trouble(str(error))
        if answer is not None:
            if st.session_state.predict:
                hidden = not predict(
                    result.questions(answer),
                    about=repr(answer.plan),
                    hint=result.HINT,
                    conclusion=partial(result.show_verdict, answer),
                )
            elif not measuring or answer.exported is None:
                result.show_numbers(answer)
            if answer.exported is not None and not hidden and not measuring:
                result.show_graph(
                    answer.exported.data, result.file_name(answer), answer.exported, projector=projector
                )

why, what_if, breaks, runs, bench, take_away = st.tabs(
    TABS, key="tab", on_change="rerun", bind="query-params"
)
if why.open:
    with why:
        if found is not None:
            show_uploaded_facts(found)
        elif from_file():
            st.caption("What is in your file is here once it has been examined.")
        else:
            show_why(answer, hidden=hidden)
if what_if.open:
    with what_if:
        if from_file():
            st.caption("This tab is about PyTorch's exporters: choose a model from here above.")
        else:
            show_what_if(answer, hidden=hidden)
if breaks.open:
    with breaks:
        show_breaks(answer, own_file=from_file(), hidden=hidden)
if runs.open:
    with runs:
        if from_file():
            graph = None if found is None or found.upload.refused else found.upload.graph
            if graph is not None and graph.complete and found is not None:
                show_snippets(graph, found.upload.name)
            else:
                st.caption("Programs that run your file are here once it has been examined and not refused.")
        else:
            show_runs(answer, hidden=hidden)
if bench.open:
    with bench:
        if from_file():
            st.caption("A model from here is measured: choose one above.")
        else:
            show_benchmark(chosen_model(), chosen_seed(), hidden=hidden, projector=projector)
if take_away.open:
    with take_away:
        if from_file():
            st.caption("The program is for a model from here: choose one above.")
        else:
            show_take_away(plan, answer, hidden=hidden)
