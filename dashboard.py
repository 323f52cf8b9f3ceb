"""The frame around every page: navigation, the projector switch, the style; then the page."""

import streamlit as st

from ui.job import end_jobs
from ui.links import FRAME, Parameter, open_page, switch_complaint
from ui.style import apply_style
from ui.visit import this_visit

st.set_page_config(page_title="Under the Hood", page_icon="🔍", layout="wide")

page = st.navigation(
    [
        st.Page("pages/home.py", title="Under the Hood", icon=":material/home:", default=True),
        st.Page("pages/autograd.py", title="Autograd", icon=":material/timeline:", url_path="autograd"),
        st.Page("pages/hooks.py", title="Hooks", icon=":material/phishing:", url_path="hooks"),
        st.Page("pages/onnx.py", title="ONNX", icon=":material/account_tree:", url_path="onnx"),
        st.Page("pages/pickles.py", title="Pickles", icon=":material/inventory_2:", url_path="pickles"),
        st.Page("pages/contracts.py", title="Contracts", icon=":material/contract:", url_path="contracts"),
        st.Page("pages/secrets.py", title="Secrets", icon=":material/key:", url_path="secrets"),
        st.Page("pages/runs.py", title="Runs", icon=":material/timer:", url_path="runs"),
    ],
    position="top",
)

this_visit()
open_page(FRAME, (Parameter("projector", False, switch_complaint),))
with st.container(key="frame-tools"):
    st.toggle(
        "Projector",
        key="projector",
        bind="query-params",
        help="Larger type and a compact layout, readable from the last row",
    )

for lab in ("onnx", "pickles"):
    if page.url_path != lab:
        end_jobs(f"{lab}:")
apply_style(projector=st.session_state.projector)
page.run()
