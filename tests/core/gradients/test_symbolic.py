"""Derivatives as formulas, against SymPy's."""

import pytest
import sympy
import torch
from hypothesis import assume, given, settings

from core.gradients.evaluation import evaluate, final
from core.gradients.expression import CONSTANT, VARIABLE, Expression, parse
from core.gradients.latex import latex
from core.gradients.symbolic import derivative, written_size
from tests.core.gradients.strategies import Point, Tree, exact_slope, smooth_problems, symbolic, text


def value(expression: Expression, point: Point) -> float:
    tensors = {name: torch.tensor(number, dtype=torch.float64) for name, number in point.items()}
    return float(final(evaluate(expression, tensors), torch.zeros((), dtype=torch.float64)))


@settings(max_examples=60, deadline=None)
@given(smooth_problems(bound=20.0))
def test_the_formula_has_the_value_of_the_derivative(case: tuple[Tree, Point]) -> None:
    tree, point = case
    for name in point:
        expected = float(exact_slope(tree, point, name))
        assert value(derivative(parse(text(tree)), name), point) == pytest.approx(
            expected, rel=1e-8, abs=1e-8
        )


@settings(max_examples=25, deadline=None)
@given(smooth_problems(depth=2, bound=20.0))
def test_the_formula_is_sympys_derivative(case: tuple[Tree, Point]) -> None:
    tree, point = case
    at = {sympy.Symbol(name, real=True): sympy.Float(number, 30) for name, number in point.items()}
    for name in point:
        expected = sympy.diff(symbolic(tree), sympy.Symbol(name, real=True)).subs(at).evalf(20)
        assume(expected.is_finite)
        assert value(derivative(parse(text(tree)), name), point) == pytest.approx(
            float(expected), rel=1e-8, abs=1e-8
        )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("w", "2*(w*x + b - y)*x"),
        ("x", "2*(w*x + b - y)*w"),
        ("b", "2*(w*x + b - y)"),
        ("y", "-(2*(w*x + b - y))"),
    ],
)
def test_the_worked_example_is_written_as_a_person_would(name: str, expected: str) -> None:
    found = latex(derivative(parse("(w*x + b - y)**2"), name))
    assert found.replace(" ", "") == latex(parse(expected)).replace(" ", "")


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("x", "1"),
        ("3*x", "3"),
        ("x + x", "2"),
        ("x - x", "0"),
        ("x**2", "2*x"),
        ("x**1", "1"),
        ("x**0", "0"),
        ("-x", "-1"),
        ("x**3", "3*x**2"),
        ("exp(x)", "exp(x)"),
        ("sin(x)", "cos(x)"),
        ("cos(x)", "-sin(x)"),
        ("y*x", "y"),
        ("y - x", "-1"),
        ("x/y", "1/y"),
        ("log(x)", "1/x"),
        ("y", "0"),
    ],
)
def test_simple_derivatives_are_simple(formula: str, expected: str) -> None:
    assert latex(derivative(parse(formula), "x")) == latex(parse(expected, allow_constant=True))


def test_a_derivative_uses_only_what_it_needs() -> None:
    found = derivative(parse("w*x + exp(y)"), "w")
    assert [node.op for node in found.nodes] == [VARIABLE]
    assert [node.op for node in derivative(parse("w*x"), "z").nodes] == [CONSTANT]


def test_a_shared_part_counts_as_often_as_it_is_written() -> None:
    assert written_size(parse("x")) == 1
    assert written_size(parse("x*x + 1")) == 5
    squared = "x"
    for _ in range(10):
        squared = f"({squared})**2"
    assert written_size(parse(squared)) == 21
