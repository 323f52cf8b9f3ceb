"""Finite differences: as exact as float64 allows, with an honest estimate of their own error."""

import math

import pytest
import torch
from hypothesis import given, settings

from core.gradients.finite_difference import FINER_STEPS, RELATIVE_STEP, by_finite_difference, loss_at
from core.gradients.problem import problem
from tests.core.gradients.strategies import Point, Tree, exact_slope, smooth_problems, text


@settings(max_examples=60)
@given(smooth_problems(bound=20.0))
def test_the_mathematical_slope_lies_within_the_estimated_error(case: tuple[Tree, Point]) -> None:
    tree, point = case
    asked = problem(text(tree), point, sorted(point), "float64")
    for name, (difference,) in by_finite_difference(asked).items():
        exact = float(exact_slope(tree, point, name))
        assert abs(difference.central - exact) <= difference.error + 1e-9 * abs(exact)


def test_the_step_grows_with_the_number_and_is_never_smaller_than_for_one() -> None:
    asked = problem("w*x", {"w": 1000.0, "x": 1e-3}, ["w", "x"], "float64")
    found = by_finite_difference(asked)
    assert found["w"][0].step == 1000 * RELATIVE_STEP
    assert found["x"][0].step == RELATIVE_STEP


def test_a_loss_that_bends_within_a_step_is_looked_at_with_a_finer_one() -> None:
    (difference,) = by_finite_difference(problem("1/w", {"w": 1e-6}, ["w"], "float64"))["w"]
    assert difference.step in FINER_STEPS
    assert difference.central == pytest.approx(-1e12, rel=1e-3)


@pytest.mark.parametrize(("formula", "jump"), [("relu(w)", 1.0), ("abs(w)", 2.0), ("max(3*w, w)", 2.0)])
def test_a_kink_shows_as_the_jump_of_the_slope(formula: str, jump: float) -> None:
    (difference,) = by_finite_difference(problem(formula, {"w": 0.0}, ["w"], "float64"))["w"]
    assert difference.jump == pytest.approx(jump)


@pytest.mark.parametrize("formula", ["w**2", "w**3", "w**4", "sin(w)", "exp(w)", "w*tanh(9*w)"])
def test_a_smooth_loss_has_no_jump(formula: str) -> None:
    (difference,) = by_finite_difference(problem(formula, {"w": 0.0}, ["w"], "float64"))["w"]
    assert difference.jump == 0.0


def test_every_number_of_a_batch_has_a_difference_of_its_own() -> None:
    asked = problem("w*x**2", {"w": 3.0, "x": [1.0, 2.0, 5.0]}, ["x"], "float64", "sum")
    slopes = [difference.central for difference in by_finite_difference(asked)["x"]]
    assert slopes == pytest.approx([6.0, 12.0, 30.0], rel=1e-8)


def test_a_loss_without_a_value_beside_the_point_has_no_difference() -> None:
    (difference,) = by_finite_difference(problem("sqrt(w)", {"w": 0.0}, ["w"], "float64"))["w"]
    assert math.isnan(difference.central)


def test_the_loss_at_many_points_is_the_loss_at_each() -> None:
    asked = problem("(w*x + b)**2", {"w": 0.0, "x": [1.0, 2.0], "b": 1.0}, ["w"], "float64", "mean")
    points = {
        "w": torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64),
        "x": torch.tensor([[1.0, 2.0]], dtype=torch.float64),
        "b": torch.tensor([[1.0]], dtype=torch.float64),
    }
    expected = [((w * 1 + 1) ** 2 + (w * 2 + 1) ** 2) / 2 for w in (0.0, 1.0, 2.0)]
    assert loss_at(asked.expression, points).tolist() == expected
