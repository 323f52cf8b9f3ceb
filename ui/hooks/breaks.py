"""The Where does it break? tab: known traps, and hooks that stay behind."""

from __future__ import annotations

import streamlit as st

from core.hooks.leak_cases import LeakCase, try_leaks
from core.hooks.plan import Plan
from core.hooks.traps import TRAPS, run
from ui.hooks.inputs import BREAK_VIEWS
from ui.messages import trouble
from ui.traps import show_traps


def show_breaks(plan: Plan | None) -> None:
    """Draws the tab."""
    view = st.segmented_control(
        "Show", BREAK_VIEWS, default=BREAK_VIEWS[0], key="broken", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    if view != BREAK_VIEWS[1]:
        show_traps(TRAPS, run)
    elif plan is None:
        st.caption("Nothing to try until the inputs above can be used.")
    else:
        _show_leaks(plan)


def _show_leaks(plan: Plan) -> None:
    st.caption(
        "Tried just now on new models of yours with the hooks above. The number is how many hooks are on "
        "the model."
    )
    try:
        cases = try_leaks(plan)
    except ValueError as error:
        trouble(str(error))
        return
    for case, column in zip(cases, st.columns(len(cases), gap="medium"), strict=True):
        with column:
            _show_case(case)


def _show_case(case: LeakCase) -> None:
    st.markdown(f"**{case.title}**")
    st.dataframe(
        [{"what was done": count.done, "hooks": count.hooks} for count in case.counts],
        hide_index=True,
        alt=f"{case.title}: the number of hooks after every step",
    )
    st.markdown(f"**Instead** {case.lesson}")
