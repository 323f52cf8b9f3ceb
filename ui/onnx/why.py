"""The Why? tab: what is in the file, whether it computes the same, and where it first drifts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.export.child import Answer, read_cases, read_layers, start_cases, start_layers
from core.export.exporter import ExportedModel
from core.export.finding import shown
from core.export.graph import Graph, Value
from core.export.layers import LayersReport
from core.export.parity import ABSOLUTE, RELATIVE, Case, OutputParity, Session
from core.export.plan import ExportPlan
from core.zoo import MAX_BATCH, InputKind
from ui.job import current_job, start_button, wait_for
from ui.messages import trouble
from ui.numbers import gap
from ui.onnx.inputs import MAX_SEED, WHY_VIEWS
from ui.places import my_place

LAYERS_KEY: Final = "onnx:layers"
CASES_KEY: Final = "onnx:cases"
_TEXTS: Final = 6


def show_why(answer: Answer | None, *, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open."""
    view = st.segmented_control(
        "View", WHY_VIEWS, default=WHY_VIEWS[0], key="view", bind="query-params",
        label_visibility="collapsed", required=True,
    )  # fmt: skip
    if answer is not None and hidden:
        st.caption("Hidden until you have made your guess above.")
    elif answer is None or answer.exported is None:
        st.caption("There is no file to look into yet.")
    elif view == WHY_VIEWS[1]:
        _show_chosen(answer.plan, answer.exported)
        show_cases(answer.cases)
    elif view == WHY_VIEWS[2]:
        _show_layers(answer)
    else:
        _show_report(answer, answer.exported)


def show_graph_facts(graph: Graph) -> None:
    """What a file's protobuf says."""
    left, right = st.columns(2, gap="medium")
    most = max((count for _, count in graph.operators), default=1)
    more = graph.left_out
    with left:
        st.markdown("**Inputs and outputs**")
        st.dataframe(
            [_value_row("input", each) for each in graph.inputs]
            + [_value_row("output", each) for each in graph.outputs],
            hide_index=True, alt="The graph's inputs and outputs with their types and shapes",
        )  # fmt: skip
        if more.inputs or more.outputs:
            st.caption(f"And {more.inputs:,} more inputs, {more.outputs:,} more outputs.")
        st.markdown("**Operators**")
        st.dataframe(
            [{"operator": shown(name), "nodes": count} for name, count in graph.operators],
            hide_index=True, alt="How often each operator occurs",
            column_config={
                "nodes": st.column_config.ProgressColumn(format="%d", min_value=0, max_value=most)
            },
        )  # fmt: skip
        if more.operators:
            st.caption(f"And {more.operators:,} more operators.")
    with right:
        st.markdown("**The file**")
        facts: dict[str, str] = {
            "size": f"{graph.size:,} bytes",
            "nodes": f"{graph.nodes:,}" + (f", subgraphs {graph.depth} deep" if graph.depth else ""),
            "weights": f"{graph.numbers:,} numbers, tensors: {graph.initializers}",
            "operator sets": _some([f"{domain} {version}" for domain, version in graph.opsets], more.opsets),
            "domains": _some(graph.domains, more.domains),
            "IR version": str(graph.ir_version),
            "written by": shown(graph.producer) or "not said",
            "external data": f"in other files: {len(graph.external) + more.external:,}"
            if graph.external
            else "none",
            "local functions": str(graph.functions),
            "metadata": _some([f"{key}={value}" for key, value in graph.metadata], more.metadata),
        }
        st.dataframe(
            [{"": name, "value": value} for name, value in facts.items()],
            hide_index=True, alt="Facts about the file",
        )  # fmt: skip


def _some(texts: Sequence[str], more: int) -> str:
    """The first of some texts from a file, and how many there are besides; `more` of them are not here."""
    more += max(0, len(texts) - _TEXTS)
    listed = ", ".join(map(shown, texts[:_TEXTS])) or "none"
    return f"{listed}, and {more:,} more" if more else listed


def show_cases(cases: tuple[Case, ...]) -> None:
    """Every comparison with eager PyTorch."""
    st.caption(
        "The same inputs through eager PyTorch in evaluation mode, ONNX Runtime, and, where the graph is "
        f"small, ONNX's own reference evaluator. Two numbers agree within {ABSOLUTE:g} + {RELATIVE:g} of "
        "their size; ulp counts the representable numbers between them."
    )
    _draw_cases(cases, "Every comparison with eager PyTorch")


