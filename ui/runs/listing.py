"""The list of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.benchmark.history import RunLine
from core.benchmark.verdict import Verdict
from core.zoo import titles
from ui.benchmark.words import SIGNS, age, name_of
from ui.numbers import times

_FROM_THE_LAST_ROW: Final = ("open", "measured", "models", "result")
"""What fits a projector's width; a run's own page has the rest."""


def show_list(lines: Sequence[RunLine], *, projector: bool) -> None:
    """Draws a line per run, with a link to it."""
    if not lines:
        st.caption("Nothing has been measured yet: the ONNX lab's Benchmark tab does.")
        return
    st.dataframe(
        [
            {
                "open": f"/runs?run={line.id}",
                "measured": line.started,
                "": _mark(line),
                "models": ", ".join(titles().get(model, model) for model in line.models),
                "result": result_words(line),
                "machine": _machine(line),
                "torch": line.machine.versions.torch,
                "onnxruntime": line.machine.versions.onnxruntime,
                "note": line.note,
            }
            for line in lines
        ],
        hide_index=True,
        column_order=_FROM_THE_LAST_ROW if projector else None,
        height="content" if len(lines) < 12 else 460,
        column_config={
            "open": st.column_config.LinkColumn(display_text="open"),
            "measured": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
        },
        alt="All runs that you may see, the newest first",
    )


def result_words(line: RunLine) -> str:
    """What came out, in a few words: the judged engines with the range of their ratios."""
    parts = []
    for engine in dict.fromkeys(each.engine for each in line.results if each.ratio is not None):
        found = [each for each in line.results if each.engine == engine and each.ratio is not None]
        ratios = sorted(each.ratio for each in found if each.ratio is not None)
        verdicts = {each.verdict for each in found}
        sign = SIGNS[verdicts.pop() or Verdict.CANNOT_TELL] if len(verdicts) == 1 else "◆"
        warning = "" if all(each.agrees is not False for each in found) else " ✗ other numbers"
        low, high = times(ratios[0]), times(ratios[-1])
        parts.append(f"{sign} {name_of(engine)} {low if low == high else f'{low} to {high}'}{warning}")
    return "; ".join(parts) or "no comparison"


def label(line: RunLine) -> str:
    """A run in a menu."""
    models = ", ".join(titles().get(model, model) for model in line.models)
    return f"{models}, {age(line.started)}: {result_words(line)}"[:110]


def _machine(line: RunLine) -> str:
    """Its name in a cluster, if it has one, and its processor."""
    names = dict.fromkeys(each.machine for each in line.results if each.machine)
    return ": ".join([", ".join(names), line.machine.cpu] if names else [line.machine.cpu])


def _mark(line: RunLine) -> str:
    marks = [
        word
        for word, holds in (
            ("demo", line.shared),
            ("from a file", line.imported),
            ("not finished", not line.complete),
            ("waits for the database", line.waiting),
        )
        if holds
    ]
    return ", ".join(marks)
