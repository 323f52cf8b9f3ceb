"""What to measure: the inputs of the Benchmark tab, and the plan that they describe."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import streamlit as st

from core import machine
from core.benchmark import BenchmarkError, BenchmarkPlan, Method
from core.benchmark.plan import MAX_CASES, MAX_ENGINES
from core.engines import EngineInfo, EngineKind, EngineOptions, Optimization, Spin, available, title
from core.zoo import titles
from ui.links import Parameter, Value, choice_complaint, whole_number_complaint

KINDS: Final = {title(kind): kind for kind in EngineKind}
"""What a menu and the address say, and the engine."""
WORKED_ENGINES: Final = [title(EngineKind.EAGER), title(EngineKind.ORT)]
WORKED_BATCHES: Final = "1, 8, 64"
MAX_ROUNDS: Final = 1000


def parameters() -> tuple[Parameter, ...]:
    """The bound inputs that a link may hold."""
    return (
        Parameter("engines", list[str](WORKED_ENGINES), choice_complaint(tuple(KINDS))),
        Parameter("batches", WORKED_BATCHES, _numbers_complaint, free=True),
        Parameter("threads", "1", _numbers_complaint, free=True),
        Parameter("models", list[str](), choice_complaint(tuple(titles().values()))),
        Parameter("rounds", Method().least_rounds, whole_number_complaint(1, MAX_ROUNDS)),
        Parameter("spin", Spin.SHORT.value, choice_complaint(tuple(Spin))),
        Parameter("graph", Optimization.ALL.value, choice_complaint(tuple(Optimization))),
    )


def defaults() -> dict[str, Value]:
    """Every input's value in the worked example."""
    return {each.key: each.default for each in parameters()}


def draw_inputs(*, projector: bool) -> None:
    """Draws the inputs of a comparison: in a line, or below each other for the projector's popover."""
    missing = {info.title: info.reason for info in _engines() if not info.available}
    if projector:
        engines, batches, threads, more = (st.container() for _ in range(4))
    else:
        engines, batches, threads, more = st.columns(
            [4, 1.2, 1, 1.2], gap="small", vertical_alignment="bottom"
        )
    engines.multiselect(
        "Engines; the first is what the others are compared with",
        list(KINDS),
        default=WORKED_ENGINES,
        key="engines",
        bind="query-params",
        max_selections=MAX_ENGINES,
        placeholder="Choose engines",
    )
    batches.text_input(
        "Batches",
        WORKED_BATCHES,
        key="batches",
        help="How many examples at once: 1, 8, 64",
    )
    threads.text_input(
        "Threads",
        "1",
        key="threads",
        help=f"The same for every engine, 1 to {machine.logical_cores()} here; several with commas",
    )
    # A popover may not be inside another.
    inner = (
        more.container() if projector else more.popover("Options", icon=":material/tune:", width="stretch")
    )
    with inner:
        st.multiselect(
            "More models",
            list(titles().values()),
            key="models",
            bind="query-params",
            help="Measured too, each on all engines",
            placeholder="None",
        )
        st.number_input(
            "Rounds that must count",
            value=Method().least_rounds,
            step=10,
            key="rounds",
            bind="query-params",
            help="In each, every engine is timed for 50 ms, in random order; a verdict needs 20",
        )
        st.segmented_control(
            "ONNX Runtime's idle threads",
            tuple(Spin),
            default=Spin.SHORT.value,
            key="spin",
            bind="query-params",
            required=True,
            help="How long they wait busily: long (its default), 1 ms, or not at all",
        )
        st.segmented_control(
            "ONNX Runtime's graph optimizations",
            tuple(Optimization),
            default=Optimization.ALL.value,
            key="graph",
            bind="query-params",
            required=True,
        )
        st.caption("**Not to be had on this machine**")
        st.dataframe(
            [{"engine": name, "why not": reason} for name, reason in missing.items()],
            hide_index=True,
            height="content",
            alt="Engines that cannot be had here, and why",
        )
    for name in st.session_state.engines or []:
        if name in missing:
            st.caption(f"{name} cannot be had here, and will be listed without a time. {missing[name]}")


def read_plan(model: str, seed: int) -> BenchmarkPlan:
    """The plan that the inputs describe, for the model on the stage and those beside it.

    Raises:
        BenchmarkError: for a plan that cannot be.
    """
    state = st.session_state
    by_title = {title: name for name, title in titles().items()}
    models = dict.fromkeys([model, *(by_title[title] for title in state.models or [])])
    engines = tuple(KINDS[each] for each in state.engines or [])
    if not engines:
        raise BenchmarkError("There is no engine: choose one or more.")
    rounds = state.rounds
    if rounds is None or not 1 <= rounds <= MAX_ROUNDS:
        came = "no" if rounds is None else rounds
        raise BenchmarkError(f"Got {came} rounds, expected 1 to {MAX_ROUNDS}: give a whole number.")
    options = EngineOptions(optimization=Optimization(state.graph), spin=Spin(state.spin))
    method = replace(Method(), least_rounds=int(rounds), most_rounds=max(200, 2 * int(rounds)))
    return BenchmarkPlan(
        tuple(models),
        engines,
        whole_numbers("Batches", state.batches),
        whole_numbers("Threads", state.threads),
        options,
        seed,
        method,
    )


def whole_numbers(name: str, text: str | None) -> tuple[int, ...]:
    """The whole numbers of a text, with commas or spaces between, each once.

    Raises:
        BenchmarkError: if there is none, something else, or far too many.
    """
    words = str(text or "").replace(",", " ").split()
    if (
        not words
        or len(words) > MAX_CASES
        or not all(w.isdecimal() and w.isascii() and len(w) < 10 for w in words)
    ):
        shown = " ".join(str(text or "").split())[:40]
        raise BenchmarkError(
            f"{name}: got {shown!r}, expected 1 to {MAX_CASES} whole numbers with commas, such as 1, 8, 64."
        )
    return tuple(dict.fromkeys(int(word) for word in words))


@st.cache_data(ttl=600, max_entries=1, show_spinner=False)
def _engines() -> list[EngineInfo]:
    return available()


def _numbers_complaint(text: str) -> str:
    try:
        whole_numbers("", text)
    except BenchmarkError:
        return "is no list of whole numbers"
    return ""
