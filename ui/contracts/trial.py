"""Below a visitor's classes: what they lack, how the run went, and what it printed."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from core.contracts import Trial
from ui.contracts.board import show_stubs
from ui.contracts.outcome import show_output
from ui.contracts.own_class import OwnClass
from ui.messages import trouble


def show_trial(trial: Trial | None, classes: Sequence[OwnClass], *, outdated: bool, projector: bool) -> None:
    """Draws one line on the run, what it printed, and what the classes lack.

    Args:
        trial: of the code as it is now; None if that has not run.
        classes: of that code.
        outdated: whether other code has run.
        projector: whether the stage is drawn for the projector, which has no room for stubs.
    """
    if trial is not None and trial.problem:
        trouble(trial.problem)
    with st.container(horizontal=True, vertical_alignment="center"):
        if not projector:
            show_stubs(classes)
        if trial is not None and trial.output:
            place = st.popover(
                "What it printed", key="contracts:printed", icon=":material/terminal:", on_change="rerun"
            )
            if place.open:
                with place:
                    show_output(trial.output)
        st.html(f"<div class='uth-plain'>{html.escape(_line(trial, outdated=outdated))}</div>")


def _line(trial: Trial | None, *, outdated: bool) -> str:
    if trial is None and outdated:
        return "The code has changed since the last run, so its results are gone. Run it again."
    if trial is None:
        return "Read, not run. Run tries each class for real in the sandbox."
    python = f" by Python {trial.python}" if trial.python else ""
    return f"Run just now{python} in the sandbox, in {trial.result.seconds * 1000:.0f} ms."
