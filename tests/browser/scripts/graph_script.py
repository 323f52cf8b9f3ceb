"""A page with nothing but the graph; its inputs come from the address."""

import streamlit as st

from core.gradients.tape import record
from ui.folding import fold
from ui.graph import graph

st.set_page_config(layout="wide")
asked = st.query_params
root = asked.get("font", "16")
st.html(f"<style>html {{ font-size: {int(root)}px }}</style>")
expression = asked.get("loss", "(w*x + b - y)**2")
w = st.number_input("w", value=0.5, step=0.1, key="w", bind="query-params")
step = st.number_input("step", value=-1, key="step", bind="query-params")
hide = st.toggle("hide", key="hide", bind="query-params")
detailed = st.toggle("detailed", key="detailed", bind="query-params")
if "deep" in asked:
    expression = "x"
    for turn in range(int(asked["deep"])):
        expression = f"sin({expression})" if turn % 2 else f"({expression})*w"
x = [2.0, 1.0, 3.0] if "batch" in asked else 2.0
names = ("w", "x", "b", "y") if "deep" not in asked else ("w", "x")
values = {"w": w, "x": x, "b": 0.1, "y": [5.0, 4.0, 3.0] if "batch" in asked else 5.0}
tape = record(expression, {name: values[name] for name in names}, [name for name in names if name in "wb"])
with st.container(width=int(asked.get("width", "780"))):
    picked = graph(
        fold(tape, keep={step}),
        key="graph",
        alt="the graph of the loss",
        highlight=step if step >= 0 else None,
        hide_gradients=hide,
        show_grad_fn=detailed,
    )
st.write(f"picked {picked}")
