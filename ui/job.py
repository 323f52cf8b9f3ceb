"""Work that goes on in a process of its own while the visitor looks on: started, watched, stopped.

A job belongs to one visit and to the inputs that it was started for. It is in the visit's state and nowhere
else, so it ends with the visit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import streamlit as st

from core.process import Process, ProcessError
from ui.messages import trouble
from ui.places import queued

POLL_SECONDS: Final = 0.4


@dataclass
class Job:
    """A process, and what it has said so far.

    Attributes:
        about: the inputs that it was started for.
        process: where it runs.
        lines: what it has said and nobody has taken yet.
        made: what the page has made of the lines so far.
        shared: whether other visits may wait for it too; it ends when nobody holds it any more.
    """

    about: str
    process: Process
    lines: list[dict[str, Any]] = field(default_factory=list)
    made: Any = None
    shared: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def listen(self) -> bool:
        """Takes in what came since the last time; whether more may come."""
        # Whoever finds it finished has all lines, also when another visit is taking them.
        with self._lock:
            more = not self.process.finished
            self.lines += self.process.lines()
        return more


def current_job(key: str, about: str) -> Job | None:
    """The visit's job of that name, if it was started for these inputs; one for others is stopped."""
    job: Job | None = st.session_state.get(key)
    if job is not None and job.about != about:
        stop_job(key)
        st.session_state[f"{key}:outdated"] = True
        return None
    return job


def start_button(label: str, *, key: str, about: str, start: Callable[[], Process], note: str) -> None:
    """Draws the button that starts a job.

    Args:
        label: what the button says.
        key: the job's name.
        about: the inputs that it is for.
        start: starts the process; it may raise ProcessError.
        note: what is said beside the button.
    """

    def clicked() -> None:
        try:
            process = start()
        except ProcessError as error:
            st.session_state[f"{key}:refused"] = str(error)
            return
        st.session_state.pop(f"{key}:outdated", None)
        st.session_state[key] = Job(about, process)

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(label, key=f"{key}:start", icon=":material/play_arrow:", on_click=clicked)
        outdated = st.session_state.get(f"{key}:outdated")
        st.caption(f"The inputs have changed since the last result. {note}" if outdated else note)
    refused = st.session_state.pop(f"{key}:refused", "")
    if refused:
        trouble(refused)


def end_jobs(prefix: str) -> None:
    """Ends the visit's jobs whose names begin so: a visitor who has gone elsewhere does not wait for them."""
    for key in [str(key) for key in st.session_state if str(key).startswith(prefix)]:
        if isinstance(st.session_state[key], Job):
            stop_job(key)


def stop_job(key: str) -> None:
    """Callback: ends a job, unless others wait for it too, and forgets it."""
    job: Job | None = st.session_state.pop(key, None)
    if job is not None and not job.shared:
        job.process.stop()


@st.fragment(run_every=POLL_SECONDS)
def wait_for(key: str, words: str | Callable[[Job], str], on_stop: Callable[[], None] = lambda: None) -> None:
    """Shows that a job is going on, with a button to stop it; runs the page again when it has ended.

    Args:
        key: the job's name.
        words: what goes on, or what tells it from what the job has said so far.
        on_stop: called when the visitor has stopped it.
    """
    job: Job | None = st.session_state.get(key)
    if job is None or not job.listen():
        st.rerun()
    position = job.process.position
    behind = any("queued" in line for line in job.lines)

    def stopped() -> None:
        stop_job(key)
        on_stop()

    with st.container(horizontal=True, vertical_alignment="center"):
        now = words if isinstance(words, str) else words(job)
        if position:
            now = queued(position)
        elif behind:
            now = "Waiting for another measurement on this machine"
        st.markdown(f":material/hourglass_top: {now} …")
        st.button("Stop", key=f"{key}:stop", icon=":material/stop:", on_click=stopped)
