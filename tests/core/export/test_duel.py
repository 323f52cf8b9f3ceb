"""The duel of the two exporters says what was measured, and which is better."""

import dataclasses
from collections.abc import Sequence

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.export.child import Answer, check
from core.export.difference import diff
from core.export.duel import DuelRow, duel
from core.export.exporter import export
from core.export.parity import Session, sweep
from core.export.plan import Exporter, ExportError, ExportPlan
from tests.core.export.test_difference import gaps, turned

PAIRS = ("lstm", "cnn", "transformer")


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, Exporter], Answer]:
    """What the exporters make of three models, and one that the legacy one refuses."""
    found = {}
    for name in PAIRS:
        for exporter in Exporter:
            found[name, exporter] = answer(ExportPlan(name, exporter=exporter))
    found["pooled", Exporter.LEGACY] = answer(ExportPlan("pooled", exporter=Exporter.LEGACY))
    return found


def answer(plan: ExportPlan) -> Answer:
    made = plan.build()
    try:
        exported = export(plan, made)
    except ExportError as error:
        return Answer(plan, None, str(error), "", (), 300 * 2**20, 2.0)
    cases = sweep(made, exported.data, batches=(1, 3), seeds=(0,))
    return Answer(plan, exported, "", check(exported.data), cases, 310 * 2**20, 2.1)


def by_name(rows: Sequence[DuelRow]) -> dict[str, DuelRow]:
    return {row.what: row for row in rows}


@pytest.mark.parametrize("name", PAIRS)
def test_dynamo_against_legacy(answers: dict[tuple[str, Exporter], Answer], name: str) -> None:
    first, second = answers[name, Exporter.DYNAMO], answers[name, Exporter.LEGACY]
    assert first.exported is not None
    assert second.exported is not None
    found = duel(first, second)
    rows = by_name(found.rows)
    assert (rows["nodes"].first, rows["nodes"].second) == (
        str(first.exported.graph.nodes), str(second.exported.graph.nodes)
    )  # fmt: skip
    assert rows["export"].winner == "second"
    assert rows["import"].winner == rows["peak memory"].winner == ""
    assert rows["peak memory"].first == "310 MiB"
    assert (rows["open axes kept"].first, rows["open axes kept"].second) == ("1 of 1", "1 of 1")
    assert rows["cases that agree"].first == f"{len(first.cases)} of {len(first.cases)}"
    worst = max(case.parity.absolute for case in second.cases if case.runtime == Session.runtime)
    assert rows["largest difference"].second.startswith(f"{worst:.3g} at batch ")
    assert rows["largest difference"].winner == ""
    assert rows["opset"].second == "15, asked for 15"
    assert rows["opset"].winner == ("" if first.exported.opset == 15 else "second")
    assert found.diff is not None
    assert not found.diff.same
    assert found.diff.opsets == (first.exported.opset, 15)
    for place, side in enumerate(("first", "second")):
        model = onnx.load_model_from_string((first, second)[place].exported.data)  # type: ignore[union-attr]  # see above
        named = [getattr(row, side) for row in found.diff.rows if row.only in {"", side}]
        assert named == [node.name for node in model.graph.node]
    assert diff(first.exported.data, first.exported.data).same
    assert gaps(turned(found.diff)) == gaps(diff(second.exported.data, first.exported.data))


def test_what_the_exporters_are_known_for(answers: dict[tuple[str, Exporter], Answer]) -> None:
    found = {
        name: duel(answers[name, Exporter.DYNAMO], answers[name, Exporter.LEGACY]).diff for name in PAIRS
    }
    transformer, cnn, lstm = found["transformer"], found["cnn"], found["lstm"]
    assert transformer is not None
    assert cnn is not None
    assert lstm is not None
    assert "LayerNormalization" in {each.operator for each in transformer.removed}
    assert "Constant" in {each.operator for each in transformer.added}
    assert {each.operator for each in cnn.added} == {"GlobalAveragePool", "Flatten"}
    assert ("conv1.weight", "onnx::Conv_28") in cnn.weights.renamed
    # Both write the LSTM as one operator, and legacy without the attributes that have their default.
    [row] = [row for row in lstm.rows if row.operator == "LSTM"]
    assert (row.only, row.attributes) == ("", ())


def test_a_refusal_loses_and_there_is_nothing_else_to_compare(
    answers: dict[tuple[str, Exporter], Answer],
) -> None:
    refused, made = answers["pooled", Exporter.LEGACY], answers["cnn", Exporter.LEGACY]
    found = duel(refused, made)
    rows = by_name(found.rows)
    assert found.diff is None
    assert rows["the exporter"] == DuelRow("the exporter", refused.refusal, "exports it", "second")
    assert [row.what for row in found.rows if row.winner] == ["the exporter"]
    assert rows["bytes"].first == "none"
    assert rows["import"].first == "2.00 s"
    both = duel(refused, refused)
    assert not any(row.winner for row in both.rows)


def test_an_axis_that_was_lost_is_named(answers: dict[tuple[str, Exporter], Answer]) -> None:
    open_one = answers["cnn", Exporter.LEGACY]
    closed = answer(ExportPlan("cnn", exporter=Exporter.LEGACY, dynamic=()))
    # As if the batch had been asked for, and the exporter had kept the example's.
    row = by_name(duel(open_one, dataclasses.replace(closed, plan=open_one.plan)).rows)["open axes kept"]
    assert (row.first, row.second, row.winner) == ("1 of 1", "0 of 1, not x:0", "first")
    row = by_name(duel(open_one, closed).rows)["open axes kept"]
    assert (row.second, row.winner) == ("none asked for", "")
    rows = by_name(duel(open_one, closed).rows)
    assert rows["largest difference"].second.startswith("batch 1: ")
    assert rows["largest difference"].winner == rows["cases that agree"].winner == "first"


def test_a_wrong_number_loses_against_a_right_one(answers: dict[tuple[str, Exporter], Answer]) -> None:
    wrong = answer(ExportPlan("early_exit", exporter=Exporter.LEGACY))
    rows = by_name(duel(wrong, answers["cnn", Exporter.LEGACY]).rows)
    worst = max(case.parity.absolute for case in wrong.cases)
    assert worst > 1e-3
    assert rows["largest difference"].first.startswith(f"{worst:.3g} at batch 3")
    assert rows["largest difference"].winner == "second"


@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_a_difference_of_a_tenth_says_nothing(first: float, second: float) -> None:
    plan = ExportPlan()
    made = [Answer(plan, None, "no", "", (), 0, seconds) for seconds in (first, second)]
    row = by_name(duel(*made).rows)["import"]
    near = abs(first - second) <= 0.1 * max(first, second)
    assert row.winner == ("" if near else "first" if first < second else "second")
    assert by_name(duel(*made).rows)["peak memory"].first == "?"