def _show_chosen(plan: ExportPlan, exported: ExportedModel) -> None:
    """One more comparison, on an input that the visitor chooses."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            "Your own input", [kind.value for kind in InputKind], default=InputKind.NORMAL.value,
            key="case:kind", required=True, help="`nan`: one NaN planted in normal numbers",
        )  # fmt: skip
        batch = st.number_input("Batch", 1, MAX_BATCH, 5, step=1, key="case:batch", width=130)
        seed = st.number_input("Seed", 0, MAX_SEED, 7, step=1, key="case:seed", width=150)
    about = repr((plan, kind, batch, seed))
    job = current_job(CASES_KEY, about)
    more = job is not None and job.listen()
    if job is not None and job.made is None and not more:
        job.made = next((found for line in job.lines if (found := read_cases(line))), None)
    if job is not None and job.made is not None:
        _draw_cases(job.made, "The comparison on the chosen input")
        return
    if more:
        wait_for(CASES_KEY, "Comparing, in a process of its own")
        return
    if job is not None:
        trouble(job.process.error or "The comparison ended without a result: start it again.")
    start_button(
        "Compare on it", key=CASES_KEY, about=about, note="Some seconds, in a process of its own.",
        start=lambda: start_cases(
            plan, exported.data, batch=batch, seed=seed, kind=kind, place=my_place()
        ),
    )  # fmt: skip


def _draw_cases(cases: tuple[Case, ...], alt: str) -> None:
    st.dataframe(
        [row for case in cases for row in _case_rows(case)], hide_index=True, height="content", alt=alt
    )


def _case_rows(case: Case) -> list[dict[str, object]]:
    start: dict[str, object] = {
        "": "✓ agrees" if case.parity.agree else "✗ differs",
        "runtime": case.runtime,
        "batch": case.batch,
        "input": case.kind,
        "seed": case.seed,
    }
    if case.parity.problem:
        return [start | {"": "✗ does not run", "where": case.parity.problem}]
    return [start | _output_row(output) for output in case.parity.outputs]


def _output_row(output: OutputParity) -> dict[str, object]:
    found = output.deviation
    if found is None:
        return {"output": output.name, "where": output.problem}
    place = f"{output.name}[{', '.join(map(str, found.index))}]"
    where = f"{place}: {found.eager:.9g} and {found.other:.9g}" if found.absolute else "nowhere"
    return {
        "output": output.name,
        "absolute": gap(found.absolute),
        "relative": gap(found.relative),
        "ulp": found.ulp,
        "where": where,
    }


def _value_row(role: str, value: Value) -> dict[str, object]:
    kind = value.dtype if value.kind == "tensor" else value.kind
    return {"": role, "name": shown(value.name), "type": kind, "shape": shown(value.shape_text)}


def _show_report(answer: Answer, exported: ExportedModel) -> None:
    show_graph_facts(exported.graph)
    files = ", ".join(f"`{name}` {size:,} bytes" for name, size in exported.files)
    st.markdown(
        f"**The export** took {exported.seconds:.2f} s, after {answer.import_seconds:.2f} s of imports, and "
        f"its process held {answer.peak_bytes / 2**20:.0f} MiB at most. It wrote {files}."
        + (
            " The download, the graph and the table above are of one file with all weights in it."
            if len(exported.files) > 1
            else ""
        )
    )
    st.text(f"ONNX's checker: {answer.checker or 'nothing against the file.'}")
    if exported.remarks:
        st.markdown("**What the exporter warned of**")
        st.dataframe(
            [{"in plain words": each.meaning or "", "as it said it": each.said} for each in exported.remarks],
            hide_index=True, alt="The exporter's warnings in plain words and as they were",
        )  # fmt: skip


def _show_layers(answer: Answer) -> None:
    plan = answer.plan
    batch, seed, kind = _telling_input(answer)
    st.caption(
        "Each layer's output in eager PyTorch beside the value in the graph that stands for it, in the order "
        "in which the layers run: the first that drifts is where to look. A layer agrees within "
        f"{ABSOLUTE:g} of its largest number too, for small ones are what is left of sums of large ones. "
        "ONNX Runtime simplifies nothing here, so that every value is there: dropout left in training mode "
        "drops."
    )
    about = repr((plan, batch, seed, kind))
    where = f"batch {batch}, seed {seed}, {kind} numbers"
    job = current_job(LAYERS_KEY, about)
    more = job is not None and job.listen()
    if job is not None and job.made is None and not more:
        job.made = next((found for line in job.lines if (found := read_layers(line))), None)
    if job is not None and job.made is not None:
        _draw_layers(job.made, where)
        return
    if more:
        wait_for(LAYERS_KEY, "Exporting and comparing layer by layer, in a process of its own")
        return
    if job is not None:
        trouble(job.process.error or "The comparison ended without a result: start it again.")
    start_button(
        "Compare the layers", key=LAYERS_KEY, about=about, note=f"At {where}, in a process of its own.",
        start=lambda: start_layers(plan, batch=batch, seed=seed, kind=kind, place=my_place()),
    )  # fmt: skip


def _telling_input(answer: Answer) -> tuple[int, int, str]:
    """Batch, seed and kind of the first comparison that fails; else those of the example."""
    for case in answer.cases:
        if case.runtime == Session.runtime and not case.parity.agree:
            return case.batch, case.seed, case.kind
    return answer.plan.batch, answer.plan.seed, InputKind.NORMAL.value


def _draw_layers(report: LayersReport, where: str) -> None:
    unmatched = len({(row.layer, row.call) for row in report.rows if row.deviation is None})
    if report.problem:
        trouble(report.problem)
    drift = report.first_drift
    if drift is not None:
        st.markdown(f"✗ **The first to drift is `{drift.layer or 'model'}`** ({drift.type}).")
    elif not report.problem:
        missing = f" {unmatched} of their calls have no value in the graph." if unmatched else ""
        st.markdown(f"✓ **No layer drifts** at {where}.{missing}")
    st.dataframe(
        [
            {
                "layer": row.layer or "model",
                "call": row.call,
                "output": row.output,
                "type": row.type,
                "in the graph": row.value,
                "made by": row.op_type,
                "found by": row.how,
                "": "✗ drifts" if row.drifts else "✓ agrees" if row.deviation is not None else "",
                "absolute": "" if row.deviation is None else gap(row.deviation.absolute),
                "ulp": None if row.deviation is None else row.deviation.ulp,
                "note": row.problem,
            }
            for row in report.rows
        ],
        hide_index=True, height="content", alt="Every layer's output in eager PyTorch and in the graph",
    )  # fmt: skip
