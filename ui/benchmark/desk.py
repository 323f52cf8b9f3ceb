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
from core.benchmark.runner import runner
from core.machine import describe
from core.settings import Mode
from ui.visitor import visitor

DEMO: Final = BenchmarkPlan(batches=(1, 8, 64))
"""What is measured after the server's start, so that the first visitor sees a finished run: the article's."""
THE_SERVER: Final = ""
HEAR_SECONDS: Final = 20.0
"""How long a cluster's machines are waited for."""


@st.cache_resource(show_spinner=False)
def the_desk() -> Desk:
    """The one desk of this server."""
    chosen = settings.load()
    url = None if chosen.database_url is None else chosen.database_url.get_secret_value()
    return Desk(runner(chosen), History(url, chosen.data_dir or settings.DATA_DIR))


def sees() -> str | None:
    """Whose runs the visitor may list beside the shared ones: their own; all (None) on their own machine."""
    mode = settings.load().resolve_mode(st.get_option("server.address"))
    return None if mode is Mode.LOCAL else visitor()


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
