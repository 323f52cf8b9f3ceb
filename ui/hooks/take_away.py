"""The Take it away tab: the program that registers exactly these hooks."""

from __future__ import annotations

import streamlit as st

from core.hooks.plan import Plan
from core.hooks.program import hooks_program


def show_take_away(plan: Plan | None, *, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open, since the program would tell the answer."""
    if plan is None:
        st.caption("Nothing to take away until the inputs above can be used.")
        return
    if hidden:
        st.caption("Hidden until you have made your guess above.")
        return
    program = hooks_program(plan)
    st.caption(
        "A complete program: this model, these hooks, this run. It prints every firing in order, with the "
        "numbers of the timeline. It needs PyTorch, nothing else."
    )
    st.download_button(
        "hooks.py", program, "hooks.py", "text/x-python", icon=":material/download:", on_click="ignore"
    )
    st.code(program, language="python")
