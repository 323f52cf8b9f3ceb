"""How far two outputs are apart, against arithmetic of its own, and what is compared with what.

The files here are made with `onnx.helper`, so that no exporter has a say.
"""

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from core import zoo
from core.export import check_parity, parity
from core.export.parity import (
    ABSOLUTE,
    BATCHES,
    KINDS,
    RELATIVE,
    SEEDS,
    Deviation,
    OutputParity,
    Parity,
    Reference,
    Session,
    compare_output,
    deviation,
    flatten,
    sweep,
)
from core.zoo import Input, InputKind, ZooModel

Array = NDArray[Any]
FLOATS = ("float16", "float32", "float64")
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


@st.composite
def pairs(draw: st.DrawFn, dtypes: Sequence[str] = (*FLOATS, "int64", "int8", "bool")) -> tuple[Array, Array]:
    """Two arrays of one shape and dtype, many of whose numbers are equal or close."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    elements = st.integers(-(2**53), 2**53) if dtype == np.int64 else hnp.from_dtype(dtype)
    shape = draw(SHAPES)
    first = draw(hnp.arrays(dtype, shape, elements=elements))
    second = draw(hnp.arrays(dtype, shape, elements=elements))
    same = draw(hnp.arrays(np.bool_, shape))
    return first, np.where(same, first, second).astype(dtype)


def apart(first: float, second: float) -> float:
    """The distance of two numbers, exact until it is rounded once."""
    if first == second or (math.isnan(first) and math.isnan(second)):
        return 0.0
    if not (math.isfinite(first) and math.isfinite(second)):
        return math.nan if math.isnan(first) or math.isnan(second) else math.inf
    try:
        return float(abs(Fraction(first) - Fraction(second)))
    except OverflowError:
        return math.inf


def listed(array: Array) -> list[float]:
    return [float(each) for each in array.ravel()]


def nan_most(number: float) -> float:
    return math.inf if math.isnan(number) else number


@given(pairs())
def test_the_largest_difference_and_where_it_is(pair: tuple[Array, Array]) -> None:
    first, second = pair
    assume(first.size)
    found = deviation(first, second)
    distances = [apart(*both) for both in zip(listed(first), listed(second), strict=True)]
    assert nan_most(found.absolute) == max(map(nan_most, distances))
    assert len(found.index) == first.ndim
    assert repr((found.eager, found.other)) == repr((float(first[found.index]), float(second[found.index])))
    assert nan_most(apart(found.eager, found.other)) == nan_most(found.absolute)


@given(pairs())
def test_numbers_agree_within_the_tolerance_and_nan_with_nan(pair: tuple[Array, Array]) -> None:
    first, second = pair
    expected = all(
        apart(one, other) <= ABSOLUTE + RELATIVE * (abs(one) if math.isfinite(one) else 0)
        for one, other in zip(listed(first), listed(second), strict=True)
    )
    assert deviation(first, second).agree is expected


@given(st.floats(-1e6, 1e6), st.sampled_from([1, -1]))
def test_the_tolerance_is_where_it_is_said_to_be(eager: float, side: int) -> None:
    allowed = 1e-5 + 1e-4 * abs(eager)
    for share, agree in ((0.99, True), (1.01, False)):
        found = deviation(np.array([eager]), np.array([eager + side * share * allowed]))
        assert found.agree is agree


@given(pairs())
def test_the_relative_difference_is_by_the_size_of_eagers(pair: tuple[Array, Array]) -> None:
    first, second = pair
    assume(first.size and np.isfinite(first).all() and np.isfinite(second).all())
    expected = 0.0
    for one, other in zip(listed(first), listed(second), strict=True):
        distance = apart(one, other)
        if distance:
            by = abs(one)
            expected = max(expected, distance / by if by and distance < math.inf else math.inf)
    # Dividing by a number below the normal ones can overflow: that is infinity on both sides.
    assert deviation(first, second).relative == pytest.approx(expected, rel=1e-12)


@given(st.sampled_from(FLOATS).flatmap(lambda name: hnp.from_dtype(np.dtype(name))), st.integers(0, 40))
def test_a_step_to_the_next_number_is_one_ulp(start: Any, steps: int) -> None:  # noqa: ANN401 - a NumPy number
    assume(not np.isnan(start))
    end, walked = start, 0
    with np.errstate(all="ignore"):
        while walked < steps and end > -np.inf:
            end = np.nextafter(end, type(start)(-np.inf))
            walked += 1
    for both in ((start, end), (end, start)):
        assert deviation(np.array([both[0]]), np.array([both[1]])).ulp == walked


def test_ulps_between_any_two_numbers_of_half_precision_are_those_counted() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    ordered = np.unique(every[~np.isnan(every)])  # the two zeros are one
    generator = np.random.default_rng(0)
    first, second = generator.choice(every, (2, 2_000))
    for one, other in zip(first, second, strict=True):
        if np.isnan(one) or np.isnan(other):
            assert deviation(np.array(one), np.array(other)).ulp == 0
            continue
        counted = abs(int(np.searchsorted(ordered, one)) - int(np.searchsorted(ordered, other)))
        assert deviation(np.array(one), np.array(other)).ulp == counted


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_the_unit_in_the_last_place_is_pythons(number: float) -> None:
    found = deviation(np.array([number]), np.array([number + math.ulp(number)]))
    assert (found.ulp, found.absolute) == (1, math.ulp(number))


@given(pairs(FLOATS))
def test_ulps_are_none_exactly_where_all_that_is_known_is_equal(pair: tuple[Array, Array]) -> None:
    first, second = pair
    known = ~(np.isnan(first) | np.isnan(second))
    found = deviation(first, second).ulp
    assert found is not None
    assert (found == 0) == bool(np.all(first[known] == second[known]))


def test_the_farthest_apart_that_numbers_can_be() -> None:
    for dtype in FLOATS:
        kind = np.finfo(np.dtype(dtype))
        found = deviation(np.array([kind.max], dtype), np.array([kind.min], dtype))
        largest = int(np.array(kind.max).view(f"u{np.dtype(dtype).itemsize}"))
        assert found.ulp == 2 * largest


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_whole_numbers_have_no_ulps(dtype: str) -> None:
    found = deviation(np.array([0, 1, 1], dtype), np.array([0, 1, 0], dtype))
    assert (found.ulp, found.absolute, found.relative, found.index, found.agree) == (None, 1, 1, (2,), False)
    assert deviation(np.array([], dtype), np.array([], dtype)).ulp is None


def test_special_numbers() -> None:
    nan, inf = np.float32(np.nan), np.float32(np.inf)
    assert deviation(np.array([nan, inf, -inf]), np.array([nan, inf, -inf])).agree
    assert deviation(np.array([0.0]), np.array([-0.0])) == Deviation(0.0, 0.0, 0, (0,), 0.0, -0.0, agree=True)
    lost = deviation(np.array([1.0, nan, 2.0]), np.array([1.0, 1.0, 2.5]))
    assert math.isnan(lost.absolute)
    assert (lost.index, lost.other, lost.agree) == ((1,), 1.0, False)
    assert lost.ulp is not None and lost.ulp > 0  # noqa: PT018 - None and 0 both fail
    for one, other in ((inf, -inf), (inf, 1.0), (1.0, inf), (1.0, nan)):
        assert not deviation(np.array([one], "f4"), np.array([other], "f4")).agree


def test_an_array_without_numbers_agrees() -> None:
    empty = np.zeros((0, 3), np.float32)
    found = deviation(empty, empty)
    assert (found.agree, found.absolute, found.ulp, found.index) == (True, 0.0, 0, ())
    assert math.isnan(found.eager)


def test_a_lone_number_is_an_array_too() -> None:
    found = deviation(np.array(1.0, np.float32), np.array(1.5, np.float32))
    assert found == Deviation(0.5, 0.5, 2**22, (), 1.0, 1.5, agree=False)


@pytest.mark.parametrize(
    ("eager", "other", "problem"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), "The shape is (3, 2), and eager gives (2, 3)."),
        (np.zeros(1), np.zeros(()), "The shape is (), and eager gives (1,)."),
        (np.zeros(2), np.zeros(2, "f4"), "The dtype is float32, and eager gives float64."),
        (np.zeros(2, "i8"), np.zeros(2, "i4"), "The dtype is int32, and eager gives int64."),
    ],
)
def test_what_cannot_be_compared_says_why(eager: Array, other: Array, problem: str) -> None:
    found = compare_output("y", eager, other)
    assert found == OutputParity("y", eager.shape, str(eager.dtype), None, problem)
    assert not found.agree
    named = compare_output("y", eager, other, by="ONNX Runtime", in_other=" in NumPy").problem
    assert named == problem.replace("eager", "ONNX Runtime").replace(" is", " in NumPy is")


@pytest.mark.parametrize(
    ("kind", "second", "problem"),
    [
        ("Add", (3, 3), "Attempting to broadcast an axis by a dimension other than 1. 3 by 4"),
        ("MatMul", (3, 3), "Status Message: MatMul dimension mismatch"),
    ],
)
def test_a_problem_names_no_place_in_the_runtime_s_source(
    kind: str, second: tuple[int, ...], problem: str
) -> None:
    shapes = {"a": (2, 4), "b": second}
    inputs = [helper.make_tensor_value_info(name, 1, [None, None]) for name in shapes]
    outputs = [helper.make_tensor_value_info("y", 1, None)]
    graph = helper.make_graph([helper.make_node(kind, ["a", "b"], ["y"])], "g", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    with pytest.raises(ValueError, match="Status Message") as caught:
        Session(model.SerializeToString()).run(
            {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
        )
    said = str(caught.value)
    assert problem in said
    assert not re.search(r"onnxruntime_src|::|\.(h|cc):\d", said)


@given(st.text(alphabet="/onxruntime.c:0 (){}<>[]&*,=w", max_size=300))
def test_a_problem_s_source_is_looked_for_in_time(text: str) -> None:
    start = time.perf_counter()
    assert parity._one_line(ValueError(f"/onnxruntime/a.cc:1 {text * 20}"))
    assert time.perf_counter() - start < 2


def parity_of(*absolutes: float) -> Parity:
    made = [Deviation(each, 0, 0, (0,), 0, 0, agree=each < ABSOLUTE) for each in absolutes]
    return Parity(tuple(OutputParity("y", (1,), "float32", each) for each in made))


def test_a_comparison_is_as_bad_as_its_worst_output() -> None:
    assert parity_of(0.0, 2.0, 1.0).absolute == 2.0
    assert math.isnan(parity_of(1.0, math.nan).absolute)
    assert math.isnan(parity_of(math.nan, 1.0).absolute)
    assert parity_of(0.0, 0.0).agree
    assert not parity_of(0.0, 1.0).agree
    assert not Parity((), "It refused.").agree
    assert math.isnan(Parity((), "It refused.").absolute)
    unlike = OutputParity("y", (1,), "float32", None, "The shape is ...")
    assert not Parity((*parity_of(0.0).outputs, unlike)).agree


# --- with files -------------------------------------------------------------------------------------------


def file(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[str] = ("x",),
    outputs: Sequence[str] = ("y",),
    weights: dict[str, Array] | None = None,
    *,
    other: dict[str, int] | None = None,
    listed_too: bool = False,
) -> bytes:
    """An ONNX file of float32 values.

    Args:
        nodes, inputs, outputs, weights: of its graph.
        other: the element type of an output that is none of float32.
        listed_too: whether the weights are inputs as well, as up to IR version 3.
    """
    initializers = [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()]
    named = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in inputs]
    if listed_too:
        named += [
            helper.make_tensor_value_info(each.name, each.data_type, each.dims) for each in initializers
        ]
    graph = helper.make_graph(
        nodes,
        "g",
        named,
        [
            helper.make_tensor_value_info(name, (other or {}).get(name, TensorProto.FLOAT), None)
            for name in outputs
        ],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    return bytes(model.SerializeToString())


RELU = file([helper.make_node("Relu", ["x"], ["y"])])
X = torch.tensor([[-1.0, 2.0], [3.0, -4.0]])


def test_a_file_that_computes_the_same_agrees_to_the_bit() -> None:
    found = check_parity(nn.ReLU(), RELU, [X])
    assert found.agree
    assert (found.absolute, found.problem) == (0.0, "")
    (output,) = found.outputs
    assert (output.name, output.shape, output.dtype) == ("y", (2, 2), "float32")


def test_a_file_that_computes_something_else_is_found_out() -> None:
    found = check_parity(nn.LeakyReLU(0.5), RELU, [X])
    assert not found.agree
    (output,) = found.outputs
    assert output.deviation is not None
    assert (output.deviation.index, output.deviation.eager, output.deviation.other) == ((1, 1), -2.0, 0.0)


class Largest(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        values, places = x.max(dim=1, keepdim=True)
        return values, places


def largest(k: int = 1) -> bytes:
    return file(
        [helper.make_node("TopK", ["x", "k"], ["values", "places"], axis=1)],
        outputs=("values", "places"),
        weights={"k": np.array([k])},
        other={"places": TensorProto.INT64},
    )


def test_several_outputs_and_whole_numbers_are_compared_each() -> None:
    found = check_parity(Largest(), largest(), [X])
    assert [(each.name, each.dtype, each.agree) for each in found.outputs] == [
        ("values", "float32", True),
        ("places", "int64", True),
    ]
    assert [each.deviation.ulp for each in found.outputs if each.deviation] == [0, None]


def test_a_wrong_shape_a_wrong_dtype_and_a_wrong_number_of_outputs_are_said() -> None:
    two = check_parity(Largest(), largest(2), [X])
    assert [each.problem for each in two.outputs] == ["The shape is (2, 2), and eager gives (2, 1)."] * 2
    double = file(
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.DOUBLE)], other={"y": TensorProto.DOUBLE}
    )
    (output,) = check_parity(nn.Identity(), double, [X]).outputs
    assert output.problem == "The dtype is float64, and eager gives float32."
    found = check_parity(Largest(), RELU, [X])
    assert (found.outputs, found.problem) == ((), "The graph has 1 outputs, the model 2.")


class Sum(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


def test_a_wrong_number_of_inputs_is_said() -> None:
    found = check_parity(Sum(), RELU, [X, X])
    assert (found.outputs, found.problem) == ((), "The graph has 1 inputs, the model 2.")
    add = file([helper.make_node("Add", ["x", "b"], ["y"])], inputs=("x", "b"))
    assert check_parity(nn.ReLU(), add, [X]).problem == "The graph has 2 inputs, the model 1."
    assert check_parity(Sum(), add, [X, X]).agree


def test_a_runtime_that_refuses_says_why_in_one_line() -> None:
    reshape = file([helper.make_node("Reshape", ["x", "s"], ["y"])], weights={"s": np.array([3, 1])})
    for data, said in (
        (b"no model", "ONNXRuntimeError"),
        (b"", "ONNXRuntimeError"),
        (file([helper.make_node("NoSuchThing", ["x"], ["y"])]), "NoSuchThing"),
        (reshape, "Reshape"),
    ):
        found = check_parity(nn.ReLU(), data, [X])
        assert found.outputs == ()
        assert said in found.problem
        assert len(found.problem.splitlines()) == 1
        assert len(found.problem) <= 240


def test_what_runs_the_file_is_refused_when_it_is_made() -> None:
    for make in (Session, Reference):
        with pytest.raises(ValueError, match="NoSuchThing"):
            make(file([helper.make_node("NoSuchThing", ["x"], ["y"])]))
    with pytest.raises(ValueError, match=r"."):
        Session(b"no model")


def test_a_weight_that_is_listed_as_an_input_is_none() -> None:
    weights = {"w": np.eye(2, dtype=np.float32)}
    data = file([helper.make_node("MatMul", ["x", "w"], ["y"])], weights=weights, listed_too=True)
    assert Session(data).inputs == Reference(data).inputs == ("x",)
    for runtime in (Session(data), Reference(data)):
        (output,) = runtime.run({"x": X.numpy()})
        np.testing.assert_array_equal(output, X.numpy())


def test_what_is_compared_stays_as_it_is() -> None:
    module = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout()).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    generator = torch.random.get_rng_state()
    check_parity(module, RELU, [X])
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(each.training for each in module.modules())
    assert torch.equal(torch.random.get_rng_state(), generator)


def test_a_module_is_compared_in_the_mode_that_it_is_in() -> None:
    identity = file([helper.make_node("Identity", ["x"], ["y"])])
    dropout = nn.Dropout(0.999)
    assert check_parity(dropout.eval(), identity, [torch.ones(100)]).agree
    assert not check_parity(dropout.train(), identity, [torch.ones(100)]).agree


@pytest.mark.parametrize(
    ("output", "count"),
    [
        (torch.zeros(1), 1),
        ({"a": torch.zeros(1), "b": [torch.zeros(2), (torch.zeros(3),)]}, 3),
        ((torch.zeros(1), None, {"a": torch.zeros(2)}), 2),
        (None, 0),
        ("text", 0),
    ],
)
def test_an_output_is_flattened_in_order(output: object, count: int) -> None:
    assert [len(each) for each in flatten(output)] == list(range(1, count + 1))


# --- the sweep --------------------------------------------------------------------------------------------


def made_of(module: nn.Module, count: int = 1) -> ZooModel:
    inputs = tuple(Input(name, (2,)) for name in "xyz"[:count])
    return ZooModel("test", "Test", "Only here.", module, inputs)


Sweep = Callable[..., tuple[Any, ...]]


def test_the_sweep_tries_batches_seeds_and_kinds_in_both_runtimes() -> None:
    cases = sweep(made_of(nn.ReLU()), RELU)
    assert all(case.parity.agree for case in cases)
    runtime = [(case.batch, case.seed, case.kind) for case in cases if case.runtime == "ONNX Runtime"]
    reference = [(case.batch, case.seed, case.kind) for case in cases if case.runtime == "reference"]
    middle = BATCHES[len(BATCHES) // 2]
    rest = [(middle, SEEDS[0], str(kind)) for kind in KINDS[1:]]
    first = [(batch, seed, str(KINDS[0])) for batch in BATCHES for seed in SEEDS]
    assert runtime == [*first, *rest]
    # One seed is enough for it.
    assert reference == [*[each for each in first if each[1] == SEEDS[0]], *rest]
    assert len(runtime) + len(reference) == len(cases)


def test_the_sweep_tries_what_it_is_told() -> None:
    cases = sweep(made_of(nn.ReLU()), RELU, batches=(5,), seeds=(7, 8, 9), kinds=(InputKind.ONES,))
    assert Counter((case.batch, case.kind) for case in cases) == {(5, "ones"): 4}
    assert [case.seed for case in cases if case.runtime == "ONNX Runtime"] == [7, 8, 9]


def test_a_large_graph_is_not_given_to_the_slow_evaluator() -> None:
    chain = [helper.make_node("Identity", ["x"], ["h0"])]
    chain += [helper.make_node("Identity", [f"h{place}"], [f"h{place + 1}"]) for place in range(199)]
    long = file([*chain, helper.make_node("Relu", ["h199"], ["y"])])
    few = {case.runtime for case in sweep(made_of(nn.ReLU()), long, batches=(1,), seeds=(0,))}
    assert few == {"ONNX Runtime"}
    heavy = file(
        [helper.make_node("Add", ["x", "w"], ["z"]), helper.make_node("Relu", ["x"], ["y"])],
        weights={"w": np.zeros((100_001, 2), np.float32)},
    )
    assert {case.runtime for case in sweep(made_of(nn.ReLU()), heavy, batches=(1,))} == {"ONNX Runtime"}


def test_a_file_with_a_fixed_batch_is_found_out_by_the_sweep() -> None:
    data = file([helper.make_node("Reshape", ["x", "s"], ["y"])], weights={"s": np.array([3, 2])})
    agreed = {case.batch for case in sweep(made_of(nn.Identity()), data) if case.parity.agree}
    assert agreed == {3}


def test_a_file_that_no_runtime_takes_is_an_answer_too() -> None:
    cases = sweep(made_of(nn.ReLU()), file([helper.make_node("NoSuchThing", ["x"], ["y"])]))
    assert {case.runtime for case in cases} == {"ONNX Runtime", "reference"}
    assert all("NoSuchThing" in case.parity.problem for case in cases)


def test_the_sweep_compares_in_evaluation_mode() -> None:
    made = made_of(nn.Dropout(0.999))
    identity = file([helper.make_node("Identity", ["x"], ["y"])])
    assert all(case.parity.agree for case in sweep(made, identity))
    assert not made.module.training


def test_arguments_are_passed_as_the_model_takes_them() -> None:
    made = zoo.build("keywords")
    state = {name: value.detach().numpy() for name, value in made.module.state_dict().items()}
    nodes = [
        helper.make_node("Gemm", ["x", "embed.weight", "embed.bias"], ["e"], transB=1),
        helper.make_node("Mul", ["scale", "e"], ["m"]),
        helper.make_node("Add", ["m", "shift"], ["a"]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("Gemm", ["r", "head.weight", "head.bias"], ["y"], transB=1),
    ]
    data = file(nodes, inputs=("x", "scale", "shift"), weights=state)
    assert all(case.parity.agree for case in sweep(made, data))
    swapped = file(nodes, inputs=("x", "shift", "scale"), weights=state)
    assert not any(case.parity.agree for case in sweep(made, swapped) if case.kind == "normal")
