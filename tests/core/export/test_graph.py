import numpy as np
import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from core.export.graph import describe, dtype_name, tensors_of, value, walk

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
