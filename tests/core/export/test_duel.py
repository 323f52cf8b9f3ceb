"""The difference of two graphs is what was done to one of them; the table says what was measured."""

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from core.export.child import Answer, check
from core.export.duel import MAX_CELLS, Change, DuelRow, GraphDiff, NodeRow, OpChange, diff, duel
from core.export.exporter import export
from core.export.parity import sweep
from core.export.plan import Exporter, ExportError, ExportPlan

PAIRS = ("lstm", "cnn", "transformer")
OPERATORS = ("Relu", "Tanh", "Neg", "Abs", "Exp")


def graph(
    operators: Sequence[str],
    *,
    names: Sequence[str] = (),
    weights: Sequence[TensorProto] = (),
    size: int | str = "batch",
    opset: int = 15,
) -> onnx.ModelProto:
    """A chain of operators."""
    names = names or [f"n{place}" for place in range(len(operators))]
    nodes = [
        helper.make_node(operator, [f"v{place}"], [f"v{place + 1}"], name=name)
        for place, (operator, name) in enumerate(zip(operators, names, strict=True))
    ]
    made = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("v0", TensorProto.FLOAT, [size, 4])],
        [helper.make_tensor_value_info(f"v{len(operators)}", TensorProto.FLOAT, ["batch", 4])],
        list(weights),
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)])


def weight(name: str, numbers: Sequence[float], *, raw: bool = False) -> TensorProto:
    if raw:
        return onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight("", numbers)), name)
    return helper.make_tensor(name, TensorProto.FLOAT, [len(numbers)], list(numbers))


def turned(found: GraphDiff) -> GraphDiff:
    """The difference as it would be the other way round, without the order inside of a gap."""

    def turn(changes: Sequence[Change]) -> tuple[Change, ...]:
        return tuple(sorted((Change(each.name, each.second, each.first) for each in changes), key=str))

    sides = {"first": "second", "second": "first", "": ""}
    weights = found.weights
    return dataclasses.replace(
        found,
        added=tuple(OpChange(each.operator, each.second, each.first) for each in found.removed),
        removed=tuple(OpChange(each.operator, each.second, each.first) for each in found.added),
        changed=tuple(OpChange(each.operator, each.second, each.first) for each in found.changed),
        rows=tuple(
            NodeRow(sides[row.only], row.operator, row.second, row.first, turn(row.attributes))  # type: ignore[arg-type]  # its values are sides too
            for row in found.rows
        ),
        inputs=turn(found.inputs),
        outputs=turn(found.outputs),
        opsets=(found.opsets[1], found.opsets[0]),
        weights=dataclasses.replace(
            weights,
            renamed=tuple((second, first) for first, second in weights.renamed),
            only_first=weights.only_second,
            only_second=weights.only_first,
        ),
    )


def gaps(found: GraphDiff) -> list[set[NodeRow]]:
    """The rows, with those of each gap between nodes that both have as a set."""
    sets: list[set[NodeRow]] = [set()]
    for row in found.rows:
        if row.only:
            sets[-1].add(row)
        else:
            attributes = tuple(sorted(row.attributes, key=str))
            sets += [{dataclasses.replace(row, attributes=attributes)}, set()]
    return sets


operators = st.lists(st.sampled_from(OPERATORS), max_size=14)


@given(operators)
def test_a_graph_does_not_differ_from_itself(chain: list[str]) -> None:
    found = diff(graph(chain), graph(chain).SerializeToString())
    assert found.same
    assert [(row.only, row.first, row.second) for row in found.rows] == [
        ("", f"n{place}", f"n{place}") for place in range(len(chain))
    ]


