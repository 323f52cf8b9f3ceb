"""The stage's result: the formula with its numbers, the gradients, the verdict, the graph."""

from __future__ import annotations

import html

import streamlit as st

from core.gradients import Comparison, Verdict, Witnesses
from core.gradients.derivation import loss_in_numbers
from core.gradients.latex import number
from core.gradients.tape import Tape
from ui.folding import fold
from ui.graph import graph
from ui.numbers import fixed, full, gap

MAX_CARDS = 4
FOLD_LIMIT = 24
MAX_FORMULA = 130

_WORDS = {
    Verdict.AGREE: ("✓", "four witnesses agree"),
    Verdict.KINK: ("∧", "a kink: no single slope here"),
    Verdict.NOT_FINITE: ("∞", "not a finite number"),
    Verdict.DISAGREE: ("✗", "the witnesses disagree"),
}


def show_formula(comparison: Comparison) -> None:
    """The loss in symbols, with the numbers in it, and its value."""
    symbols, numbers = loss_in_numbers(comparison.problem)
    value = number(comparison.loss, 6)
    parts = ["L", symbols, numbers, value]
    if len(symbols) + len(numbers) > 2 * MAX_FORMULA:
        parts = ["L", symbols, value]
    if len(symbols) > 2 * MAX_FORMULA:
        parts = ["L", value]
    st.latex(" = ".join(part for part in parts if part))


def show_numbers(comparison: Comparison) -> None:
    """One large number per derivative, and the verdict."""
    cards = [_card(row, comparison.problem.dtype) for row in comparison.rows[:MAX_CARDS]]
    more = len(comparison.rows) - MAX_CARDS
    cards.append(_verdict(comparison, more))
    st.html(f"<div class='uth-numbers' aria-live='polite'>{''.join(cards)}</div>")


def show_verdict(comparison: Comparison) -> None:
    """The verdict alone, where the numbers are shown by the prediction."""
    st.html(f"<div class='uth-numbers'>{_verdict(comparison, 0)}</div>")


def show_graph(tape: Tape, *, dtype: str, hide_gradients: bool) -> None:
    """The one picture of the stage: every value on its way forward, every gradient on its way back."""
    graph(
        fold(tape, FOLD_LIMIT),
        key="stage-graph",
        dtype=dtype,
        hide_gradients=hide_gradients,
        alt="Graph of the loss: values and gradients",
    )


def _card(row: Witnesses, dtype: str) -> str:
    name = html.escape(row.name)
    manual, autograd = fixed(row.manual), fixed(row.autograd)
    same = manual == autograd
    what = f"∂L/∂{name} &nbsp;by hand {'= autograd' if same else '≠ autograd'}"
    value = manual if same else f"{manual} / {autograd}"
    size = " long" if len(value) > 12 else ""
    title = f"by hand {full(row.manual, dtype)}, autograd {full(row.autograd, dtype)} ({dtype})"
    return (
        f"<div class='uth-number' title='{title}'><div class='what'>{what}</div>"
        f"<div class='value{size}'>{value}</div></div>"
    )


def _verdict(comparison: Comparison, more: int) -> str:
    sign, words = _WORDS[comparison.verdict]
    worst = max(comparison.rows, key=lambda row: list(Verdict).index(row.verdict))
    if comparison.verdict is Verdict.AGREE:
        largest = max(comparison.rows, key=lambda row: row.difference)
        why = (
            f"largest gap {gap(largest.difference)}, allowed {gap(largest.tolerance)}; "
            f"finite difference: gap {gap(abs(largest.finite_difference - largest.autograd))}"
        )
        lost = next((row for row in comparison.rows if "no correct digit" in row.explanation), None)
        why = lost.explanation if lost else why
    else:
        why = f"∂L/∂{worst.name}: {worst.explanation}"
    if more > 0:
        why += f" · {more} more under Why?"
    trouble = "" if comparison.verdict is Verdict.AGREE else " trouble"
    return (
        f"<div class='uth-verdict{trouble}'><div class='what'>{sign} {words}</div>"
        f"<div class='why'>{html.escape(why)}</div></div>"
    )
