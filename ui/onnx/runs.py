"""The Where it runs tab: ONNX Runtime here, in the visitor's own browser, and programs for elsewhere."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from core import zoo
from core.export.child import Answer
from core.export.exporter import ExportedModel
from core.export.graph import Graph
from core.export.parity import compare_output, flatten
from core.export.providers import providers
from core.export.snippets import snippets
from ui.browser_runtime.comparison import compare
from ui.browser_runtime.component import run_in_browser
from ui.browser_runtime.outcome import BrowserRun
from ui.browser_runtime.tensors import BrowserInput
from ui.netron.shelf import Shelved
from ui.netron.site import root
from ui.numbers import gap
from ui.onnx.inputs import PLACES, chosen_model
from ui.onnx.result import file_name
from ui.pickles.inputs import FORMATS_TAB

ROUNDS: Final = 20

Array = NDArray[Any]


def show_runs(answer: Answer | None, *, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open."""
    view = st.segmented_control(
        "Where", PLACES, default=PLACES[0], key="where", bind="query-params", label_visibility="collapsed",
        required=True,
    )  # fmt: skip
    if view == PLACES[1]:
        _show_providers()
    elif answer is not None and hidden:
        st.caption("Hidden until you have made your guess above.")
    elif answer is None or answer.exported is None:
        st.caption("There is no file to run yet.")
    elif view == PLACES[2]:
        show_snippets(
            answer.exported.graph, file_name(answer), answer.plan.model, answer.plan.seed, answer.plan.batch
        )
    else:
        _show_browser(answer, answer.exported)
    _show_formats()


def show_snippets(graph: Graph, name: str, model: str = "", seed: int = 0, batch: int = 2) -> None:
    """Programs in other languages with this file's names and shapes."""
    found = snippets(graph, name, {"batch": batch}, model=model, seed=seed)
    programs = {snippet.language: snippet for snippet in found}
    language = st.pills(
        "Language", list(programs), default=next(iter(programs)), key="language", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    snippet = programs.get(str(language), next(iter(programs.values())))
    tried = "Run by this app's tests." if snippet.tried else "Not run by this app's tests."
    st.caption(f"{snippet.title}. {tried}")
    if snippet.note:
        st.text(snippet.note)
    if snippet.code:
        st.code(snippet.code, language=snippet.highlight)


def _show_providers() -> None:
    st.caption(
        "ONNX Runtime hands a graph to execution providers: those of this server, and why not the others."
    )
    st.dataframe(
        [
            {
                "": "✓ usable" if each.available and not each.reason else "✗ not here",
                "execution provider": each.name,
                "runs on": each.runs_on,
                "why not": each.reason,
            }
            for each in providers()
        ],
        hide_index=True, height="content", alt="ONNX Runtime's execution providers on this server",
    )  # fmt: skip


def _show_browser(answer: Answer, exported: ExportedModel) -> None:
    st.caption(
        "ONNX Runtime Web, served by this app, runs the same file on your machine: WebAssembly, one thread. "
        f"Batch {answer.plan.batch}, the example's numbers."
    )
    if not st.toggle("Run it in this browser", key="onnx:browser"):
        return
    feeds, expected = _example(answer)
    shelved: Shelved | None = st.session_state.get("onnx-graph:netron")
    run = run_in_browser(
        exported.data if shelved is None else f"{root()}/data/{shelved.token}/{shelved.name}",
        [_browser_input(name, array) for name, array in feeds.items()],
        list(expected),
        rounds=ROUNDS,
        key="onnx:browser-run",
    )
    if run is not None:
        _show_run(run, expected)


def _example(answer: Answer) -> tuple[dict[str, Array], dict[str, Array]]:
    """The example's inputs by the graph's names, and what eager PyTorch gives for them."""
    assert answer.exported is not None
    made = answer.plan.build()
    inputs = made.example_inputs(answer.plan.batch, seed=answer.plan.seed)
    args, kwargs = made.arguments(inputs)
    with torch.no_grad():
        outputs = flatten(made.module.eval()(*args, **kwargs))
    graph = answer.exported.graph
    feeds = {value.name: tensor.numpy() for value, tensor in zip(graph.inputs, inputs, strict=False)}
    expected = {value.name: tensor.numpy() for value, tensor in zip(graph.outputs, outputs, strict=False)}
    return feeds, expected


def _browser_input(name: str, array: Array) -> BrowserInput:
    return BrowserInput(name, str(array.dtype), array.shape, np.ascontiguousarray(array).tobytes())


def _show_run(run: BrowserRun, expected: Mapping[str, Array]) -> None:
    given = {output.name: output.values for output in run.outputs}
    for found in compare(run, expected):
        agree = (
            found.shapes_agree and compare_output(found.name, expected[found.name], given[found.name]).agree
        )
        said = f"{gap(found.max_absolute)} apart at most" if found.shapes_agree else f"shape {found.shape}"
        st.text(f"{'✓' if agree else '✗'} {found.name}: {said} from PyTorch on the server.")
    facts = {
        "one call, median": f"{statistics.median(run.timings) * 1e6:.1f} µs over {len(run.timings)} rounds "
        f"of {run.calls} calls",
        "first call": f"{run.first_seconds * 1e3:.2f} ms",
        "session from the file": f"{run.session_seconds * 1e3:.1f} ms",
        "runtime started": f"{run.start_seconds * 1e3:.0f} ms, its files loaded in {run.load_seconds:.2f} s",
        "clock": f"steps of {run.resolution * 1e6:g} µs",
        "threads, SIMD": f"{run.threads}, {'yes' if run.simd else 'no'}",
    }
    st.dataframe(
        [{"": name, "in your browser": value} for name, value in facts.items()],
        hide_index=True, alt="How long the run took in this browser",
    )  # fmt: skip


def _show_formats() -> None:
    """Leads on to this model as a pickle, safetensors and more; of those that the pickles lab has."""
    title = zoo.titles().get(chosen_model())
    asked = {"tab": FORMATS_TAB} | ({} if title is None else {"model": title})
    st.page_link(
        "pages/pickles.py", label="The same weights in every format", icon=":material/table:",
        query_params=asked,
    )  # fmt: skip
