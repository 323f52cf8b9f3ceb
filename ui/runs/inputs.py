"""The inputs of the page of runs that a link may hold."""

from __future__ import annotations

import re
from typing import Final

import streamlit as st

from ui.links import Parameter, choice_complaint, forget_notices, reset

PAGE: Final = "runs"
SIDE_BY_SIDE: Final = "Side by side"
VIEWS: Final = ("All runs", SIDE_BY_SIDE, "Over time", "Machines", "From a file")
RUN: Final = "run"
COMPARE: Final = "compare"
"""Numbers of runs in the address. Not bound to a widget: Streamlit would write a menu's words there."""
_RUN: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")


def parameters() -> tuple[Parameter, ...]:
    """The bound inputs."""
    return (Parameter("view", VIEWS[0], choice_complaint(VIEWS)),)


def run_complaint(text: str) -> str:
    """What is wrong with a run's number in a link."""
    return "" if _RUN.fullmatch(text) else "is no number of a run"


def start_again() -> None:
    """Callback: the list, with nothing chosen."""
    reset({each.key: each.default for each in parameters()})
    for name in (RUN, COMPARE):
        st.query_params.pop(name, None)
    forget_notices("frame", PAGE)


def chosen_runs() -> list[str]:
    """The numbers of the runs to stand side by side: the address has them, and the menu follows it."""
    return list(dict.fromkeys(st.query_params.get_all(COMPARE)))


def choose_runs(runs: list[str]) -> None:
    """Writes them to the address."""
    if runs:
        st.query_params[COMPARE] = runs
    else:
        st.query_params.pop(COMPARE, None)