@given(operators, st.data())
def test_nodes_that_are_put_in_are_found_and_no_others(chain: list[str], data: st.DataObject) -> None:
    longer, names = list(chain), [f"n{place}" for place in range(len(chain))]
    count = data.draw(st.integers(1, 4))
    for number in range(count):
        place = data.draw(st.integers(0, len(longer)))
        longer.insert(place, data.draw(st.sampled_from(["Sin", "Cos"])))
        names.insert(place, f"new{number}")
    found = diff(graph(chain), graph(longer, names=names))
    assert {row.second for row in found.rows if row.only} == {f"new{number}" for number in range(count)}
    assert all(row.only == "second" for row in found.rows if row.only)
    assert [(row.first, row.second) for row in found.rows if not row.only] == [
        (f"n{place}", f"n{place}") for place in range(len(chain))
    ]
    assert {each.operator: each.second for each in found.added} == Counter(longer) - Counter(chain)
    assert not found.removed
    assert not found.changed


@given(operators.filter(bool), st.data())
def test_nodes_that_are_taken_out_are_found(chain: list[str], data: st.DataObject) -> None:
    kept = sorted(data.draw(st.sets(st.integers(0, len(chain) - 1))))
    shorter = [chain[place] for place in kept]
    found = diff(graph(chain), graph(shorter))
    assert all(row.only != "second" for row in found.rows)
    assert sum(row.only == "first" for row in found.rows) == len(chain) - len(kept)
    lost = [*found.removed, *found.changed]
    assert {each.operator: each.first - each.second for each in lost} == Counter(chain) - Counter(shorter)


@given(operators, operators)
def test_no_longer_pairing_keeps_the_order(first: list[str], second: list[str]) -> None:
    found = diff(graph(first), graph(second))
    assert [row.operator for row in found.rows if row.only != "second"] == first
    assert [row.operator for row in found.rows if row.only != "first"] == second
    # The edit distance without replacements, from one row of its table to the next, is the witness.
    distances = list(range(len(second) + 1))
    for operator in first:
        row = [distances[0] + 1]
        for place, other in enumerate(second):
            row.append(distances[place] if operator == other else 1 + min(distances[place + 1], row[-1]))
        distances = row
    assert sum(bool(row.only) for row in found.rows) == distances[-1]


@given(operators, operators, st.integers(13, 15), st.sampled_from(["batch", 2]))
def test_the_other_way_round_it_is_the_same(
    first: list[str], second: list[str], opset: int, size: int | str
) -> None:
    one = graph(first, weights=[weight("a", [1]), weight("b", [2])])
    other = graph(second, weights=[weight("b", [1]), weight("c", [3])], opset=opset, size=size)
    found, back = turned(diff(one, other)), diff(other, one)
    assert gaps(found) == gaps(back)
    assert dataclasses.replace(found, rows=()) == dataclasses.replace(
        back,
        rows=(),
        inputs=tuple(sorted(back.inputs, key=str)),
        outputs=tuple(sorted(back.outputs, key=str)),
    )


@given(operators, st.data())
def test_names_of_nodes_are_no_difference(chain: list[str], data: st.DataObject) -> None:
    names = [data.draw(st.text("abc/_", max_size=5)) for _ in chain]
    found = diff(graph(chain), graph(chain, names=names))
    assert found.same
    assert [row.second for row in found.rows] == names


def test_an_attribute_differs_and_its_default_does_not() -> None:
    def one(opset: int, **attributes: object) -> onnx.ModelProto:
        made = graph(["Softmax"], opset=opset)
        made.graph.node[0].attribute.extend(helper.make_attribute(*each) for each in attributes.items())
        return made

    assert diff(one(15), one(15, axis=-1)).same
    [row] = diff(one(15), one(15, axis=0)).rows
    assert row.attributes == (Change("axis", "-1", "0"),)
    # Its default is another one in older opsets.
    [row] = diff(one(11), one(15)).rows
    assert row.attributes == (Change("axis", "1", "-1"),)
    # An operator that ONNX does not define has no defaults.
    made = [one(15, word=b"a" * 100), one(15, word=b"a" * 99 + b"b")]
    for each in made:
        each.graph.node[0].domain = "mine"
    [row] = diff(*made).rows
    assert row.operator == "mine::Softmax"
    [change] = row.attributes
    assert change.name == "word"
    assert change.first[:60] == change.second[:60]
    assert change.first != change.second
    assert len(change.first) < 80


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (1, 2, ("1", "2")),
        (0.1, 0.2, ("0.100000001", "0.200000003")),
        ([1, 2], [1, 3], ("[1, 2]", "[1, 3]")),
        ([0.5], [1.5], ("[0.5]", "[1.5]")),
        (b"x\xff", b"'", ("'x\\\\xff'", '"\'"')),
        (graph(["Relu"]).graph, graph(["Tanh"]).graph, ("graph", "graph")),
        (weight("", [1, 2]), weight("", [1, 3]), ("float (2,)", "float (2,)")),
    ],
)
def test_every_kind_of_attribute_is_said_in_words(
    first: object, second: object, said: tuple[str, str]
) -> None:
    models = [graph(["Relu"]), graph(["Relu"])]
    for model, value in zip(models, (first, second), strict=True):
        model.graph.node[0].attribute.append(helper.make_attribute("a", value))
    [row] = diff(*models).rows
    [change] = row.attributes
    assert change.first.startswith(said[0])
    assert change.second.startswith(said[1])
    assert change.first != change.second
    assert diff(models[0], models[0]).same


