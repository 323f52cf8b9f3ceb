"""A measurement that is asked for, waited for and given up; it goes on when the visitor leaves the page."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.benchmark import BenchmarkPlan, JobError, JobState
from core.benchmark.desk import Held
from core.benchmark.machines import ANYWHERE, EVERYWHERE, Where
from core.benchmark.tasks import Plan
from core.units import duration
from ui.benchmark.desk import THE_SERVER, asked, the_desk
from ui.messages import trouble
from ui.runs.inputs import SIDE_BY_SIDE
from ui.visitor import visitor

POLL_SECONDS = 0.5
NOT_YET = "This model has not been measured here yet."
_ANY = "any machine that is free"
_EACH = "each machine, for comparison"


def current(kind: type[object], who: str | None = None) -> Held | None:
    """The newest job of a kind, whichever page or visit asked for it.

    Args:
        kind: the type of its plan.
        who: whose; None for the visitor's.
    """
    mine = the_desk().jobs(visitor() if who is None else who)
    return next((held for held in mine if isinstance(held.plan, kind)), None)


def draw_where() -> Where:
    """Draws the choice of the machine, where there are several; which of them measure."""
    runner = the_desk().runner
    if runner.problem:
        trouble(runner.problem)
    machines = runner.machines()
    if len(machines) < 2:
        return ANYWHERE
    about = {each.name: each.about if each.usable else f"not now: {each.reason}" for each in machines}
    choice = st.selectbox(
        "Measured on",
        [_ANY, _EACH, *about],
        key="bench:where",
        format_func=lambda name: f"{name} ({about[name]})" if name in about else name,
        help="Ratios are of one machine each: they are never mixed",
    )
    if choice == _EACH:
        return EVERYWHERE
    return ANYWHERE if choice == _ANY else Where(choice)


def start_button(label: str, plan: Plan, *, key: str, note: str, on: Where = ANYWHERE) -> None:
    """Draws the button that asks for a measurement.

    Args:
        label: what it says.
        plan: what to measure.
        key: of the button.
        note: what is said beside it.
        on: which machines measure.
    """

    def clicked() -> None:
        try:
            the_desk().submit(plan, visitor(), on=on)
            asked(visitor())
        except JobError as error:
            st.session_state[f"{key}:refused"] = str(error)

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(label, key=f"{key}:start", icon=":material/play_arrow:", on_click=clicked, type="secondary")
        st.caption(note)


def show_refusal(key: str) -> None:
    """Says why the button's measurement was not taken, if it was not."""
    refused = st.session_state.pop(f"{key}:refused", "")
    if refused:
        trouble(refused)


@st.fragment(run_every=POLL_SECONDS)
def wait_for(
    job: str, *, key: str, mine: bool = True, on_news: Callable[[Held], None] = lambda _: None
) -> None:
    """Shows how far a job is, with a button to give it up; runs the page again when it is over.

    Args:
        job: its number.
        key: of the widgets.
        mine: whether the visitor may give it up.
        on_news: draws what there is already; called each time.
    """
    try:
        held = the_desk().held(job)
    except JobError:
        st.rerun()
    if held.settled:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/hourglass_top: {_words(held)} …")
        if mine:
            st.button(
                "Give up",
                key=f"{key}:cancel",
                icon=":material/stop:",
                on_click=the_desk().cancel,
                args=(job,),
                help="What is measured by then is kept",
            )
    progress = held.status.progress
    st.progress(0.0 if progress is None else min(1.0, max(0.0, progress.share)))
    on_news(held)


@st.fragment(run_every=4 * POLL_SECONDS)
def wait_for_the_server() -> None:
    """Says that nothing was measured yet; runs the page again when the server begins to, after its start."""
    ahead = current(BenchmarkPlan, THE_SERVER)
    if ahead is not None and not ahead.settled:
        st.rerun()
    st.caption(NOT_YET)


def show_end(held: Held) -> None:
    """What is to be said about a job that is over."""
    status = held.status
    if status.state is JobState.FAILED:
        trouble(status.problem or "It failed; the log has why.")
    elif status.state is JobState.CANCELLED:
        st.caption("It was given up; what was measured by then is here.")
    for note in status.notes:
        st.caption(note)
    if held.note:
        trouble(held.note)
    if len(held.runs) > 1:
        with st.container(horizontal=True):
            st.caption("Measured on several machines, and recorded for each:")
            for number, run in enumerate(held.runs, 1):
                st.page_link("pages/runs.py", label=f"run {number}", query_params={"run": run})
            beside = {"view": SIDE_BY_SIDE, "compare": list(held.runs)}
            st.page_link("pages/runs.py", label="side by side", query_params=beside)


def _words(held: Held) -> str:
    status = held.status
    if status.state is JobState.QUEUED:
        before = status.position
        return (
            f"Waiting: {before} measurement{'s' if before > 1 else ''} before yours"
            if before
            else "Next in turn"
        )
    progress = status.progress
    if progress is None:
        return "Starting"
    left = (
        "" if progress.seconds_left is None else f", about {duration(round(progress.seconds_left) or 1)} left"
    )
    return f"{progress.stage}{left}"
