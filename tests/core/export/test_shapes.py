"""What the arithmetic says is checked against ONNX's own reference evaluator, which computes the values."""

import math
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from core.export.shapes import UNKNOWN, Size, compute, of_input, of_shape, of_tensor

small = st.integers(1, 4)
shapes = st.lists(small, min_size=1, max_size=3)


def constant(content: object) -> np.ndarray[Any, Any]:
    return np.array(content, np.int64)


def floats(shape: int | list[int]) -> np.ndarray[Any, Any]:
    return np.ones(shape, np.float32)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, list[Any], dict[str, Any]]:
    """An operator that has a rule, with inputs and attributes that it takes."""
    shape = draw(shapes)
    rank = len(shape)
    x = floats(shape)
    axis = draw(st.integers(-rank, rank - 1))
    cases: dict[str, tuple[list[Any], dict[str, Any]]] = {
        "Relu": ([x], {}),
        "Identity": ([constant(shape)], {}),
        "Cast": ([x], {"to": draw(st.sampled_from([TensorProto.DOUBLE, TensorProto.INT8]))}),
        "Add": ([x, floats(shape[draw(st.integers(0, rank - 1)) :])], {}),
        "Mul": ([floats([*shape, 1]), floats([draw(small)])], {}),
        "Where": ([floats([1, *shape]) > 0, x, floats([1])], {}),
        "Concat": ([x, x, x], {"axis": axis}),
        "ConstantOfShape": (
            [constant(shape)],
            {"value": helper.make_tensor("", TensorProto.INT64, [1], [3])},
        ),
        "Expand": ([floats([1] * rank), constant(shape)], {}),
        "Tile": ([x, constant(draw(st.lists(small, min_size=rank, max_size=rank)))], {}),
        "Range": (
            [constant(0), constant(draw(st.integers(-20, 20))), constant(draw(st.sampled_from([1, -3])))],
            {},
        ),
        "Pad": ([x, constant(draw(st.lists(small, min_size=2 * rank, max_size=2 * rank)))], {}),
        "OneHot": ([constant([0, 1]), constant(draw(small)), floats([2])], {}),
        "Reshape": ([x, constant([-1, 1])], {}),
        "Unsqueeze": ([x, constant([axis])], {}),
        "Transpose": ([x], {"perm": draw(st.permutations(range(rank)))}),
        "Gather": ([x, constant(np.zeros(draw(shapes)))], {"axis": axis}),
        "MatMul": ([floats([*shape, 3]), floats([3, draw(small)])], {}),
        "Shape": ([x], {}),
        "EyeLike": ([floats([3, 4])], {}),
        "HannWindow": ([constant(draw(small))], {}),
        "Constant": ([], {"value_ints": shape}),
    }
    kind = draw(st.sampled_from(sorted(cases)))
    return kind, *cases[kind]


def evaluated(kind: str, inputs: list[Any], attributes: dict[str, Any]) -> np.ndarray[Any, Any]:
    names = [f"i{index}" for index in range(len(inputs))]
    protos = [numpy_helper.from_array(each, name) for each, name in zip(inputs, names, strict=True)]
    node = helper.make_node(kind, names, ["y"], **attributes)
    graph = helper.make_graph([node], "g", [], [onnx.ValueInfoProto(name="y")], protos)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    (found,) = ReferenceEvaluator(model).run(None, {})
    assert isinstance(found, np.ndarray)
    return found


def estimated(kind: str, inputs: list[Size], attributes: dict[str, Any]) -> Size:
    node = helper.make_node(kind, [f"i{index}" for index in range(len(inputs))], ["y"], **attributes)
    named = {each.name: each for each in node.attribute}
    return compute(node, inputs, named.get)


@settings(max_examples=300, deadline=None)
@given(calls())
def test_of_constants_the_size_is_what_the_evaluator_gives(
    call: tuple[str, list[Any], dict[str, Any]],
) -> None:
    kind, inputs, attributes = call
    actual = evaluated(kind, inputs, attributes)
    size = estimated(kind, [of_tensor(numpy_helper.from_array(each)) for each in inputs], attributes)
    assert size.fixed
    assert size.count == actual.size
    if size.shape is not None:
        assert len(size.shape) == actual.ndim
        assert all(said in {None, real} for said, real in zip(size.shape, actual.shape, strict=True))
    if size.numbers is not None:
        assert size.numbers == tuple(actual.ravel().tolist())


@settings(max_examples=300, deadline=None)
@given(calls(), st.data())
def test_with_unknown_dimensions_it_is_a_lower_bound(
    call: tuple[str, list[Any], dict[str, Any]], data: st.DataObject
) -> None:
    kind, inputs, attributes = call
    actual = evaluated(kind, inputs, attributes)
    sizes = []
    for each in inputs:
        known = of_tensor(numpy_helper.from_array(each))
        if each.dtype == np.float32:
            hidden = [data.draw(st.sampled_from([None, size])) for size in each.shape]
            known = data.draw(st.sampled_from([UNKNOWN, of_shape(hidden, 32)]))
        sizes.append(known)
    assert estimated(kind, sizes, attributes).count <= actual.size


def test_scales_enlarge() -> None:
    sizes = [of_shape([1, 3, 8, 8], 32), UNKNOWN, Size(numbers=(1.0, 1.0, 2.0, 4.0))]
    assert estimated("Resize", sizes, {}).count == 3 * 64 * 8
    to = [of_shape([1, 3, 8, 8], 32), UNKNOWN, UNKNOWN, Size(numbers=(1, 3, 100, 100))]
    assert estimated("Resize", to, {}).shape == (1, 3, 100, 100)


def test_what_has_no_rule_is_unknown() -> None:
    assert estimated("Conv", [of_shape([1, 3, 8, 8], 32)], {}) == UNKNOWN


def test_numbers_that_are_not_finite_are_no_shape() -> None:
    assert estimated("Constant", [], {"value_floats": [math.inf, math.nan]}).numbers is None
    assert (
        estimated("Range", [Size(numbers=(0.0,)), Size(numbers=(1.0,)), Size(numbers=(0.0,))], {}) == UNKNOWN
    )


@pytest.mark.parametrize("extra", [0, 100])
def test_an_input_with_too_many_dimensions_is_unknown(extra: int) -> None:
    info = helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["batch", -1, 3, *([2] * extra)])
    assert of_input(info) == (Size(None, 1, 64) if extra else Size((None, None, 3), 3, 64))
