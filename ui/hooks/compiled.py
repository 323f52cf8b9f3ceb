"""Runs that compile: they take seconds, so they go on in a process of their own when the visitor says so."""

from __future__ import annotations

from typing import Final

import streamlit as st

from core.hooks import HookRecorder
from core.hooks.child import read_report, start_run
from core.hooks.plan import Plan
from core.hooks.run import Report
from ui.job import current_job, start_button, wait_for
from ui.messages import trouble
from ui.places import my_place

KEY: Final = "hooks:compiled"


def compiled_report(plan: Plan) -> Report | None:
    """The report of a plan that compiles; None until there is one.

    Without one it draws what goes on, or the button that starts it.

    Raises:
        HookError, ZooError, BuilderError: for a plan that cannot run.
    """
    # What cannot run is said before anything is started.
    HookRecorder(plan.build().module, plan.hooks)
    job = current_job(KEY, repr(plan))
    more = job is not None and job.listen()
    if job is not None and job.made is None and not more:
        job.made = next((found for line in job.lines if (found := read_report(line))), None)
    if job is not None and job.made is not None:
        report: Report = job.made
        return report
    if more:
        wait_for(KEY, "Compiling and running, in a process of its own")
        return None
    if job is not None:
        trouble(job.process.error or "The run ended without a result: start it again.")
    start_button(
        "Compile and run", key=KEY, about=repr(plan), start=lambda: start_run(plan, place=my_place()),
        note="torch.compile takes a few seconds, in a process of its own.",
    )  # fmt: skip
    st.caption("The hooks above are registered there as here, and the same line is run.")
    return None
