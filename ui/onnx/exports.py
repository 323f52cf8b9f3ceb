"""Exports for the page: kept from someone who asked for the same, or made in a process of its own."""

from __future__ import annotations

import threading
import time
import weakref
from collections import OrderedDict
from typing import Final

import streamlit as st

from core.export.child import Answer, read_answer, read_stage, start_export
from core.export.plan import ExportPlan
from core.places import Place
from core.process import ProcessError
from ui.job import Job, stop_job, wait_for
from ui.messages import trouble
from ui.places import my_place, the_places

KEY: Final = "onnx:export"
MAX_ANSWERS: Final = 64
MAX_BYTES: Final = 64 * 2**20
"""How many exports are kept, and how many bytes their files have in all."""
AGAIN_SECONDS: Final = 2.0
"""How long a visitor waits for a place before the next try."""


class Answers:
    """What was exported lately, for all visitors: of models from here, never of a visitor's file.

    The worked example stays.
    """

    def __init__(self, answers: int = MAX_ANSWERS, size: int = MAX_BYTES) -> None:
        self._answers = answers
        self._size = size
        self._kept: OrderedDict[ExportPlan, Answer] = OrderedDict()
        self._jobs: weakref.WeakValueDictionary[ExportPlan, Job] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def get(self, plan: ExportPlan) -> Answer | None:
        """The answer to a plan, if it is still there."""
        with self._lock:
            if plan in self._kept:
                self._kept.move_to_end(plan)
            return self._kept.get(plan)

    def put(self, answer: Answer) -> None:
        """Keeps an answer, and lets those go that nobody has asked for the longest."""
        with self._lock:
            self._kept[answer.plan] = answer
            self._kept.move_to_end(answer.plan)
            while len(self._kept) > self._answers or sum(map(_size, self._kept.values())) > self._size:
                oldest = next((plan for plan in self._kept if plan != ExportPlan()), None)
                if oldest is None:
                    return
                del self._kept[oldest]

    def job(self, plan: ExportPlan, place: Place | None = None) -> Job:
        """The export of a plan that goes on: all who ask for it share one. It ends when nobody holds it.

        Args:
            plan: what is exported.
            place: where, and for whom, if it has to be started.

        Raises:
            ProcessError: if none goes on and none can be started.
        """
        with self._lock:
            job = self._jobs.get(plan)
            if job is None or (job.process.finished and job.process.error):
                job = self._jobs[plan] = Job(repr(plan), start_export(plan, place=place), shared=True)
            return job


@st.cache_resource(show_spinner=False)
def the_answers() -> Answers:
    """The one cache of this server."""
    return Answers()


def export_ahead(plan: ExportPlan) -> None:
    """Exports a plan before anyone asks, and waits for it: for the server's start.

    Raises:
        ProcessError: if too many processes run.
    """
    job = the_answers().job(plan, Place(the_places()))
    job.process.wait_until_over(120)
    job.listen()
    answer = _found(job)
    if answer is not None:
        the_answers().put(answer)


def answer_for(plan: ExportPlan) -> Answer | None:
    """The answer to a plan; None while it is being made, and then it draws how far it is."""
    state = st.session_state
    held: Job | None = state.get(KEY)
    if held is not None and held.about != repr(plan):
        stop_job(KEY)
    kept = the_answers().get(plan)
    if kept is not None:
        stop_job(KEY)
        return kept
    if state.get(f"{KEY}:stopped") == repr(plan):
        _offer_again("Stopped.")
        return None
    state.pop(f"{KEY}:stopped", None)
    try:
        job = state[KEY] = state.get(KEY) or the_answers().job(plan, my_place())
    except ProcessError as error:
        state[f"{KEY}:asked"] = time.monotonic()
        _wait_for_a_place(str(error))
        return None
    more = job.listen()
    answer = _found(job)
    if answer is not None:
        the_answers().put(answer)
        stop_job(KEY)
        return answer
    if more:
        wait_for(KEY, _words, on_stop=lambda: _remember_stopped(plan))
        return None
    _offer_again(job.process.error or "The export ended without an answer.")
    return None


@st.fragment(run_every=AGAIN_SECONDS / 2)
def _wait_for_a_place(said: str) -> None:
    if time.monotonic() - st.session_state.get(f"{KEY}:asked", 0) > AGAIN_SECONDS:
        st.rerun()
    st.markdown(f":material/hourglass_top: Waiting for a place. {said}")


def _offer_again(said: str) -> None:
    trouble(said)

    def clicked() -> None:
        stop_job(KEY)
        st.session_state.pop(f"{KEY}:stopped", None)

    st.button("Export", key=f"{KEY}:again", icon=":material/play_arrow:", on_click=clicked)


def _remember_stopped(plan: ExportPlan) -> None:
    st.session_state[f"{KEY}:stopped"] = repr(plan)


def _words(job: Job) -> str:
    stages = [stage for line in job.lines if (stage := read_stage(line))]
    number = len(dict.fromkeys(stages))
    return f"In a process of its own: {stages[-1]} ({number} of 4)" if stages else "Starting a process"


def _found(job: Job) -> Answer | None:
    return next((found for line in job.lines if (found := read_answer(line))), None)


def _size(answer: Answer) -> int:
    return len(answer.exported.data) if answer.exported is not None else 0
