"""This server's places for processes, and what a visitor is told who waits for one."""

from __future__ import annotations

import streamlit as st

from core.places import Place, Places
from ui.limits import limits
from ui.visitor import visitor


@st.cache_resource(show_spinner=False)
def the_places() -> Places:
    """Where exports, examinations and runs of hooks go on."""
    bounds = limits()
    return Places(bounds.max_processes, each=bounds.max_exports_per_visitor)


@st.cache_resource(show_spinner=False)
def the_measuring() -> Places:
    """Where the cost of hooks is measured: by one at a time, which may wait long for a benchmark to end."""
    return Places(1, each=limits().max_jobs_per_visitor)


def my_place() -> Place:
    """A place that the visitor asks for."""
    return Place(the_places(), visitor())


def my_measuring() -> Place:
    """The place to measure, that the visitor asks for."""
    return Place(the_measuring(), visitor())


def queued(position: int) -> str:
    """What a visitor is told whose run waits at that number of the queue."""
    return f"Busy: position {position} in the queue, and it starts by itself"
