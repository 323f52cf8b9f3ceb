"""Gradient descent: the steps are PyTorch's, and what became of them is said."""

import math

import pytest
import sympy
import torch

from core.gradients import Problem, ProblemError, problem
from core.gradients.descent import MAX_STEPS, Outcome, descend, largest_curvature
from core.gradients.evaluation import evaluate, final
from core.gradients.gallery import EXAMPLES, Example
from core.gradients.operations import DTYPES

VALUES = {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0}
WORKED = problem("(w*x + b - y)**2", VALUES, ["w", "b"])


def by_sgd(given: Problem, rate: float, steps: int) -> list[list[list[float]]]:
    """The path that `torch.optim.SGD` takes: per step, per variable, its numbers."""
    leaves = given.tensors(requires_grad=True)
    moving = [leaves[name] for name in given.wrt]
    optimizer = torch.optim.SGD(moving, lr=rate)
    path = [[leaf.detach().reshape(-1).tolist() for leaf in moving]]
    for _ in range(steps):
        optimizer.zero_grad()
        final(evaluate(given.expression, leaves), moving[0]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        path.append([leaf.detach().reshape(-1).tolist() for leaf in moving])
    return path


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shown", EXAMPLES, ids=lambda shown: shown.key)
def test_the_path_is_that_of_pytorchs_sgd_to_the_last_bit(shown: Example, dtype: str) -> None:
    given = problem(shown.loss, shown.values, shown.wrt, dtype)
    found = descend(given, 0.05, 20)
    assert [[[step.values[name]] for name in given.wrt] for step in found.path] == by_sgd(given, 0.05, 20)


def test_a_batch_descends_too_and_may_move_itself() -> None:
    given = problem("(w*x - y)**2", {"w": 0.5, "x": [1, 2], "y": [2, 3]}, ["w", "x"], "float64")
    found = descend(given, 0.05, 10)
    expected = by_sgd(given, 0.05, 10)
    assert [[[s.values["w"]], list(s.values["x"])] for s in found.path] == expected  # type: ignore[arg-type]
    assert found.along("w") == tuple(step[0][0] for step in expected)
    with pytest.raises(ProblemError, match="`x` is not one moving number: choose among w, x"):
        found.along("x")


def test_the_worked_example_converges_at_a_good_rate() -> None:
    found = descend(WORKED, 0.05, 60)
    assert found.outcome is Outcome.CONVERGED
    assert found.losses[0] == pytest.approx(15.21)
    assert found.losses[-1] < 1e-6
    assert f"after {found.at} steps" in found.explanation


def test_the_largest_stable_rate_is_two_over_the_curvature() -> None:
    found = descend(WORKED, 0.05, 5)
    assert found.curvature == pytest.approx(2 * (2**2 + 1))
    assert found.largest_stable_rate == pytest.approx(0.2)
    assert descend(WORKED, 0.199, 500).losses[-1] < 15
    assert descend(WORKED, 0.201, 500).losses[-1] > 15.21


def test_just_above_the_largest_stable_rate_the_loss_grows_and_the_rate_is_named() -> None:
    found = descend(WORKED, 0.21, 50)
    assert found.outcome is Outcome.DIVERGED
    assert found.explanation == (
        "The loss grows with every step: the learning rate of 0.21 is too large; "
        "here the largest stable rate is about 0.2."
    )


def test_at_the_largest_stable_rate_it_bounces() -> None:
    given = problem("(w - 1)**2", {"w": 3}, ["w"], "float64")
    found = descend(given, 1.0, 20)
    assert found.along("w")[:4] == (3, -1, 3, -1)
    assert "bounces from side to side" in found.explanation


def test_a_descent_that_explodes_stops_and_names_the_step() -> None:
    found = descend(WORKED, 3.0, 100)
    assert found.outcome is Outcome.DIVERGED
    assert len(found.path) == found.at + 1 < 10
    assert found.explanation.startswith(f"At step {found.at} the loss is ")
    assert "the learning rate of 3 is too large" in found.explanation


def test_a_loss_beyond_the_dtype_is_called_infinite() -> None:
    found = descend(WORKED, 1e30, 5)
    assert found.outcome is Outcome.DIVERGED
    assert found.explanation.startswith("At step 1 the loss is infinite: ")


def test_a_step_out_of_the_domain_is_said() -> None:
    found = descend(problem("log(w)", {"w": 0.5}, ["w"]), 1, 5)
    assert found.explanation.startswith("Step 1 left the region where the loss is defined")


def test_a_loss_without_a_lowest_point_is_not_blamed_on_the_learning_rate() -> None:
    found = descend(problem("-exp(w)", {"w": 1}, ["w"]), 1, 100)
    assert found.outcome is Outcome.DIVERGED
    assert found.explanation.startswith("The loss has no lowest point")


def test_too_few_steps_leave_it_moving() -> None:
    found = descend(WORKED, 0.001, 10)
    assert found.outcome is Outcome.MOVING
    assert found.explanation.startswith("Still moving after 10 steps: the loss went from 15.21 to ")


def test_steps_below_the_spacing_of_the_numbers_leave_it_stuck() -> None:
    found = descend(problem("(w - 1000)**2", {"w": 900}, ["w"], "bfloat16"), 1e-6, 10)
    assert found.outcome is Outcome.STUCK
    assert found.at == 0
    assert found.along("w") == (900.0,) * 11
    assert "smaller than the spacing of bfloat16 numbers" in found.explanation


def test_a_flat_start_is_said() -> None:
    found = descend(problem("relu(w)", {"w": -1}, ["w"]), 0.1, 3)
    assert (found.outcome, found.at) == (Outcome.CONVERGED, 0)
    assert found.explanation == "The slope is zero at the start: there is no way down from here."


def test_a_start_that_is_not_finite_is_said() -> None:
    found = descend(problem("log(w)", {"w": -1}, ["w"]), 0.1, 3)
    assert (found.outcome, len(found.path)) == (Outcome.DIVERGED, 1)
    assert "not a finite number at the start" in found.explanation


@pytest.mark.parametrize("shown", EXAMPLES, ids=lambda shown: shown.key)
def test_the_curvature_is_the_largest_eigenvalue_of_sympys_hessian(shown: Example) -> None:
    names = {name: sympy.Symbol(name, real=True) for name in shown.values}
    helpers = {
        "softplus": lambda a: sympy.log(1 + sympy.exp(a)), "relu": lambda a: sympy.Max(a, 0),
        "min": sympy.Min, "max": sympy.Max, "abs": sympy.Abs,
    }  # fmt: skip
    loss = sympy.sympify(shown.loss, locals={**helpers, **names})
    hessian = sympy.hessian(loss, [names[name] for name in shown.wrt]).doit()
    point = {names[name]: value for name, value in shown.values.items()}
    at = [[float(entry.subs(point).doit()) for entry in row] for row in hessian.tolist()]
    expected = float(torch.linalg.eigvalsh(torch.tensor(at, dtype=torch.float64))[-1])
    given = problem(shown.loss, shown.values, shown.wrt)
    assert largest_curvature(given) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_straight_loss_has_no_largest_rate() -> None:
    found = descend(problem("3*w", {"w": 1}, ["w"]), 0.1, 3)
    assert (found.curvature, found.largest_stable_rate) == (0.0, None)


def test_the_curvature_of_many_numbers_is_left_out() -> None:
    given = problem("x**2", {"x": [1.0] * 40}, ["x"])
    assert largest_curvature(given) is None


def test_a_curvature_that_is_not_finite_is_none() -> None:
    assert largest_curvature(problem("sqrt(w)", {"w": 0}, ["w"])) is None


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_a_learning_rate_must_be_finite_and_above_zero(rate: float) -> None:
    with pytest.raises(ProblemError) as caught:
        descend(WORKED, rate, 10)
    assert str(caught.value) == f"The learning rate is {rate:g}: give a number above 0, such as 0.05."


@pytest.mark.parametrize("steps", [0, -1, MAX_STEPS + 1])
def test_the_number_of_steps_is_bounded(steps: int) -> None:
    with pytest.raises(ProblemError) as caught:
        descend(WORKED, 0.1, steps)
    assert str(caught.value) == f"The number of steps is {steps}: choose 1 to 500 for this loss."


def test_a_long_loss_gets_fewer_steps() -> None:
    long = problem("+".join(["w*w"] * 150), {"w": 0.1}, ["w"])
    with pytest.raises(ProblemError, match=r"choose 1 to 133 for this loss"):
        descend(long, 0.001, 500)
    assert len(descend(long, 0.001, 133).path) == 134
