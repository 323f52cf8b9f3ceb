"""The Take it away tab: programs that give the page's numbers without the page."""

from __future__ import annotations

import streamlit as st

from core.gradients import Comparison
from core.gradients.programs import manual_program, notebook, torch_program


def show_take_away(comparison: Comparison | None, *, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open, since a program would tell the answer."""
    if comparison is None:
        st.caption("Nothing to take away until the inputs above can be used.")
        return
    problem = comparison.problem
    by_autograd, by_hand = torch_program(problem), manual_program(problem)
    st.caption("Complete programs for exactly the inputs above. They need PyTorch, nothing else.")
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**By autograd**")
        st.code(by_autograd, language="python")
        st.download_button(
            "autograd.py",
            by_autograd,
            "autograd.py",
            "text/x-python",
            icon=":material/download:",
            on_click="ignore",
        )
    with right:
        st.markdown("**By hand**")
        if hidden:
            st.caption("Hidden until you have made your guess above.")
            return
        st.code(by_hand, language="python")
        st.download_button(
            "by_hand.py",
            by_hand,
            "by_hand.py",
            "text/x-python",
            icon=":material/download:",
            on_click="ignore",
        )
    st.download_button(
        "Both as a notebook (.ipynb)", notebook(problem), "gradients.ipynb", "application/x-ipynb+json",
        icon=":material/download:", on_click="ignore",
    )  # fmt: skip
