"""What a gradient depends on, and how values that do not fit are refused."""

import math
from collections.abc import Mapping, Sequence

import pytest
import torch

from core.gradients.expression import ExpressionError
from core.gradients.problem import MAX_BATCH, ProblemError, problem

LOSS = "(w*x + b - y)**2"
VALUES: dict[str, float | Sequence[float]] = {"w": 0.5, "x": 2, "b": 0.1, "y": 5}


@pytest.mark.parametrize(
    ("values", "wrt", "dtype", "reduction", "message"),
    [
        ({"w": 1, "x": 2, "b": 3}, ["w"], "float32", "mean", "`y` has no value"),
        (VALUES | {"w": math.nan}, ["w"], "float32", "mean", "`w` is nan: give a finite number"),
        (VALUES | {"w": math.inf}, ["w"], "float32", "mean", "`w` is inf: give a finite number"),
        (VALUES | {"x": []}, ["w"], "float32", "mean", "`x` has 0 numbers: give 1 to 64"),
        (VALUES | {"x": [1.0] * 65}, ["w"], "float32", "mean", "`x` has 65 numbers: give 1 to 64"),
        (VALUES | {"x": [1.0, math.nan]}, ["w"], "float32", "mean", "`x[1]` is nan"),
        (VALUES | {"x": [1.0, 2.0], "y": [1.0]}, ["w"], "float32", "mean", "`x` has 2, `y` has 1 numbers"),
        (VALUES, [], "float32", "mean", "choose at least one"),
        (VALUES, ["z"], "float32", "mean", "`z` is not in the loss: choose among w, x, b, y"),
        (VALUES, ["w"], "float8", "mean", "choose one of float64, float32, bfloat16, float16"),
        (VALUES, ["w"], "float32", "max", "choose mean or sum"),
    ],
)
def test_values_that_do_not_fit_are_refused_in_one_line_that_names_them(
    values: Mapping[str, float | Sequence[float]], wrt: list[str], dtype: str, reduction: str, message: str
) -> None:
    with pytest.raises(ProblemError) as caught:
        problem(LOSS, values, wrt, dtype, reduction)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_loss_that_is_no_formula_is_refused_as_such() -> None:
    with pytest.raises(ExpressionError, match="never closed"):
        problem("(w", {"w": 1}, ["w"])


def test_a_batch_adds_the_reduction_to_the_loss() -> None:
    given = problem(LOSS, VALUES | {"x": [1.0, 2.0, 3.0]}, ["w"], "float64", "sum")
    assert given.expression.nodes[-1].op == "sum"
    assert given.formula.nodes[-1].op == "pow"
    assert (given.batch, given.reduction) == (3, "sum")
    assert given.tensors()["x"].shape == (3,)


def test_numbers_alone_have_no_reduction() -> None:
    given = problem(LOSS, VALUES, ["w", "w"])
    assert given.expression == given.formula
    assert (given.batch, given.reduction, given.wrt) == (1, None, ("w",))


def test_the_largest_batch_is_accepted() -> None:
    assert problem("w*x", {"w": 1, "x": [0.5] * MAX_BATCH}, ["x"]).batch == MAX_BATCH


def test_names_that_the_loss_does_not_use_are_ignored() -> None:
    assert set(problem("w*2", {"w": 1, "z": math.nan}, ["w"]).values) == {"w"}


def test_each_call_makes_new_leaves_in_the_dtype() -> None:
    given = problem(LOSS, VALUES, ["w"], "bfloat16")
    one, two = given.tensors(requires_grad=True), given.tensors(requires_grad=True)
    assert one["w"] is not two["w"]
    assert one["w"].requires_grad
    assert one["w"].is_leaf
    assert not one["x"].requires_grad
    assert {tensor.dtype for tensor in one.values()} == {torch.bfloat16}


def test_exact_tensors_hold_what_the_dtype_holds() -> None:
    given = problem("w", {"w": 0.1}, ["w"], "float16")
    assert given.exact["w"].dtype == torch.float64
    assert float(given.exact["w"]) == 0.0999755859375


def test_a_whole_number_beyond_float64_is_refused_in_one_line() -> None:
    with pytest.raises(ProblemError, match=r"^`w` is inf: give a finite number such as 0\.5\.$"):
        problem("w", {"w": 10**400}, ["w"])
