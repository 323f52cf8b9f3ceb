"""What watching costs: the observer effect of the chosen hooks, measured outside of the server's process."""

from __future__ import annotations

import math
from typing import Final

import streamlit as st

from core.hooks.child import read_effect, start_measure
from core.hooks.observer import Effect
from core.hooks.plan import Plan
from ui.job import current_job, start_button, wait_for
from ui.messages import trouble
from ui.numbers import gap
from ui.places import my_measuring

KEY: Final = "hooks:measured"


def measured_effect(plan: Plan) -> Effect | None:
    """The last measurement, if it was of this plan."""
    job = current_job(KEY, repr(plan))
    if job is None:
        return None
    if job.made is None and not job.listen():
        job.made = next((found for line in job.lines if (found := read_effect(line))), None)
    effect: Effect | None = job.made
    return effect


def show_cost(plan: Plan) -> None:
    """Draws the view."""
    if not plan.hooks:
        st.caption("No hook is registered, so there is nothing to measure.")
        return
    if plan.mode.compiles:
        st.caption("Choose a run without `torch.compile` to measure what its hooks cost.")
        return
    job = current_job(KEY, repr(plan))
    if job is not None and job.listen():
        wait_for(KEY, "Measuring, alone, in a process of its own")
        return
    effect = measured_effect(plan)
    if effect is not None:
        _show_effect(effect, plan)
    elif job is not None:
        trouble(job.process.error or "The measurement ended without a result: start it again.")
    start_button(
        "Measure" if effect is None else "Measure again", key=KEY, about=repr(plan),
        start=lambda: start_measure(plan, place=my_measuring()),
        note="The same call with and without these hooks, in random order, one thread, nothing else "
        "measured.",
    )  # fmt: skip


def _show_effect(effect: Effect, plan: Plan) -> None:
    each = effect.microseconds_per_firing
    cards = [
        (
            "times as long with the hooks",
            f"{effect.ratio:.2f}×",
            f"95% interval {effect.low:.2f} to {effect.high:.2f}",
        ),
        (
            "per firing",
            "none fired" if math.isnan(each) else f"{each:.1f} µs",
            f"{effect.firings:g} firings in a call",
        ),
        (
            "autograd nodes",
            f"{effect.hooked_nodes - effect.bare_nodes:+d}",
            f"{effect.bare_nodes} without hooks, {effect.hooked_nodes} with",
        ),
        (
            "output",
            "identical" if effect.identical else gap(effect.difference),
            "bit for bit" if effect.identical else "largest difference from the output without hooks",
        ),
    ]
    st.html(
        "<div class='uth-numbers'>"
        + "".join(
            f"<div class='uth-number'><div class='what'>{what}</div><div class='value long'>{value}</div>"
            f"<div class='said'>{said}</div></div>"
            for what, value, said in cards
        )
        + "</div>"
    )
    st.dataframe(
        [
            {"": "a call without hooks", "value": f"{effect.bare_seconds * 1e6:,.1f} µs"},
            {"": "a call with these hooks", "value": f"{effect.hooked_seconds * 1e6:,.1f} µs"},
            {"": "counting what they copied, afterwards", "value": f"{effect.reading_seconds * 1e6:,.1f} µs"},
            *({"": f"nodes named {change.name}", "value": f"{change.count:+d}"} for change in effect.changes),
            *(
                {
                    "": f"{plan.hooks[duration.hook]}, firing {duration.firing}",
                    "value": f"{duration.seconds * 1e6:,.1f} µs",
                }
                for duration in effect.durations[:40]
            ),
        ],
        hide_index=True,
        alt="Times with and without hooks, added autograd nodes, and the time of each firing",
    )
    st.caption(
        f"Medians of {effect.rounds} rounds of {effect.calls} calls each, {effect.threads} thread, "
        f"{'forward and backward' if effect.backward else 'forward only'}, on this machine."
    )
