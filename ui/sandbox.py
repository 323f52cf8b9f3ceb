"""What labs that run programs share: how far the sandbox is, a run that goes on, why one was stopped."""

from __future__ import annotations

import math
import weakref
from typing import Final

import streamlit as st

from core import sandbox
from core.sandbox import Limit, Readiness, ReadyState, Run, SandboxResult
from ui.messages import trouble
from ui.visit import at_end

POLL_SECONDS: Final = 0.4
SOON_SECONDS: Final = 0.5
"""For how long a page waits for a run before it shows that it goes on: most have ended by then."""
_RUNS: Final = "sandbox:runs"
_WAITS: Final = ":material/hourglass_top:"


def ready() -> bool:
    """Whether programs can be run; if not, says in one line how far it is, or why they never can."""
    now = sandbox.readiness()
    if now.state is ReadyState.READY:
        return True
    sandbox.prepare()
    if now.state is ReadyState.UNAVAILABLE:
        trouble(now.problem)
    else:
        _prepare()
    return False


def shown(run: Run | None) -> SandboxResult | None:
    """What a run did, once it has ended.

    Until then, and if there will be no result, a line says so, with a button to stop it; the page runs again
    when it has ended. The run is stopped at the end of the visit.
    """
    if run is None:
        return None
    _stop_at_the_end(run)
    result = run.wait(SOON_SECONDS)
    if result is None and run.problem:
        trouble(run.problem)
    elif result is None:
        _wait_for(weakref.ref(run), f"sandbox:stop:{id(run)}")
    return result


def limit_words(result: SandboxResult) -> str:
    """Why a program was stopped, in a sentence for the visitor; empty if it ended by itself."""
    if result.crash:
        return f"The interpreter itself broke down. {result.crash}"
    match result.limit:
        case Limit.FUEL:
            return f"Stopped after {result.fuel_used:,} instructions: a program may execute no more here."
        case Limit.TIME:
            return f"Stopped after {result.seconds:.1f} s: a program may take no longer here."
        case Limit.MEMORY:
            return "Stopped: it needed more memory than a program may have here."
        case Limit.OUTPUT:
            return "Stopped: it printed more than a program may here. What it printed first is kept."
        case None:
            return ""


def preparing(now: Readiness) -> str:
    """How far the sandbox is, for somebody who waits for it."""
    done, expected, busy = math.floor(now.seconds), round(now.expected_seconds), round(now.busy_seconds)
    usual = f"usually {expected} to {busy} s" if done <= busy else "which is longer than usual"
    return f"Preparing the sandbox, once: {done} s, {usual}"


@st.fragment(run_every=POLL_SECONDS)
def _prepare() -> None:
    now = sandbox.readiness()
    if now.state is not ReadyState.PREPARING:
        st.rerun()
    st.markdown(f"{_WAITS} {preparing(now)} …")


@st.fragment(run_every=POLL_SECONDS)
def _wait_for(held: weakref.ref[Run], key: str) -> None:
    # The visit holds the run, and nothing that is kept for this fragment does.
    run = held()
    if run is None or run.result is not None or run.problem:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        before = run.position
        now = f"Busy: {before} before you, and it starts by itself" if before else "Running"
        st.markdown(f"{_WAITS} {now} …")
        st.button("Stop", key=key, icon=":material/stop:", on_click=run.stop)


def _stop_at_the_end(run: Run) -> None:
    runs: weakref.WeakSet[Run] | None = st.session_state.get(_RUNS)
    if runs is None:
        runs = st.session_state[_RUNS] = weakref.WeakSet()
        kept = runs
        at_end(_RUNS, lambda: _stop_all(kept))
    runs.add(run)


def _stop_all(runs: weakref.WeakSet[Run]) -> None:
    for run in runs:
        run.stop()
