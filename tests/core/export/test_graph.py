import json

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from core import wire
from core.export.finding import SHOWN
from core.export.graph import LISTED, Graph, LeftOut, brief, describe, dtype_name, tensors_of, value, walk

FLOAT = TensorProto.FLOAT


def info(name: str, shape: list[int | str | None] | None, element: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element, shape)


def branch(*nodes: onnx.NodeProto, initializers: tuple[onnx.TensorProto, ...] = ()) -> onnx.GraphProto:
    return helper.make_graph(nodes, "branch", [], [info("b", None)], list(initializers))


def everything() -> onnx.ModelProto:
    """A model with a tensor in every place that one can be in, each with its own name."""

    def tensor(name: str) -> onnx.TensorProto:
        return helper.make_tensor(name, FLOAT, [2], [1.0, 2.0])

    def indices(name: str) -> onnx.TensorProto:
        return helper.make_tensor(name, TensorProto.INT64, [2], [0, 1])

    def constant(name: str, content: onnx.TensorProto | onnx.SparseTensorProto) -> onnx.NodeProto:
        kind = "value" if isinstance(content, TensorProto) else "sparse_value"
        node = helper.make_node("Constant", [], [name])
        node.attribute.append(helper.make_attribute(kind, content))
        return node

    def sparse(name: str) -> onnx.SparseTensorProto:
        return helper.make_sparse_tensor(tensor(name), indices(f"{name}-i"), [4])

    inner = helper.make_node(
        "If", ["c"], ["b"], then_branch=branch(constant("b", tensor("deep"))), else_branch=branch()
    )
    odd = helper.make_node("Custom", ["x"], ["o"], domain="custom")
    odd.attribute.append(
        AttributeProto(
            name="many",
            type=AttributeProto.TENSORS,
            tensors=[tensor("listed")],
            sparse_tensors=[sparse("listed-sparse")],
            graphs=[branch(initializers=(tensor("in-list"),))],
        )
    )
    function = helper.make_function(
        "local", "F", ["x"], ["y"], [constant("c", tensor("in-function"))], [helper.make_opsetid("", 20)]
    )
    function.attribute_proto.append(helper.make_attribute("a", tensor("default")))
    graph = helper.make_graph(
        [
            helper.make_node(
                "If", ["c"], ["y"], then_branch=branch(inner, initializers=(tensor("in-branch"),))
            ),
            constant("k", tensor("attribute")),
            constant("s", sparse("sparse-attribute")),
            odd,
        ],
        "main",
        [info("x", ["batch", 3]), info("w", [2])],
        [info("y", None)],
        [tensor("w")],
        sparse_initializer=[sparse("sparse")],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("local", 1)],
        functions=[function],
        producer_name="tester",
        producer_version="1.2",
        ir_version=10,
    )
    model.training_info.add().algorithm.initializer.append(tensor("training"))
    helper.set_model_props(model, {"author": "someone"})
    return model


def test_tensors_are_found_in_every_place() -> None:
    assert sorted(tensor.name for tensor in tensors_of(everything())) == sorted([
        "w", "sparse", "sparse-i", "attribute", "sparse-attribute", "sparse-attribute-i", "listed",
        "listed-sparse", "listed-sparse-i", "in-list", "in-branch", "deep", "in-function", "default",
        "training",
    ])  # fmt: skip


def test_nodes_are_walked_with_their_depth() -> None:
    found = sorted((node.op_type, depth) for node, depth in walk(everything()))
    assert found == [
        ("Constant", 0), ("Constant", 0), ("Constant", 0), ("Constant", 2), ("Custom", 0), ("If", 0),
        ("If", 1),
    ]  # fmt: skip


def test_a_model_is_described() -> None:
    found = describe(everything(), 1234)
    assert (found.size, found.ir_version, found.producer) == (1234, 10, "tester 1.2")
    assert found.opsets == (("ai.onnx", 20), ("local", 1))
    assert found.opset == 20
    assert [each.name for each in found.inputs] == ["x"]
    assert [each.name for each in found.outputs] == ["y"]
    assert (found.nodes, found.depth, found.functions, found.initializers) == (7, 2, 1, 2)
    assert found.operators == (("Constant", 4), ("If", 2), ("custom::Custom", 1))
    assert found.domains == ("ai.onnx", "custom")
    assert found.numbers == 4
    assert found.external == ()
    assert found.metadata == (("author", "someone"),)


def test_an_empty_model_is_described() -> None:
    found = describe(onnx.ModelProto(), 0)
    assert (found.nodes, found.opset, found.inputs, found.external) == (0, None, (), ())


def test_the_default_operator_set_is_the_first() -> None:
    model = onnx.ModelProto(
        opset_import=[helper.make_opsetid(*each) for each in (("A", 1), ("", 20), ("b", 2))]
    )
    found = describe(model, 0)
    assert found.opsets == (("ai.onnx", 20), ("A", 1), ("b", 2))


# In brief.


def test_a_graph_of_ordinary_size_is_the_same_in_brief() -> None:
    found = describe(everything(), 1234)
    assert brief(found) == found
    assert found.left_out == LeftOut()
    assert found.complete


