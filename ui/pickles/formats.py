"""The In every format tab: the same weights as a pickle, safetensors, ONNX and more, written and measured."""

from __future__ import annotations

import html
from typing import Final

import streamlit as st

from core.pickles.lab.formats import (
    KINDS,
    FileFormat,
    FormatRow,
    FormatsReport,
    Timing,
    read_formats,
    read_stage,
    start_formats,
)
from core.units import duration
from ui.job import Job, current_job, start_button, wait_for
from ui.messages import trouble
from ui.pickles.inputs import FIRST_MODEL, MODELS
from ui.pickles.words import LOOKS, several, text_of
from ui.places import my_measuring
from ui.text import with_code

KEY: Final = "pickles:formats"
_HEADS: Final = (
    "format", "bytes", "save", "load", "needs the class?", "can name code?", "other languages",
    "what remains",
)  # fmt: skip
_NOTE: Final = (
    "Each file is written, scanned, read again, and opened in a new process that has none of this app's code."
)


def show_formats(*, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open: the scans' verdicts would tell the answer."""
    if hidden:
        st.caption("Hidden until you have made your guess above.")
        return
    title = st.selectbox("Model", list(MODELS), key="model", bind="query-params", width=420)
    model = MODELS.get(str(title), MODELS[FIRST_MODEL])
    job = current_job(KEY, model)
    report: FormatsReport | None = None
    if job is not None:
        if job.made is None and job.listen():
            wait_for(KEY, _words)
            _show_table(None)
            return
        if job.made is None:
            job.made = next((found for line in job.lines if (found := read_formats(line))), None)
        report = job.made
        if report is None:
            trouble(job.process.error or "The measurement ended without a result: start it again.")
    start_button(
        "Write and measure" if report is None else "Measure again", key=KEY, about=model,
        start=lambda: start_formats(model, place=my_measuring()), note=_NOTE,
    )  # fmt: skip
    _show_table(report)
    if report is not None:
        st.caption(
            f"{report.title}: {several(report.parameters, 'number')}, float32, seed {report.seed}. Times are "
            f"medians in memory, without a disk, on {several(report.threads, 'thread')}, nothing else "
            f"measured; the first time stands in brackets. PyTorch {report.torch}."
        )


def _words(job: Job) -> str:
    stages = [stage for line in job.lines if (stage := read_stage(line))]
    return f"In a process of its own: {stages[-1]}" if stages else "Starting a process"


def _show_table(report: FormatsReport | None) -> None:
    rows = {row.format: row for row in report.rows} if report is not None else {}
    body = "".join(_row(kind, rows.get(kind)) for kind in FileFormat)
    head = "".join(f"<th>{title}</th>" for title in _HEADS)
    st.html(
        "<div class='uth-pk-wide'><table class='uth-board uth-pk-formats' "
        "aria-label='The same weights in every format'>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(kind: FileFormat, row: FormatRow | None) -> str:
    about = KINDS[kind]
    name = f"{html.escape(about.title)}<br><span class='uth-plain'>{html.escape(about.holds)}</span>"
    if row is None:
        measured = "<td>·</td>" * 4
    elif row.problem:
        measured = f"<td colspan='4'><span class='uth-plain'>{text_of(row.problem, 300)}</span></td>"
    else:
        size = "·" if row.size is None else f"{row.size:,}"
        verdict = ""
        if row.verdict is not None:
            verdict = f"<br><span class='uth-plain'>{LOOKS[row.verdict].sign} {row.verdict}</span>"
        measured = (
            f"<td class='short'>{size}{verdict}</td><td class='short'>{_time(row.save)}</td>"
            f"<td class='short'>{_time(row.load)}</td>"
            f"<td>{_source(row)}</td>"
        )
    said = "".join(f"<td>{with_code(text)}</td>" for text in (about.names_code, about.languages, about.risk))
    return f"<tr><td>{name}</td>{measured}{said}</tr>"


def _time(timing: Timing | None) -> str:
    if timing is None:
        return "·"
    return f"{duration(timing.median)}<br><span class='uth-plain'>({duration(timing.first)})</span>"


def _source(row: FormatRow) -> str:
    """Whether a new process without the class's source gets anything out of the file, and what it said."""
    if row.needs_source is None and row.loads_alone is None:
        return "·"
    if row.needs_source is False:
        return "✓ no: it runs without"
    loads = "loads without, and runs with it only" if row.loads_alone else "does not even load without"
    why = f"<br><span class='uth-plain'>{text_of(row.alone, 120)}</span>" if row.alone else ""
    return f"✗ yes: {loads}{why}"