def test_weights_are_known_by_their_bits() -> None:
    one = graph([], weights=[weight(*each) for each in (("a", [1, 2]), ("b", [3]), ("c", [4]), ("d", [5]))])
    other = graph(
        [],
        weights=[
            weight("a", [1, 2], raw=True),
            weight("x", [3], raw=True),
            weight("c", [6]),
            weight("e", [7]),
        ],
    )
    found = diff(one, other).weights
    assert found.same == 1
    assert found.renamed == (("b", "x"),)
    assert found.changed == ("c",)
    assert found.only_first == ("d",)
    assert found.only_second == ("e",)
    # The same bits in another shape or of another sign are other weights.
    assert diff(
        graph([], weights=[weight("a", [0.0])]), graph([], weights=[weight("a", [-0.0])])
    ).weights.changed
    column = weight("a", [1, 2])
    column.dims[:] = [2, 1]
    assert diff(graph([], weights=[weight("a", [1, 2])]), graph([], weights=[column])).weights.changed == (
        "a",
    )


def test_two_names_that_swap_their_weights_are_renamed() -> None:
    one = graph([], weights=[weight("a", [1]), weight("b", [2])])
    other = graph([], weights=[weight("a", [2]), weight("b", [1])])
    assert diff(one, other).weights.renamed == (("a", "b"), ("b", "a"))


def test_a_weight_in_another_file_is_not_read() -> None:
    models = []
    for offset in ("0", "0", "8"):
        tensor = weight("a", [1])
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", "/etc/hostname"), ("offset", offset)):
            tensor.external_data.add(key=key, value=value)
        models.append(graph([], weights=[tensor]))
    assert diff(models[0], models[1]).same
    assert diff(models[0], models[2]).weights.changed == ("a",)


def test_strings_are_weights_too() -> None:
    words = [helper.make_tensor("a", TensorProto.STRING, [1], [word]) for word in (b"one", b"one", b"two")]
    models = [graph([], weights=[each]) for each in words]
    assert diff(models[0], models[1]).same
    assert diff(models[0], models[2]).weights.changed == ("a",)


def test_inputs_outputs_and_opsets_that_differ_are_named() -> None:
    found = diff(graph(["Relu"]), graph(["Relu", "Neg"], size=2, opset=18))
    assert found.inputs == (Change("v0", "float (batch, 4)", "float (2, 4)"),)
    assert found.outputs == (Change("v1", "float (batch, 4)", ""), Change("v2", "", "float (batch, 4)"))
    assert found.opsets == (15, 18)


def test_graphs_that_are_too_long_are_not_laid_side_by_side() -> None:
    half = math.isqrt(MAX_CELLS)
    found = diff(graph(["Relu"] * half), graph(["Relu"] * (half + 1)))
    assert not found.aligned
    assert found.rows == ()
    assert found.changed == (OpChange("Relu", half, half + 1),)
    longer = graph(["Relu"] * (half + 1))
    assert not diff(longer, longer).same


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
    worst = max(case.parity.absolute for case in second.cases)
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
