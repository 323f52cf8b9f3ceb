"""The home page: what this is, a live miniature of each lab, and the machine it runs on."""

import streamlit as st

from core.export.plan import ExportPlan
from core.gradients import compare
from core.gradients.gallery import EXAMPLES
from core.hooks import parse_spec
from core.hooks.plan import Mode, Plan
from core.hooks.run import run
from core.secrets import declared_keys, status
from core.secrets.sample import sample_sources
from ui.contracts.moments import show_moments
from ui.contracts.pair import lanes, look_at_pair
from ui.contracts.style import show_style
from ui.hooks.inputs import WORKED_HOOKS
from ui.hooks.route import show_route
from ui.machine import this_machine
from ui.numbers import fixed
from ui.onnx.exports import the_answers
from ui.onnx.result import show_numbers
from ui.pickles.result import show_planted
from ui.pickles.style import show_style as show_pickles_style
from ui.secrets.result import show_numbers as show_keys

st.html(
    "<div class='uth-head'><h1>Under the Hood</h1>"
    "<p>See, change and measure what PyTorch and production Python really do. "
    "Every number is computed now.</p></div>"
)

worked = EXAMPLES[0]
comparison = compare(worked.loss, worked.values, worked.wrt)

with st.container(border=True):
    text, numbers = st.columns([2, 3], vertical_alignment="center", gap="medium")
    with text:
        st.page_link("pages/autograd.py", label="**Autograd**", icon=":material/timeline:")
        st.markdown("The hand-derived gradient and autograd agree, node by node. See where they stop.")
    with numbers:
        values = ", ".join(f"{name} = {value:g}" for name, value in worked.values.items())
        st.markdown(f"$L = (w\\,x + b - y)^2 = {comparison.loss:.4f}$ &nbsp; at {values}")
        st.html(
            "<div class='uth-numbers'>"
            + "".join(
                f"<div class='uth-number'><div class='what'>∂L/∂{row.name} &nbsp;by hand = autograd</div>"
                f"<div class='value'>{fixed(row.autograd)}</div></div>"
                for row in comparison
            )
            + "</div>"
        )

report = run(Plan(hooks=tuple(parse_spec(text) for text in WORKED_HOOKS), mode=Mode.FORWARD))

with st.container(border=True):
    text, numbers = st.columns([2, 3], vertical_alignment="center", gap="medium")
    with text:
        st.page_link("pages/hooks.py", label="**Hooks**", icon=":material/phishing:")
        st.markdown("`model(x)` runs the hooks. `model.forward(x)` skips some of them, and nothing says so.")
    with numbers:
        show_route(report, hidden=False)

with st.container(border=True):
    text, numbers = st.columns([2, 3], vertical_alignment="center", gap="medium")
    with text:
        st.page_link("pages/onnx.py", label="**ONNX**", icon=":material/account_tree:")
        st.markdown("A model becomes a graph that other languages run. Does it still compute the same?")
    with numbers:
        answer = the_answers().get(ExportPlan())
        if answer is None:
            st.caption("The worked example is exported when the server starts, or when the lab is opened.")
        else:
            show_numbers(answer)

show_pickles_style()
with st.container(border=True):
    text, numbers = st.columns([2, 3], vertical_alignment="center", gap="medium")
    with text:
        st.page_link("pages/pickles.py", label="**Pickles**", icon=":material/inventory_2:")
        st.markdown("A pickle is a program. See what it would do without running it.")
    with numbers:
        show_planted()

show_style()
with st.container(border=True):
    text, numbers = st.columns([2, 3], vertical_alignment="center", gap="medium")
    with text:
        st.page_link("pages/contracts.py", label="**Contracts**", icon=":material/contract:")
        st.markdown("The broken class is refused when it is created, not when a user calls it.")
    with numbers:
        # Read, not run: the lab runs them.
        show_moments(lanes(look_at_pair(ready=False)), hidden=False)

found = status(declared_keys(), sample_sources())

with st.container(border=True):
    text, numbers = st.columns([2, 3], vertical_alignment="center", gap="medium")
    with text:
        st.page_link("pages/secrets.py", label="**Secrets**", icon=":material/key:")
        st.markdown("What is set, where it comes from and what would leak it. Without showing it.")
    with numbers:
        show_keys(found)

machine = this_machine()
gigabyte = 2**30
gpus = ", ".join(f"{gpu.name} ({gpu.memory_bytes / gigabyte:.0f} GiB)" for gpu in machine.gpus)
facts = {
    "Processor": f"{machine.cpu}, {machine.physical_cores} cores, {machine.logical_cores} threads",
    "Memory": f"{machine.memory_total_bytes / gigabyte:.1f} GiB, "
    f"{machine.memory_available_bytes / gigabyte:.1f} GiB available",
    "GPU": gpus or f"none: {machine.no_gpu_because}",
    "System": machine.system,
    "Python": machine.versions.python,
    "torch": machine.versions.torch or "not installed",
    "onnx": machine.versions.onnx or "not installed",
    "onnxruntime": f"{machine.versions.onnxruntime or 'not installed'}, execution providers: "
    f"{', '.join(machine.execution_providers) or 'none'}",
}
st.markdown("#### This machine")
st.table(
    {"fact": list(facts), "value": list(facts.values())}, alt="The machine that computes everything here"
)
