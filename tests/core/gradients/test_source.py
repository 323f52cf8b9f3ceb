"""Formulas as text: what is written is what was meant, with no parenthesis too many."""

import math
from types import MappingProxyType

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.gradients import ExpressionError, parse
from core.gradients.evaluation import evaluate, final
from core.gradients.source import Dialect, folded, infix, number

NAMES = ("a", "b", "w", "x")
VALUES = MappingProxyType({"a": 1.25, "b": -0.75, "w": 0.5, "x": 3.0})
FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sigmoid", "relu", "softplus", "abs")


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Longer formulas from shorter ones, with and without parentheses, so that Python decides what binds."""
    return st.one_of(
        st.builds("{}{}{}".format, inner, st.sampled_from(["+", "-", "*", "/", "**", " - "]), inner),
        st.builds("({})".format, inner),
        st.builds("-{}".format, inner),
        st.builds("{}({})".format, st.sampled_from(FUNCTIONS), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max", "pow"]), inner, inner),
        st.builds("{}({}, {}, {})".format, st.sampled_from(["min", "max"]), inner, inner, inner),
    )


names = st.sampled_from(NAMES)
constants = st.one_of(st.integers(0, 10**20).map(str), st.floats(0, 1e300).map(repr))
formulas = st.recursive(st.one_of(names, constants), grow, max_leaves=12)
formulas_of_names = st.recursive(names, grow, max_leaves=12)


@settings(deadline=None)
@given(formulas)
def test_a_formula_is_read_back_into_the_same_nodes(text: str) -> None:
    expression = parse(text, allow_constant=True)
    assert parse(infix(expression), allow_constant=True).nodes == expression.nodes


PYTHON = MappingProxyType(
    {name: getattr(math, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh")}
    | {"abs": abs, "min": min, "max": max, "pow": pow, "relu": lambda a: max(a, 0.0)}
    | {"sigmoid": lambda a: 1 / (1 + math.exp(-a)), "softplus": lambda a: math.log1p(math.exp(a))}
)


def by_python(text: str) -> object:
    """What Python itself makes of a formula: its own order of operations."""
    try:
        return eval(text, {**PYTHON, **VALUES})  # noqa: S307 (the text is the strategy's own)
    except (ArithmeticError, ValueError, TypeError) as error:
        return type(error)


@settings(deadline=None)
@given(formulas_of_names)
def test_python_computes_the_same_number_from_the_text_that_was_typed_and_the_one_written(text: str) -> None:
    assert repr(by_python(infix(parse(text)))) == repr(by_python(text))


@settings(deadline=None)
@given(formulas_of_names)
def test_our_own_evaluation_follows_pythons_order(text: str) -> None:
    expected = by_python(text)
    assume(isinstance(expected, float) and abs(expected) < 1e100)
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in VALUES.items()}
    found = final(evaluate(parse(text), tensors), tensors["a"])
    # A long chain may amplify the last bit, in which math and torch may differ.
    assert float(found) == pytest.approx(expected, rel=1e-6, abs=1e-6) or abs(found) > 1e6


@settings(deadline=None)
@given(formulas)
def test_the_torch_text_computes_what_the_page_computes(text: str) -> None:
    expression = parse(text, allow_constant=True)
    assume(expression.variables)
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in VALUES.items()}
    page = final(evaluate(expression, tensors), tensors["a"])
    source = infix(expression, Dialect.TORCH)
    program = eval(source, {"torch": torch, "dtype": torch.float64, **tensors})  # noqa: S307 (our own text)
    torch.testing.assert_close(program, page, rtol=1e-7, atol=1e-7, equal_nan=True)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("((w*x)+b)-y", "w*x + b - y"),
        ("w*x+(b-y)", "w*x + (b - y)"),
        ("a-(b-c)", "a - (b - c)"),
        ("a/(b*c)", "a/(b*c)"),
        ("(a**b)**c", "(a**b)**c"),
        ("a**(b**c)", "a**b**c"),
        ("-(x**2)", "-x**2"),
        ("(-x)**2", "(-x)**2"),
        ("x**(-1)", "x**-1"),
        ("2*(-x)", "2*(-x)"),
        ("2.0*x + 0.50", "2*x + 0.5"),
        ("pow(x, 2)", "x**2"),
        ("max(a, b, c)", "max(a, b, c)"),
        ("max(max(a, b), c)", "max(max(a, b), c)"),
    ],
)  # fmt: skip
def test_no_more_parentheses_than_needed(typed: str, written: str) -> None:
    if typed != "max(max(a, b), c)":  # read in the same order, so written in the shorter way or this one
        assert infix(parse(typed)) == written
    assert parse(infix(parse(typed))).nodes == parse(typed).nodes


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2"), (0.1, "0.1"), (0.0, "0"), (-0.0, "-0.0"), (1e16, "1e+16"), (-3.0, "-3"),
        (math.inf, "float('inf')"), (-math.inf, "-float('inf')"), (math.nan, "float('nan')"),
    ],
)  # fmt: skip
def test_numbers_keep_all_their_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_torch_program_never_asks_python_for_what_it_cannot_compute() -> None:
    text = infix(parse("w + 1/0 + 10**400 + (2 - 5)**0.5 + exp(1)"), Dialect.TORCH)
    assert text == "w + float('inf') + float('inf') + float('nan') + 2.718281828459045"


def test_a_power_tower_of_constants_is_one_number_in_a_program() -> None:
    assert infix(parse("w*9**9**9"), Dialect.TORCH) == "w*float('inf')"


def test_variables_can_be_written_under_another_name() -> None:
    assert infix(parse("torch*x"), Dialect.TORCH, {"torch": "torch_"}) == "torch_*x"


def test_folding_leaves_one_constant() -> None:
    assert infix(folded(parse("b*a**(3 - 1)"))) == "b*a**2"


def test_a_thousand_operations_deep_formula_needs_no_recursion() -> None:
    text = "+".join(["x"] * 180)
    assert infix(parse(text)) == " + ".join(["x"] * 180)


def test_what_is_no_formula_has_no_text() -> None:
    with pytest.raises(ExpressionError):
        infix(parse("x +"))
