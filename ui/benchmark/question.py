"""The frame of each question of the Benchmark tab: ask, wait, and what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from core import machine
from core.benchmark import BenchmarkError
from core.benchmark.desk import Held
from core.benchmark.tasks import Plan
from core.engines import EngineError
from core.units import duration
from core.zoo import MAX_BATCH, ZooError
from ui.benchmark.running import current, show_end, show_refusal, start_button, wait_for
from ui.links import Parameter, whole_number_complaint
from ui.messages import trouble

_Plan = TypeVar("_Plan", bound=Plan)


@dataclass(frozen=True)
class Setup:
    """The inputs that the smaller questions share.

    Attributes:
        batch: how many examples at once.
        threads: how many compute one operator.
    """

    batch: int
    threads: int


def parameters() -> tuple[Parameter, ...]:
    """The bound inputs that a link may hold."""
    return (
        Parameter("examples", 8, whole_number_complaint(1, 10**9)),
        Parameter("cores", 1, whole_number_complaint(1, 10**6)),
    )


def draw_setup(*, threads: bool = True) -> None:
    """Draws the batch and, if it matters, the threads."""
    first, second, _ = st.columns([1, 1, 3], gap="small")
    first.number_input(
        "Batch",
        value=8,
        step=1,
        key="examples",
        bind="query-params",
        help=f"1 to {MAX_BATCH} examples at once",
    )
    if threads:
        second.number_input(
            "Threads",
            value=1,
            step=1,
            key="cores",
            bind="query-params",
            help=f"For one operator; 1 to {machine.logical_cores()} here",
        )


def read_setup() -> Setup:
    """What the inputs say.

    Raises:
        BenchmarkError: if one is empty.
    """
    batch, threads = st.session_state.examples, st.session_state.cores
    if batch is None or threads is None:
        raise BenchmarkError("The batch or the number of threads is empty: give whole numbers.")
    return Setup(int(batch), int(threads))


def ask(
    make: Callable[[], _Plan],
    kind: type[_Plan],
    *,
    key: str,
    label: str,
    about: str,
    seconds: Callable[[_Plan], float],
    on_news: Callable[[Held], None] = lambda _: None,
) -> Held | None:
    """Draws the button, the progress, or why there is neither.

    Args:
        make: the plan that the inputs describe; it may raise a ValueError of ours.
        kind: the plan's type.
        key: of the widgets.
        label: what the button says.
        about: one sentence on what is done.
        seconds: about how long a plan takes.
        on_news: draws what a measurement has found by now.

    Returns:
        The visitor's newest finished job of this kind; None while there is none.
    """
    plan: _Plan | None = None
    try:
        plan = make()
        plan.check()
    except (BenchmarkError, EngineError, ZooError) as error:
        plan = None
        trouble(str(error))
    show_refusal(key)
    held = current(kind)
    if held is not None and not held.settled:
        wait_for(held.job, key=key, on_news=on_news)
        return None
    if plan is not None:
        start_button(label, plan, key=key, note=f"{about} About {duration(round(seconds(plan)))}.")
    if held is None:
        return None
    show_end(held)
    if plan is not None and plan != held.plan:
        st.markdown("**What follows was measured for other inputs than those above.**")
    return held
