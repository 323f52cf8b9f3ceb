"""The expanded count is checked against what ONNX's own inliner makes of the same model."""

import onnx
import onnx.inliner
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from core.export import bounds
from core.export.bounds import check_expansion, functions_of
from core.export.graph import walk
from core.export.sizes import BoundError

SETS = [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)]


def body(calls: list[int]) -> list[onnx.NodeProto]:
    """Nodes from `x` to `y` that call functions by their numbers; there is a Relu at the end."""
    nodes, last = [], "x"
    for index, number in enumerate(calls):
        nodes.append(helper.make_node(f"F{number}", [last], [f"h{index}"], domain="local"))
        last = f"h{index}"
    return [*nodes, helper.make_node("Relu", [last], ["y"])]


@st.composite
def models(draw: st.DrawFn) -> onnx.ModelProto:
    """Functions that call only those before them."""
    functions = []
    for number in range(draw(st.integers(1, 4))):
        callees = st.lists(st.integers(0, number - 1), max_size=3) if number else st.just([])
        nodes = body(draw(callees))
        functions.append(helper.make_function("local", f"F{number}", ["x"], ["y"], nodes, SETS))
    more = draw(st.lists(st.integers(0, len(functions) - 1), max_size=3))
    main = body([*range(len(functions)), *more])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph(main, "g", ends[:1], ends[1:])
    return helper.make_model(graph, functions=functions, opset_imports=SETS, ir_version=10)


@settings(deadline=None)
@given(models())
def test_the_count_is_what_the_inliner_makes_and_the_calls(model: onnx.ModelProto) -> None:
    inlined = sum(1 for _ in walk(onnx.inliner.inline_local_functions(model)))
    calls = _calls(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "MAX_NODES", inlined + calls)
        check_expansion(model, functions_of(model))
        patch.setattr(bounds, "MAX_NODES", inlined + calls - 1)
        with pytest.raises(BoundError, match="expand to more than"):
            check_expansion(model, functions_of(model))


def _calls(model: onnx.ModelProto) -> int:
    """How many calls are expanded, one after another."""
    bodies = {function.name: list(function.node) for function in model.functions}
    waiting, count = list(model.graph.node), 0
    while waiting:
        node = waiting.pop()
        if node.op_type in bodies:
            count += 1
            waiting += bodies[node.op_type]
    return count


def test_two_functions_of_one_name_are_refused() -> None:
    twice = [helper.make_function("local", "F", ["x"], ["y"], body([]), SETS) for _ in range(2)]
    with pytest.raises(BoundError, match="Two local functions have the same name"):
        functions_of(onnx.ModelProto(functions=twice))
    twice[1].overload = "other"
    assert len(functions_of(onnx.ModelProto(functions=twice))) == 2


def test_a_default_subgraph_of_a_function_is_refused() -> None:
    function = helper.make_function("local", "F", ["x"], ["y"], body([]), SETS)
    function.attribute_proto.append(helper.make_attribute("g", onnx.GraphProto(name="g")))
    model = onnx.ModelProto(functions=[function])
    with pytest.raises(BoundError, match="A subgraph is handed"):
        check_expansion(model, functions_of(model))
