"""Below a visitor's classes: what they lack, how the run went, and what it printed."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from core.contracts import Trial
from ui.contracts.board import show_stubs
from ui.contracts.excerpt import stopped
from ui.contracts.outcome import show_errors, show_output
from ui.contracts.own_class import Examined, OwnClass
from ui.messages import trouble
from ui.sandbox import limit_words


def show_unread(examined: Examined, trial: Trial | None) -> None:
    """Says why code cannot be read; more quietly where it was run all the same.

    Args:
        examined: the code.
        trial: of it; None if it has not run.
    """
    if trial is None:
        trouble(examined.problem, examined.excerpt)
    elif not trial.problem:
        st.caption(f"It ran, and could not be read. {examined.problem}")


def show_problem(trial: Trial) -> None:
    """Says why a run did not come to its end, and where in the visitor's code, if it did not."""
    problem = limit_words(trial.result) or trial.problem
    if problem:
        trouble(problem, stopped(trial.places))


def show_trial(
    trial: Trial | None, classes: Sequence[OwnClass], *, told: bool, outdated: bool, projector: bool
) -> None:
    """Draws one line on the run, what it printed, and what the classes lack; for a horizontal container.

    Args:
        trial: of the code as it is now; None if that has not run.
        told: whether it is said already that the run goes on, or that there will be no result.
        classes: of that code.
        outdated: whether other code has run.
        projector: whether the stage is drawn for the projector, which has no room for stubs.
    """
    if not projector:
        show_stubs(classes)
    if trial is not None and (trial.output or trial.errors):
        place = st.popover(
            "What it printed", key="contracts:printed", icon=":material/terminal:", on_change="rerun"
        )
        if place.open:
            with place:
                if trial.output:
                    show_output(trial.output)
                show_errors(trial.errors)
    if trial is not None or not told:
        st.html(f"<div class='uth-plain'>{html.escape(_line(trial, outdated=outdated))}</div>")


def _line(trial: Trial | None, *, outdated: bool) -> str:
    if trial is None and outdated:
        return "The code has changed since the last run, so its results are gone. Run it again."
    if trial is None:
        return "Read, not run. Run tries each class for real in the sandbox."
    python = f" by Python {trial.python}" if trial.python else ""
    return f"Run just now{python} in the sandbox, in {trial.result.seconds * 1000:.0f} ms."
