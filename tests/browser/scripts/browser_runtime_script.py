"""A page that runs a model of the shelf in the browser; which one and how comes from the address."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import streamlit as st

from ui.browser_runtime.assets import RUNTIME
from ui.browser_runtime.comparison import compare
from ui.browser_runtime.component import run_in_browser
from ui.browser_runtime.tensors import BrowserInput

asked = st.query_params
name = asked.get("model", "softmax")
folder = Path(os.environ["MODELS"])
inputs = dict(np.load(folder / f"{name}.inputs.npz"))
expected = dict(np.load(folder / f"{name}.outputs.npz"))
runtime = replace(RUNTIME, folder=folder / "nothing") if "missing" in asked else RUNTIME
model: str | bytes = f"/models/{name}.onnx"
if "bytes" in asked:
    model = (folder / f"{name}.onnx").read_bytes()
if "gone" in asked:
    model = "/models/gone.onnx"
other = st.checkbox("other")
turn = st.number_input("turn", value=0)
if st.button("Run in this browser") or st.session_state.get("asked"):
    st.session_state["asked"] = True
    run = run_in_browser(
        model,
        [BrowserInput.from_array(each, values) for each, values in inputs.items()],
        list(expected),
        rounds=int(asked.get("rounds", "20")),
        key="run",
        turn=int(turn),
        runtime=runtime,
    )
    if run is not None:
        for found in compare(run, expected):
            dtype = run.output(found.name).dtype
            st.text(f"output {found.name}: {found.shapes_agree} {found.max_absolute!r} {dtype}")
        st.write(f"timings {len(run.timings)}, threads {run.threads}, simd {run.simd}, calls {run.calls}")
        st.write(
            f"loaded in {run.load_seconds:.3f} s, started in {run.start_seconds:.3f} s, session "
            f"{1e3 * run.session_seconds:.2f} ms, first call {1e3 * run.first_seconds:.2f} ms, then "
            f"{1e3 * run.median:.4f} ms; the clock steps {1e3 * run.resolution:.4f} ms"
        )
        st.text(run.user_agent)
st.write("the end")
