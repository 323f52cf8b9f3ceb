"""Runs from a file, and the machines that measure."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.benchmark import JobError
from core.benchmark.history import HistoryError, read_json
from ui.benchmark.desk import the_desk
from ui.messages import trouble
from ui.runs.inputs import RUN
from ui.visitor import visitor

MAX_MEGABYTES = 16


def show_import() -> None:
    """Draws the place for a file; a run in it is checked, and kept as the visitor's."""
    st.caption(
        "A run that this page gave as JSON, here or elsewhere. Its rounds are read, and everything that "
        "follows from them is computed anew; what it says of its machine and models is its sender's claim."
    )
    file = st.file_uploader(
        "A run as JSON",
        type=["json"],
        key="runs:file",
        max_upload_size=MAX_MEGABYTES,
        label_visibility="collapsed",
    )
    if file is None:
        return
    if st.session_state.get("runs:taken") == file.file_id:
        st.caption("It is in the list.")
        return
    try:
        run = replace(read_json(file.getvalue()), owner=visitor())
        the_desk().history.add(run)
    except (HistoryError, ValueError) as error:
        trouble(str(error))
        return
    st.session_state["runs:taken"] = file.file_id
    st.query_params[RUN] = run.id
    st.rerun()


def show_machines() -> None:
    """Draws the machines that measure for this app, and the jobs that the visitor has there."""
    runner = the_desk().runner
    if runner.problem:
        trouble(runner.problem)
    machines = runner.machines()
    if machines:
        st.dataframe(
            [
                {
                    "": "✓ measures" if each.usable else "✗ not now",
                    "machine": each.name,
                    "what it is": each.about,
                    "workers": each.workers,
                    "why not": each.reason,
                }
                for each in machines
            ],
            hide_index=True,
            height="content",
            alt="The machines that measure for this app",
        )
    mine = the_desk().jobs(visitor())
    if not mine:
        st.caption("You have asked for no measurement in this visit.")
        return
    st.markdown("**Your measurements**")
    for held in mine[:10]:
        with st.container(horizontal=True, vertical_alignment="center"):
            place = f", {held.status.position} before it" if held.status.position else ""
            where = f" on {held.status.machine}" if held.status.machine else ""
            said = f"{held.status.state}{place}{where}"
            st.text(f"{type(held.plan).__name__.removesuffix('Plan')}: {said} {held.status.problem}".strip())
            if not held.status.state.over:
                st.button("Give up", key=f"runs:cancel:{held.job}", on_click=_cancel, args=(held.job,))


def _cancel(job: str) -> None:
    try:
        the_desk().cancel(job)
    except JobError as error:
        st.session_state["runs:trouble"] = str(error)
