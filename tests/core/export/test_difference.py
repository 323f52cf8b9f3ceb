"""The difference of two graphs is what was done to one of them."""

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from core.export.difference import MAX_CELLS, Change, GraphDiff, NodeRow, OpChange, diff

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
    words = [
        TensorProto(name="a", data_type=TensorProto.STRING, dims=[1], string_data=[word])
        for word in (b"one", b"one", b"two")
    ]
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
