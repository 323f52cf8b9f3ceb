"""The Take it away tab: the program that makes this file, and the file."""

from __future__ import annotations

import streamlit as st

from core.benchmark import BenchmarkError
from core.export.child import Answer
from core.export.plan import ExportError, ExportPlan
from core.export.program import export_program
from core.zoo import names
from ui.benchmark.inputs import read_plan
from ui.benchmark.take_away import program_button
from ui.messages import trouble
from ui.onnx.result import file_name


def show_take_away(plan: ExportPlan | None, answer: Answer | None, *, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open, since the file would tell the answer."""
    if plan is None:
        st.caption("Nothing to take away until the inputs above can be used.")
        return
    try:
        program = export_program(plan)
    except ExportError as error:
        trouble(str(error))
        return
    with st.container(horizontal=True):
        st.download_button(
            "export.py", program, "export.py", "text/x-python", icon=":material/download:", on_click="ignore"
        )
        if answer is not None and answer.exported is not None and not hidden:
            st.download_button(
                file_name(answer), answer.exported.data, file_name(answer), "application/octet-stream",
                icon=":material/download:", on_click="ignore",
            )  # fmt: skip
        if plan.model in names():
            _benchmark_button(plan)
    st.caption(
        "A complete program: this model with these weights, exported with these options, checked and "
        "compared at five batches. It needs torch, onnx, onnxscript and onnxruntime."
    )
    st.code(program, language="python")


def _benchmark_button(plan: ExportPlan) -> None:
    """The program of the Benchmark tab, by that tab's inputs; none while they cannot be used."""
    try:
        program_button(read_plan(plan.model, plan.seed), key="onnx:benchmark-program")
    except BenchmarkError as error:
        st.caption(f"No benchmark: {error}")
