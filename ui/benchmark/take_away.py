"""A program that repeats a measurement elsewhere."""

from __future__ import annotations

import streamlit as st

from core.benchmark import BenchmarkError, BenchmarkPlan
from core.benchmark.program import program
from core.zoo import ZooError


def program_button(plan: BenchmarkPlan, *, key: str) -> None:
    """Draws the button that gives the program; why there is none, if there is none."""
    try:
        text = program(plan)
    except (BenchmarkError, ZooError) as error:
        st.caption(f"No program: {error}")
        return
    st.download_button(
        "benchmark.py",
        text,
        "benchmark.py",
        "text/x-python",
        icon=":material/download:",
        on_click="ignore",
        key=key,
        help="A program of its own that repeats this measurement with torch and onnxruntime alone",
    )
