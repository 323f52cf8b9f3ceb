"""The What if? tab: ablate each layer, train live, and what watching costs."""

from __future__ import annotations

import math
from typing import Final

import plotly.graph_objects as go
import streamlit as st

from core.hooks import Action
from core.hooks.ablation import MAX_LAYERS, Ablation, ablate_each
from core.hooks.plan import Plan
from core.hooks.run import Report
from ui.figures import follow_theme, show_figure
from ui.hooks.cost import show_cost
from ui.hooks.inputs import ABLATIONS, WHAT_IF_VIEWS
from ui.hooks.live import show_live
from ui.style import theme_colour
from ui.visit import one_at_a_time

ABLATION_SECONDS: Final = 5.0
"""How long one ablation may take: it runs the model once per layer, in the server's own process."""


def show_what_if(plan: Plan | None, report: Report | None, *, hidden: bool, projector: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open."""
    view = st.segmented_control(
        "Explore", WHAT_IF_VIEWS, default=WHAT_IF_VIEWS[0], key="explore", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    if plan is None or report is None:
        st.caption("Nothing to explore until the inputs above can be used.")
        return
    if hidden:
        st.caption("Hidden until you have made your guess above.")
        return
    follow_theme()
    if view == WHAT_IF_VIEWS[0]:
        _show_ablation(plan, report, projector=projector)
    elif view == WHAT_IF_VIEWS[2]:
        show_cost(plan)
    else:
        show_live(plan, report, projector=projector)


def _show_ablation(plan: Plan, report: Report, *, projector: bool) -> None:
    st.caption(
        "What is each layer worth? Its output is replaced by a forward hook, one layer at a time, and the "
        "model's output is compared with that of the whole model."
    )
    action = Action(
        st.segmented_control(
            "Replace by", [action.value for action in ABLATIONS], default=ABLATIONS[0].value, key="ablate",
            bind="query-params",
        )
        or ABLATIONS[0]
    )  # fmt: skip
    # A run per layer: not again because something else on the page has changed.
    about = repr((plan, action))
    if st.session_state.get("ablation:about") != about:
        with one_at_a_time():
            st.session_state["ablation:found"] = ablate_each(
                plan, report.layers, action, seconds=ABLATION_SECONDS
            )
        st.session_state["ablation:about"] = about
    found: tuple[Ablation, ...] = st.session_state["ablation:found"]
    if not found:
        st.caption("This model is a single layer: there is nothing inside to replace.")
        return
    inner = min(MAX_LAYERS, sum(bool(layer.name and layer.calls) for layer in report.layers))
    if len(found) < inner:
        st.caption(
            f"The first {len(found)} of {inner} layers: more would take longer than {ABLATION_SECONDS:g} s. "
            "Use a smaller batch or smaller layers."
        )
    _draw_ablation(found, action, projector=projector)
    st.dataframe(
        [
            {
                "layer": item.layer,
                "largest change of the output": None if item.difference is None else item.difference.largest,
                "relative to its largest number": None if math.isnan(item.effect) else item.effect,
                "in words": item.error or (item.difference.sentence if item.difference else "no output"),
            }
            for item in found
        ],
        hide_index=True,
        alt="The change of the output by each layer",
    )


def _draw_ablation(found: tuple[Ablation, ...], action: Action, *, projector: bool) -> None:
    figure = go.Figure(
        go.Bar(
            x=[item.layer for item in found],
            y=[None if math.isnan(item.effect) else item.effect for item in found],
            marker={"color": theme_colour("forward")},
        )
    )
    figure.update_xaxes(title=f"layer whose output was changed ({action.value})", type="category")
    figure.update_yaxes(title="change of the output", nticks=5, rangemode="tozero")
    known = [item for item in found if not math.isnan(item.effect)]
    most = max(known, key=lambda item: item.effect, default=None)
    alt = "The relative change of the output by each layer" + (
        "" if most is None else f"; the largest, {most.effect:.3g}, by {most.layer}"
    )
    show_figure(figure, key="ablation-figure", alt=alt, projector=projector, height=300)
