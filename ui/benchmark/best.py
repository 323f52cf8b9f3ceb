"""Best here: the fastest configuration on this machine, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.benchmark import BenchmarkError
from core.benchmark.desk import Held
from core.benchmark.search.findings import SearchReport, Tried
from core.benchmark.search.space import SearchPlan
from core.units import duration
from ui.benchmark.inputs import whole_numbers
from ui.benchmark.question import ask
from ui.benchmark.words import SIGNS
from ui.cards import card, show_cards, verdict
from ui.links import Parameter, choice_complaint, whole_number_complaint
from ui.numbers import gap, times
from ui.text import plain

KEY: Final = "onnx:best"
ERRORS: Final = {"none: float32 alone": 0.0, "0.1%": 0.001, "1%": 0.01, "5%": 0.05}


def parameters() -> tuple[Parameter, ...]:
    """The bound inputs that a link may hold."""
    return (
        Parameter("error", next(iter(ERRORS)), choice_complaint(tuple(ERRORS))),
        Parameter("patience", 120, whole_number_complaint(1, 10**6)),
        Parameter("sizes", "1", _sizes_complaint, free=True),
    )


def _sizes_complaint(text: str) -> str:
    return "" if len(text) < 200 else "is longer than 200 characters"


def show_best(model: str, seed: int) -> None:
    """Draws the question."""
    batches, error, patience = st.columns([1, 2, 1], gap="small", vertical_alignment="bottom")
    batches.text_input(
        "Batch, or several",
        "1",
        key="sizes",
        help="With several, the time per example counts",
    )
    error.segmented_control(
        "Error that is allowed, as a share of the largest output",
        list(ERRORS),
        default=next(iter(ERRORS)),
        key="error",
        bind="query-params",
        required=True,
    )
    patience.number_input("Seconds for the search", value=120, step=30, key="patience", bind="query-params")

    def make() -> SearchPlan:
        state = st.session_state
        if state.patience is None:
            raise BenchmarkError("The seconds for the search are empty: give a whole number.")
        sizes = whole_numbers("Batches", state.sizes)
        return SearchPlan(model, seed, sizes, max_error=ERRORS[state.error], seconds=float(state.patience))

    held = ask(
        make,
        SearchPlan,
        key=KEY,
        label="Find the fastest",
        about="Every engine that can be had here, its threads and settings, then the best of them with care.",
        seconds=lambda plan: plan.seconds,
        on_news=lambda held: _show_tried(_tried(held)),
    )
    if held is None:
        return
    report = held.status.result
    if isinstance(report, SearchReport):
        _show(report)
    else:
        _show_tried(_tried(held))


def _tried(held: Held) -> tuple[Tried, ...]:
    return tuple(part for part in held.status.parts if isinstance(part, Tried))


def _show(report: SearchReport) -> None:
    best = report.best
    if best is None:
        show_cards(verdict("✗", "nothing was decided", report.conclusion))
    else:
        beside = None if best.judgement is None else best.judgement.ratio
        error = best.tried.error_share
        ties = [each.name for each in report.finalists if each.ties]
        show_cards(
            card("per example", duration(best.seconds_per_example), "forward"),
            card(
                f"beside {report.plan.baseline.name}",
                "1×" if beside is None else times(beside.value),
                "fired",
                "it is the baseline" if beside is None else f"{times(beside.low)} to {times(beside.high)}",
            ),
            card(
                "largest error, of the largest output", "unknown" if error is None else gap(error), "gradient"
            ),
            verdict(
                "≈" if ties else "✓",
                best.name,
                f"Cannot be told from {', '.join(ties)}." if ties else "The fastest of all that were tried.",
            ),
        )
    # Without a best one, the verdict has it.
    said = [report.conclusion] if best is not None else []
    if report.untried:
        said.append(f"⚠ There was no time for {', '.join(report.untried)}: allow more seconds.")
    st.html(f"<ul class='uth-said'>{''.join(f'<li>{plain(each)}</li>' for each in said)}</ul>")
    if report.finalists:
        st.markdown("**The last comparison**, in common rounds")
        st.dataframe(
            [
                {
                    "configuration": each.name,
                    "beside the baseline": "baseline"
                    if each.judgement is None
                    else f"{SIGNS[each.judgement.verdict]} {times(each.judgement.ratio.value)} "
                    f"({times(each.judgement.ratio.low)} to {times(each.judgement.ratio.high)})",
                    "per example": duration(each.seconds_per_example),
                    "the best beside it": ""
                    if each.beside_best is None
                    else f"{each.beside_best.verdict} {times(each.beside_best.ratio.value)}",
                }
                for each in report.finalists
            ],
            hide_index=True,
            height="content",
            alt="The configurations of the last comparison, the fastest first",
        )
    _show_tried(report.tried)
    if report.excluded:
        st.markdown("**Left out**")
        st.dataframe(
            [{"what": each.name, "why": each.reason} for each in report.excluded],
            hide_index=True,
            height="content",
            alt="What was left out, and why",
        )


def _show_tried(tried: Sequence[Tried]) -> None:
    if not tried:
        return
    st.markdown("**Everything that was tried**, in a few rounds each")
    st.dataframe(
        [
            {
                "configuration": each.name,
                "about": "" if each.ratio is None else times(each.ratio.value),
                "largest error": ""
                if each.error_share is None
                else f"{'✓' if each.within else '✗'} {gap(each.error_share)}",
                "load": "" if each.load_seconds is None else duration(each.load_seconds),
                "first call": "" if each.first_seconds is None else duration(each.first_seconds),
                "why not": each.problem,
            }
            for each in tried
        ],
        hide_index=True,
        alt="All configurations with what they reached in a few rounds",
    )