def hostile(count: int) -> onnx.ModelProto:
    """Much of everything, under names that are long and not printable."""
    names = [f"\x01{place}{'n' * 500}" for place in range(count)]
    graph = helper.make_graph(
        [helper.make_node(name, [], [], domain=name) for name in names],
        "g",
        [info(name, ["d" * 500] * 100) for name in names],
        [info(name, None) for name in names],
        [TensorProto(name=name, data_location=TensorProto.EXTERNAL) for name in names],
    )
    for place, tensor in enumerate(graph.initializer):
        tensor.name = f"w{place}{tensor.name}"
        tensor.external_data.add(key="location", value=tensor.name)
    model = onnx.ModelProto(graph=graph, producer_name=names[0])
    model.opset_import.extend(helper.make_opsetid(name, 1) for name in names)
    for name in names:
        model.metadata_props.add(key=name, value=name)
    return model


def test_in_brief_a_graph_has_few_and_short_texts_and_true_counts() -> None:
    count = LISTED + 7
    whole = describe(hostile(count), 1)
    found = brief(whole)
    parts = ("opsets", "inputs", "outputs", "operators", "domains", "external", "metadata")
    for part in parts:
        assert len(getattr(found, part)) == LISTED
        assert len(getattr(whole, part)) == LISTED + getattr(found.left_out, part) == count
    assert found.nodes == whole.nodes == count
    texts = [found.producer, *found.domains]
    texts += [text for pair in (*found.opsets, *found.operators, *found.metadata) for text in map(str, pair)]
    texts += [text for each in found.external for text in (each.tensor, each.location)]
    for each in (*found.inputs, *found.outputs):
        texts += [each.name, *map(str, each.shape or ())]
        assert len(each.shape or ()) <= 65
    assert found.inputs[0].shape is not None
    assert found.inputs[0].shape[-1] == "…"
    assert all(text.isprintable() and len(text) <= SHOWN for text in texts)
    # Little goes over the wire, however much there is.
    assert len(json.dumps(wire.write(Graph, found))) < 3 * 2**20


@pytest.mark.parametrize(
    ("inputs", "complete"),
    [(["x"], True), (["x\n"], False), (["x" * 81], False), ([f"x{n}" for n in range(LISTED)], True),
     ([f"x{n}" for n in range(LISTED + 1)], False)],
    ids=["plain", "control", "long", "just", "many"],
)  # fmt: skip
def test_a_brief_account_is_complete_if_a_program_could_be_written_from_it(
    inputs: list[str], complete: bool
) -> None:
    graph = helper.make_graph([], "g", [info(name, [2]) for name in inputs], [])
    assert brief(describe(onnx.ModelProto(graph=graph), 1)).complete is complete


@pytest.mark.parametrize("leftover", [True, False])
def test_external_data_is_listed_even_if_only_its_description_is_left(leftover: bool) -> None:
    model = everything()
    tensor = model.graph.initializer[0]
    if not leftover:
        tensor.data_location = TensorProto.EXTERNAL
    for key, content in (("location", "../secret"), ("offset", "16"), ("length", "many")):
        tensor.external_data.add(key=key, value=content)
    (found,) = describe(model, 1).external
    assert (found.tensor, found.location, found.offset, found.length) == ("w", "../secret", 16, None)


def test_numbers_of_initializers_are_counted() -> None:
    graph = onnx.GraphProto(initializer=[numpy_helper.from_array(np.zeros((3, 5), np.float32), "w")])
    hostile = TensorProto(name="h", dims=[2] * 100, data_type=FLOAT)
    assert describe(onnx.ModelProto(graph=graph), 1).numbers == 15
    graph.initializer.append(hostile)
    assert describe(onnx.ModelProto(graph=graph), 1).numbers == 15


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        (["batch", 10], "(batch, 10)"),
        ([3], "(3,)"),
        ([], "()"),
        ([None, 2], "(?, 2)"),
        ([-1, 2], "(?, 2)"),
        (None, "?"),
    ],
)
def test_a_shape_reads_as_a_table_says_it(shape: list[int | str | None] | None, text: str) -> None:
    assert value(info("x", shape)).shape_text == text


def test_the_kind_and_type_of_a_value_are_named() -> None:
    tensor = value(info("x", [1], TensorProto.BFLOAT16))
    assert (tensor.kind, tensor.dtype) == ("tensor", "bfloat16")
    sequence = value(helper.make_tensor_sequence_value_info("s", FLOAT, None))
    assert (sequence.kind, sequence.dtype, sequence.shape) == ("sequence", "", None)
    assert value(onnx.ValueInfoProto(name="n")).kind == "unknown"
    assert value(helper.make_sparse_tensor_value_info("p", FLOAT, [2])).kind == "sparse_tensor"


@pytest.mark.parametrize(("number", "name"), [(1, "float"), (7, "int64"), (0, "undefined"), (999, "unknown")])
def test_element_types_are_named(number: int, name: str) -> None:
    assert dtype_name(number) == name
