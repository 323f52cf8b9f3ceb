"""The What if? tab: the other exporter on the same model."""

from __future__ import annotations

import dataclasses
from typing import Final

import streamlit as st

from core.export.child import Answer, read_answer, start_export
from core.export.difference import Change, GraphDiff
from core.export.duel import Duel, duel
from core.export.plan import MAX_LEGACY_OPSET, Exporter, ExportPlan
from ui.job import current_job, start_button, wait_for
from ui.messages import trouble
from ui.onnx.exports import the_answers
from ui.places import my_place

KEY: Final = "onnx:duel"


def show_what_if(answer: Answer | None, *, hidden: bool) -> None:
    """Draws the tab; `hidden` while a prediction is open."""
    st.markdown("**dynamo against legacy**: the same model through PyTorch's other exporter.")
    if answer is None:
        st.caption("The comparison is here as soon as there is an export.")
        return
    if hidden:
        st.caption("Hidden until you have made your guess above.")
        return
    plan = _other(answer.plan)
    if plan.opset != answer.plan.opset:
        st.caption(f"The legacy exporter knows opsets up to {MAX_LEGACY_OPSET}, and is asked for that one.")
    other = the_answers().get(plan) or _other_answer(plan)
    if other is not None:
        pair = (answer, other) if answer.plan.exporter is Exporter.DYNAMO else (other, answer)
        _draw(duel(*pair))


def _other(plan: ExportPlan) -> ExportPlan:
    if plan.exporter is Exporter.LEGACY:
        return dataclasses.replace(plan, exporter=Exporter.DYNAMO)
    return dataclasses.replace(plan, exporter=Exporter.LEGACY, opset=min(plan.opset, MAX_LEGACY_OPSET))


def _other_answer(plan: ExportPlan) -> Answer | None:
    job = current_job(KEY, repr(plan))
    more = job is not None and job.listen()
    if job is not None and not more:
        found = next((found for line in job.lines if (found := read_answer(line))), None)
        if found is not None:
            the_answers().put(found)
            return found
        trouble(job.process.error or "The export ended without an answer: start it again.")
    if more:
        wait_for(KEY, f"Exporting with {plan.exporter}, in a process of its own")
        return None
    start_button(
        f"Export with {plan.exporter}", key=KEY, about=repr(plan),
        start=lambda: start_export(plan, place=my_place()), note="A few seconds, in a process of its own.",
    )  # fmt: skip
    return None


def _draw(found: Duel) -> None:
    st.dataframe(
        [
            {
                "": row.what,
                "dynamo": _marked(row.first, won=row.winner == "first"),
                "legacy": _marked(row.second, won=row.winner == "second"),
                "note": row.note,
            }
            for row in found.rows
        ],
        hide_index=True, height="content", alt="The two exporters compared, a line per measure",
    )  # fmt: skip
    if found.diff is not None:
        _draw_diff(found.diff)


def _marked(text: str, *, won: bool) -> str:
    return f"{text} ✓" if won else text


def _draw_diff(diff: GraphDiff) -> None:
    if diff.same:
        st.markdown("The two graphs have the same nodes and weights.")
        return
    operators, values = st.columns(2, gap="medium")
    with operators:
        st.markdown("**Operators** only in one of the graphs, or more often in one")
        st.dataframe(
            [
                {"operator": each.operator, "dynamo": each.first, "legacy": each.second}
                for each in (*diff.added, *diff.removed, *diff.changed)
            ],
            hide_index=True, height="content", alt="Operators that differ between the two graphs",
        )  # fmt: skip
    with values:
        st.markdown("**Weights, inputs and outputs**")
        weights = diff.weights
        st.dataframe(
            [
                {"": "weights of the same bits and name", "value": str(weights.same)},
                {"": "of the same bits under another name", "value": str(len(weights.renamed))},
                {"": "of other bits under the same name", "value": str(len(weights.changed))},
                {"": "only in dynamo's", "value": str(len(weights.only_first))},
                {"": "only in legacy's", "value": str(len(weights.only_second))},
                *(
                    {"": "input or output", "value": _change(each)} for each in (*diff.inputs, *diff.outputs)
                ),
            ],
            hide_index=True, height="content", alt="Weights, inputs and outputs that differ",
        )  # fmt: skip
    if not diff.aligned:
        st.caption("The graphs are too long to lay them side by side, node by node.")
        return
    st.markdown("**Node by node**")
    said = {"": "in both", "first": "only in dynamo's", "second": "only in legacy's"}
    st.dataframe(
        [
            {
                "": said[row.only],
                "operator": row.operator,
                "dynamo": row.first,
                "legacy": row.second,
                "attributes that differ": "; ".join(map(_change, row.attributes)),
            }
            for row in diff.rows
        ],
        hide_index=True, alt="The nodes of both graphs, laid side by side",
    )  # fmt: skip


def _change(change: Change) -> str:
    return f"{change.name}: {change.first or 'none'} → {change.second or 'none'}"
