"""This server's desk for measurements, and who asks."""

from __future__ import annotations

import time
from typing import Final

import streamlit as st

from core import settings
from core.benchmark import BenchmarkPlan
from core.benchmark.desk import Desk
from core.benchmark.fingerprint import machine_fingerprint, versions_fingerprint
from core.benchmark.history import History
from core.benchmark.jobs import Limits
from core.benchmark.runner import runner
from core.machine import describe
from core.settings import Mode
from ui.limits import limits, mode
from ui.visit import at_end, the_visits
from ui.visitor import visitor

DEMO: Final = BenchmarkPlan(batches=(1, 8, 64))
"""What is measured after the server's start, so that the first visitor sees a finished run: the article's."""
THE_SERVER: Final = ""
LEAVE_SECONDS: Final = 300.0
"""How long after the end of a visit what it still waits for is given up."""
HEAR_SECONDS: Final = 20.0
"""How long a cluster's machines are waited for."""


@st.cache_resource(show_spinner=False)
def the_desk() -> Desk:
    """The one desk of this server."""
    chosen = settings.load()
    url = None if chosen.database_url is None else chosen.database_url.get_secret_value()
    bounds = limits()
    jobs = Limits(waiting=bounds.max_jobs, per_visitor=bounds.max_jobs_per_visitor)
    return Desk(runner(chosen, jobs), History(url, chosen.data_dir or settings.DATA_DIR))


def sees() -> str | None:
    """Whose runs the visitor may list beside the shared ones: their own; all (None) on their own machine."""
    return None if mode() is Mode.LOCAL else visitor()


def asked(who: str) -> None:
    """Notes that the visitor waits for measurements: what has not begun is given up when they have gone.

    On one's own machine nothing is given up: there are no others to keep waiting.
    """
    if mode() is not Mode.LOCAL:
        at_end("jobs", lambda: _give_up(who), after=LEAVE_SECONDS)


def _give_up(who: str) -> None:
    # Another tab of theirs, or they are here again.
    if not the_visits().open(who):
        the_desk().leave(who)


def machine_ids() -> frozenset[str]:
    """The fingerprints of the machines that measure for this server, as far as they have told."""
    known = (each.facts for each in the_desk().runner.machines())
    return frozenset(machine_fingerprint(facts) for facts in known if facts is not None)


def measure_ahead() -> None:
    """Measures the worked example for all, unless one of the machines has done it with these libraries."""
    if not settings.load().measure_at_start:
        return
    desk = the_desk()
    # A cluster's machines are not heard at once; without any, nothing could be measured either.
    end = time.monotonic() + HEAR_SECONDS
    while not machine_ids() and time.monotonic() < end:
        time.sleep(0.2)
    versions = versions_fingerprint(describe().versions)
    for machine in machine_ids():
        lines = desk.history.runs(THE_SERVER, machine_id=machine, model=DEMO.models[0])
        if any(line.shared and line.judged and line.versions_id == versions for line in lines):
            return
    desk.submit(DEMO, THE_SERVER, shared=True)
