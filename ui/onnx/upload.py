"""A visitor's own file: examined before anything runs it, then run once in a limited process."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Final

import streamlit as st

from core.export.child import read_stage, read_trial, read_upload, start_upload
from core.export.finding import Finding, Severity, shown
from core.export.trial import OPEN_SIZE, Given, Trial
from core.export.upload import MAX_BYTES, Upload, examine
from core.process import ProcessError
from ui.cards import card, show_cards, verdict
from ui.job import Job, current_job, stop_job, wait_for
from ui.limits import limits
from ui.messages import trouble
from ui.netron.frame import show
from ui.netron.shelf import Shelved
from ui.numbers import gap
from ui.onnx.why import show_graph_facts
from ui.places import my_place

KEY: Final = "onnx:upload"
GRAPH_KEY: Final = "onnx-graph"
"""The frame that shows the graph; the page's own models are shown in the same."""


@dataclass
class Uploaded:
    """What is known of a file so far.

    Attributes:
        upload: the examination.
        checker: what ONNX's checker has against it; None as long as it was not asked.
        trial: the run; None if there was none, and then `problem` says why if it should have been.
    """

    upload: Upload
    checker: str | None = None
    trial: Trial | None = None
    problem: str = ""


def choose_file() -> tuple[str, bytes, str] | None:
    """Draws the place for a file; its name, its bytes and what tells it from others, or None."""
    chosen = st.file_uploader(
        "An ONNX file", key="onnx:file", max_upload_size=min(MAX_BYTES // 2**20, limits().max_upload_mb),
        help="It is examined before anything runs it, and forgotten when you leave",
    )  # fmt: skip
    if chosen is None:
        forget_file()
        return None
    return chosen.name, chosen.getvalue(), chosen.file_id


def forget_file() -> None:
    """Ends what goes on with the visit's file, and keeps nothing of it: Netron gives it out no longer."""
    stop_job(KEY)
    st.session_state.pop(f"{KEY}:stopped", None)
    shelved: Shelved | None = st.session_state.pop(f"{GRAPH_KEY}:netron", None)
    if shelved is not None:
        shelved.close()


def leave_file() -> None:
    """The same when the visitor has gone back to a model from here; nothing if there was no file."""
    if KEY in st.session_state:
        forget_file()


def uploaded(name: str, data: bytes, file_id: str) -> Uploaded | None:
    """What is known of a file; None while it is being examined, and then it draws how far it is.

    Args:
        name: what it is called.
        data: its bytes.
        file_id: tells this upload from every other one of the visit.
    """
    if len(data) > MAX_BYTES:
        return Uploaded(examine(data, name))  # which reads nothing of it
    about = f"{file_id} {name}"
    job = current_job(KEY, about)
    if job is None and st.session_state.get(f"{KEY}:stopped") == about:
        _again("Stopped.")
        return None
    if job is None:
        job = _begin(about, name, data)
        if job is None:
            return None
    more = job.listen()
    found = _read(job)
    if more:
        wait_for(KEY, _words, on_stop=lambda: _remember_stopped(about))
        return None
    if found is None:
        _again(job.process.error or "The examination ended without an answer.")
        return None
    if found.trial is None and not found.upload.refused:
        found.problem = job.process.error or "Its run ended without an answer."
    return found


def _begin(about: str, name: str, data: bytes) -> Job | None:
    st.session_state.pop(f"{KEY}:stopped", None)
    try:
        job = Job(about, start_upload(data, name, place=my_place()))
    except ProcessError as error:
        _again(str(error))
        return None
    st.session_state[KEY] = job
    return job


def _again(said: str) -> None:
    trouble(said)

    def clicked() -> None:
        stop_job(KEY)
        st.session_state.pop(f"{KEY}:stopped", None)

    st.button("Examine it", key=f"{KEY}:again", icon=":material/play_arrow:", on_click=clicked)


def _remember_stopped(about: str) -> None:
    st.session_state[f"{KEY}:stopped"] = about


def _read(job: Job) -> Uploaded | None:
    for line in job.lines:
        upload = read_upload(line)
        if upload is not None:
            job.made = Uploaded(upload)
        tried = read_trial(line)
        if tried is not None and job.made is not None:
            job.made.checker, job.made.trial = tried
    job.lines = [line for line in job.lines if "stage" in line]
    made: Uploaded | None = job.made
    return made


def _words(job: Job) -> str:
    stages = [stage for line in job.lines if (stage := read_stage(line))]
    return f"In a process of its own: {stages[-1]}" if stages else "Examining the file"


def show_uploaded(found: Uploaded, *, projector: bool) -> None:
    """The stage for a visitor's file: the verdict, what was found, and the graph."""
    show_cards(*_cards(found), verdict(*_verdict(found)))
    upload = found.upload
    if upload.findings:
        st.html(
            "<table class='uth-board'><thead><tr><th></th><th>what is in the file</th><th>where</th>"
            f"<th>what to do</th></tr></thead><tbody>{''.join(map(_row, upload.findings))}</tbody></table>"
        )
    if not upload.refused:
        show(
            upload.data, upload.name or "model.onnx", key=GRAPH_KEY, height=300 if projector else 330,
            alt=f"The graph of {upload.name} in Netron",
        )  # fmt: skip


def _row(finding: Finding) -> str:
    refused = finding.severity is Severity.REFUSED
    sign, state = ("✗ refused", "silent") if refused else ("! to know", "hidden")
    cells = "".join(f"<td>{html.escape(text)}</td>" for text in (finding.what, finding.where, finding.advice))
    return f"<tr><td class='said-{state}'>{sign}</td>{cells}</tr>"


def show_uploaded_facts(found: Uploaded) -> None:
    """The Why? tab for a visitor's file: what is in it, and what its run gave."""
    if found.upload.graph is not None:
        show_graph_facts(found.upload.graph)
    if found.trial is None:
        st.caption(found.problem or "A refused file is not run.")
        return
    if not found.trial.tried:
        st.caption(f"It was not run. {found.trial.problem}")
        return
    st.markdown("**One run in ONNX Runtime**, on inputs made for it, beside ONNX's reference evaluator")
    shapes = ", ".join(f"{shown(name)} {shape}" for name, shape in found.trial.shapes) or "none"
    more = f" and {found.trial.more_shapes:,} more" if found.trial.more_shapes else ""
    st.text(f"Inputs: {shapes}{more}. Sizes that the graph leaves open were set to {OPEN_SIZE}.")
    if found.trial.problem:
        trouble(found.trial.problem)
    else:
        st.dataframe(
            [_given_row(each) for each in found.trial.outputs],
            hide_index=True, height="content", alt="What the file gave, output by output",
        )  # fmt: skip
        if found.trial.more_outputs:
            st.caption(f"And {found.trial.more_outputs:,} more outputs.")


def _given_row(given: Given) -> dict[str, object]:
    found = None if given.parity is None else given.parity.deviation
    compared = "" if given.parity is None else given.parity.problem
    if found is not None:
        compared = f"{'✓' if found.agree else '✗'} {gap(found.absolute)} apart"
    return {
        "output": shown(given.name),
        "dtype": given.dtype,
        "shape": "" if given.problem else str(given.shape),
        "first numbers": given.problem or ", ".join(given.first),
        "reference evaluator": compared,
    }


def _cards(found: Uploaded) -> list[str]:
    graph = found.upload.graph
    if graph is None:
        return []
    opset = "none" if graph.opset is None else str(graph.opset)
    return [
        card("opset", opset, "forward"),
        card("nodes · bytes", f"{graph.nodes:,} · {graph.size:,}", "forward"),
    ]


def _verdict(found: Uploaded) -> tuple[str, str, str]:
    refused = [each for each in found.upload.findings if each.severity is Severity.REFUSED]
    if refused:
        return "✗", "refused, and nothing of it was run", refused[0].what
    if found.problem:
        return "✗", "examined, but its run was ended", found.problem
    if found.trial is not None and not found.trial.tried:
        if found.checker:
            return "✗", "not run, and ONNX's checker objects", found.checker
        return "✓", "examined; the lab cannot make inputs for it", found.trial.problem
    if found.trial is not None and found.trial.problem:
        return "✗", "it does not run", found.trial.problem
    if found.checker:
        return "✗", "it runs, but ONNX's checker objects", found.checker
    return "✓", "examined, and it runs", "ONNX Runtime ran it once on inputs made for it."
