"""A page with two numbers that can be typed or dragged, and what autograd makes of them."""

import streamlit as st

from core.gradients.tape import record
from ui.dial import dial
from ui.graph import graph

state = st.session_state
state.setdefault("w", 0.5)
state.setdefault("b", 0.1)
state.setdefault("runs", 0)
state["runs"] += 1
for name in ("w", "b"):
    st.number_input(name, value=None, step=0.1, key=name, bind="query-params", format="%g")
    dial(name, state[name], key=f"dial_{name}", parameter=name, low=-5.0, high=5.0)
st.button("reset", on_click=lambda: state.update(w=0.5))
if state["w"] is None or state["b"] is None:
    st.stop()
tape = record("(w*x + b - y)**2", {"w": state["w"], "x": 2.0, "b": state["b"], "y": 5.0}, ["w", "b"])
graph(tape, key="graph", alt="the graph of the loss")
st.write(f"w is {state['w']!r}, run {state['runs']}")
