"""Infinite results and results that are not a number have a reason, in words."""

import math

import pytest

from core.gradients.not_finite import find_not_finite
from core.gradients.problem import problem
from core.gradients.reverse import differentiate
from core.gradients.witnesses import Verdict, compare
from tests.core.gradients.strategies import Point

LOSS = "(w*x + b - y)**2"
VALUES = {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0}


@pytest.mark.parametrize(
    ("formula", "values", "dtype", "reason"),
    [
        ("log(w)", {"w": -1.0}, "float32", "log(-1): a logarithm needs a positive number"),
        ("log(w)", {"w": 0.0}, "float32", "log(0): a logarithm needs a positive number"),
        ("1/w", {"w": 0.0}, "float32", "division by zero"),
        ("w/w", {"w": 0.0}, "float32", "0/0 is not a number"),
        ("sqrt(w)", {"w": 0.0}, "float32", "the loss is finite, but the slope of sqrt at 0 is not"),
        ("sqrt(w)", {"w": -2.0}, "float32", "sqrt(-2): a square root needs a number that is not negative"),
        ("w**-1", {"w": 0.0}, "float32", "0 to a negative power is a division by zero"),
        (
            "w**0.5",
            {"w": -2.0},
            "float32",
            "(-2)**(0.5): a negative number has no real power with a fraction",
        ),
        ("(w*x)**2", {"w": 300.0, "x": 300.0}, "float16", "mul overflows float16"),
        ("exp(w)", {"w": 1000.0}, "float64", "exp overflows float64"),
        ("w*2", {"w": 1e300}, "float32", "w does not fit float32: its largest number is 3.403e+38"),
        ("w**2*1e-30 - x", {"w": 1e20, "x": 0.0}, "float32", "pow overflows float32"),
        ("0*log(w)", {"w": 0.0}, "float32", "log(0)"),
    ],
)
def test_a_number_that_is_not_finite_has_a_reason(
    formula: str, values: Point, dtype: str, reason: str
) -> None:
    found = compare(formula, values, sorted(values), dtype)
    assert reason in found.reason
    assert found.verdict is Verdict.NOT_FINITE
    for row in found:
        assert row.verdict is Verdict.NOT_FINITE
        assert reason in row.explanation
        assert len(row.explanation.splitlines()) == 1


def test_float32_overflow_leaves_a_finite_gradient_and_says_so() -> None:
    found = compare(LOSS, {"w": 1e10, "x": 1e10, "b": 0.5, "y": 1.0}, ["w"], "float32")
    row = found["w"]
    assert found.loss == math.inf
    assert row.autograd == pytest.approx(2e30, rel=1e-6)
    assert row.verdict is Verdict.NOT_FINITE
    assert "pow overflows float32" in row.explanation
    assert "without noticing" in row.explanation


@pytest.mark.parametrize(
    ("formula", "w", "in_forward"), [("log(w)", -1.0, True), ("sqrt(w)", 0.0, False), ("w**2", 3.0, False)]
)
def test_a_lost_value_is_told_from_a_lost_slope(formula: str, w: float, in_forward: bool) -> None:
    given = problem(formula, {"w": w}, ["w"], "float64")
    found = find_not_finite(given, differentiate(given))
    assert found.in_forward is in_forward
    assert bool(found.reason) == (formula != "w**2")
