"""The derived bound: right for the worked example, wide enough for correct derivatives, and no wider."""

import random
from collections.abc import Sequence

import pytest
import torch
from hypothesis import assume, given, settings

from core.gradients.operations import dtype_of
from core.gradients.problem import problem
from core.gradients.tolerance import SAFETY, loss_magnitude, scales
from tests.core.gradients.strategies import DTYPES, Point, Tree, exact_slope, program, smooth_problems, text

LOSS = "(w*x + b - y)**2"


def draws(count: int, seed: int) -> list[Point]:
    """Worked examples from well scaled to badly cancelling ones."""
    chance = random.Random(seed)  # noqa: S311 - a draw of numbers, no secret
    points = []
    for turn in range(count):
        spread = 2 if turn % 2 else 0
        point = {name: chance.uniform(-3, 3) * 10 ** chance.uniform(-2, spread) for name in "wxby"}
        if turn % 3 == 0:
            point["y"] = point["w"] * point["x"] + point["b"] * chance.uniform(0.9, 1.1)
        points.append(point)
    return points


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_worked_examples_scale_is_2_s_x(dtype: str) -> None:
    for point in draws(50, seed=1):
        given = problem(LOSS, point, ["w", "x", "b", "y"], dtype)
        held = {name: float(value) for name, value in given.exact.items()}
        size = abs(held["w"] * held["x"]) + abs(held["b"]) + abs(held["y"])
        found = {name: float(scale) for name, scale in scales(given).items()}
        expected = {
            "w": 2 * size * abs(held["x"]),
            "x": 2 * size * abs(held["w"]),
            "b": 2 * size,
            "y": 2 * size,
        }
        assert found == pytest.approx(expected, rel=1e-3 if dtype == "float16" else 1e-12)
        assert loss_magnitude(given) == pytest.approx(size**2, rel=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_2000_draws_of_an_expanded_formula_stay_within_the_bound_and_come_near_it(dtype: str) -> None:
    eps, worst = torch.finfo(dtype_of(dtype)).eps, 0.0
    for point in draws(2_000, seed=2):
        w, x, b, y = (
            torch.tensor(point[name], dtype=dtype_of(dtype), requires_grad=name == "w") for name in "wxby"
        )
        loss = (w * x + b - y) ** 2
        (autograd,) = torch.autograd.grad(loss, w)
        held = float(w.detach())
        size = abs(held * float(x)) + abs(float(b)) + abs(float(y))
        scale = 2 * size * abs(float(x))
        with torch.no_grad():
            expanded = 2 * w * x * x + 2 * b * x - 2 * y * x
        if bool(autograd.isfinite()) and bool(expanded.isfinite()) and scale > 1e-3:
            worst = max(worst, abs(float(expanded) - float(autograd)) / (eps * scale))
    assert 0.4 < worst < SAFETY


@settings(max_examples=80, deadline=None)
@given(smooth_problems())
def test_a_plain_programs_gradient_is_as_near_to_the_truth_as_the_bound_says(
    case: tuple[Tree, Point],
) -> None:
    tree, point = case
    for dtype in DTYPES:
        given = problem(text(tree), point, sorted(point), dtype)
        leaves = given.tensors(requires_grad=True)
        loss = program(tree, leaves)
        assert isinstance(loss, torch.Tensor)
        gradients = torch.autograd.grad(
            loss, list(leaves.values()), materialize_grads=True, allow_unused=True
        )
        held = {name: float(leaf.detach()) for name, leaf in leaves.items()}
        found = scales(given)
        eps = torch.finfo(dtype_of(dtype)).eps
        for name, gradient in zip(leaves, gradients, strict=True):
            assume(bool(gradient.isfinite()))
            truth = float(exact_slope(tree, held, name))
            error = abs(float(gradient) - truth)
            # First-order: terms in eps squared count where a coarse dtype meets a steep formula.
            slack = 1 + 2_000 * eps
            assert error <= SAFETY * eps * float(found[name]) * slack + 1e-12


@settings(max_examples=60, deadline=None)
@given(smooth_problems(depth=2, bound=50.0))
def test_a_scale_is_at_least_the_gradient_it_judges(case: tuple[Tree, Point]) -> None:
    tree, point = case
    found = scales(problem(text(tree), point, sorted(point), "float64"))
    for name, scale in found.items():
        assert float(scale) >= abs(float(exact_slope(tree, point, name))) * (1 - 1e-6) - 1e-30


def test_the_scale_of_a_well_conditioned_formula_is_of_the_gradients_own_size() -> None:
    for formula, most in (("3*x", 1.01), ("x**2", 1.01), ("x*x*x", 1.01), ("exp(x)", 3.1), ("sin(x)", 10.0)):
        given = problem(formula, {"x": 2.0}, ["x"], "float64")
        x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
        loss = {"3*x": 3 * x, "x**2": x**2, "x*x*x": x * x * x, "exp(x)": x.exp(), "sin(x)": x.sin()}[formula]
        (gradient,) = torch.autograd.grad(loss, x)
        assert 1 <= float(scales(given)["x"]) / abs(float(gradient)) <= most


def test_a_batch_has_a_scale_per_number_and_sums_it_for_one_number() -> None:
    values: dict[str, float | Sequence[float]] = {
        "w": 0.5,
        "x": [1.0, -2.0, 3.0],
        "b": 0.1,
        "y": [0.5, 0.25, -1.0],
    }
    mean = scales(problem(LOSS, values, ["w", "x"], "float64", "mean"))
    total = scales(problem(LOSS, values, ["w", "x"], "float64", "sum"))
    assert mean["x"].shape == (3,)
    assert mean["w"].shape == ()
    assert (3 * mean["x"]).tolist() == pytest.approx(total["x"].tolist())
    sizes = [abs(0.5 * x) + 0.1 + abs(y) for x, y in zip((1.0, -2.0, 3.0), (0.5, 0.25, -1.0), strict=True)]
    expected = sum(2 * size * abs(x) for size, x in zip(sizes, (1.0, -2.0, 3.0), strict=True))
    assert float(total["w"]) == pytest.approx(expected)


def test_a_magnitude_below_the_smallest_normal_number_counts_as_that() -> None:
    given = problem("w*x", {"w": 1e-40, "x": 1e-42}, ["w"], "float32")
    assert float(scales(given)["w"]) == pytest.approx(torch.finfo(torch.float32).smallest_normal)
    exact_zero = problem("w*x", {"w": 1.0, "x": 0.0}, ["w"], "float32")
    assert float(scales(exact_zero)["w"]) == 0.0


@pytest.mark.parametrize(
    ("formula", "values"),
    [
        ("(w*x + sqrt(b))**2", {"w": 0.5, "x": 2.0, "b": 0.0}),
        ("w**x", {"w": -2.0, "x": 2.0}),
        ("w*b**0.5", {"w": 1, "b": 0}),
    ],
)
def test_a_slope_that_does_not_exist_spoils_no_other_variables_scale(formula: str, values: Point) -> None:
    assert bool(scales(problem(formula, values, ["w"], "float64"))["w"].isfinite())
