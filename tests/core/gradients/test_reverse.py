"""The hand derivation, against plain PyTorch programs and mpmath."""

import mpmath
import pytest
import torch
from hypothesis import given, settings

from core.gradients.operations import dtype_of
from core.gradients.problem import problem
from core.gradients.reverse import constant_exponent, depends_on, differentiate
from tests.core.gradients.strategies import DTYPES, Point, Tree, exact_slope, smooth_problems, text


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("w", "x", "b", "y"), [(0.5, 2.0, 0.1, 5.0), (-1.37, 0.123, 2.5, -0.77), (3.3, -1.1, 0.01, 0.02)]
)
def test_the_worked_example_is_autograds_to_the_last_bit(
    dtype: str, w: float, x: float, b: float, y: float
) -> None:
    given = problem("(w*x + b - y)**2", {"w": w, "x": x, "b": b, "y": y}, ["w", "x", "b", "y"], dtype)
    leaves = [torch.tensor(number, dtype=dtype_of(dtype), requires_grad=True) for number in (w, x, b, y)]
    loss = (leaves[0] * leaves[1] + leaves[2] - leaves[3]) ** 2
    expected = dict(zip("wxby", torch.autograd.grad(loss, leaves), strict=True))
    hand = differentiate(given)
    for node, gradient in zip(given.expression.nodes, hand.gradients, strict=True):
        if node.op == "variable":
            assert gradient is not None
            assert gradient.dtype == dtype_of(dtype)
            assert float(gradient) == float(expected[node.name])


@settings(max_examples=60, deadline=None)
@given(smooth_problems(bound=20.0))
def test_in_float64_it_is_the_mathematical_derivative(case: tuple[Tree, Point]) -> None:
    tree, point = case
    given = problem(text(tree), point, sorted(point), "float64")
    hand = differentiate(given)
    for node, gradient in zip(given.expression.nodes, hand.gradients, strict=True):
        if node.op == "variable":
            expected = exact_slope(tree, point, node.name)
            assert gradient is not None
            assert float(gradient) == pytest.approx(float(expected), rel=1e-8, abs=1e-8)
    assert mpmath.mp.dps == 15


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_batch_of_gradients_is_summed_where_it_reaches_one_number(reduction: str) -> None:
    xs, ys = [1.0, -2.0, 3.0], [0.5, 0.25, -1.0]
    given = problem(
        "(w*x + b - y)**2", {"w": 0.5, "x": xs, "b": 0.1, "y": ys}, ["w", "x"], "float64", reduction
    )
    w = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    x = torch.tensor(xs, dtype=torch.float64, requires_grad=True)
    per_example = (w * x + 0.1 - torch.tensor(ys, dtype=torch.float64)) ** 2
    loss = per_example.mean() if reduction == "mean" else per_example.sum()
    by_w, by_x = torch.autograd.grad(loss, (w, x))
    found = {
        node.name: gradient
        for node, gradient in zip(given.expression.nodes, differentiate(given).gradients, strict=True)
        if node.op == "variable" and gradient is not None
    }
    assert set(found) == {"w", "x"}
    assert float(found["w"]) == pytest.approx(float(by_w), rel=1e-15)
    assert found["x"].tolist() == pytest.approx(by_x.tolist(), rel=1e-15)


def test_nothing_flows_to_what_is_not_asked_for() -> None:
    given = problem("(w*x + b)**2", {"w": 1, "x": 2, "b": 3}, ["b"], "float64")
    hand = differentiate(given)
    flows = depends_on(given.expression, ("b",))
    assert [gradient is not None for gradient in hand.gradients] == flows
    for node, local in zip(given.expression.nodes, hand.local, strict=True):
        for position, factor in zip(node.inputs, local, strict=False):
            assert (factor is not None) == flows[position]


@pytest.mark.parametrize(
    ("formula", "exponent"),
    [("x**2", 2.0), ("x**-1", -1.0), ("x**-0.5", -0.5), ("x**y", None), ("x**(1+1)", None)],
)
def test_an_exponent_is_constant_if_it_is_written_as_a_number(formula: str, exponent: float | None) -> None:
    given = problem(formula, {"x": 2.0, "y": 3.0}, ["x"])
    assert constant_exponent(given.expression, given.expression.nodes[-1]) == exponent


def test_only_a_power_has_an_exponent() -> None:
    given = problem("x*2", {"x": 2.0}, ["x"])
    assert constant_exponent(given.expression, given.expression.nodes[-1]) is None
