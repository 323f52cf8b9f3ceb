"""Every operation's value and slope, against mpmath, SymPy and PyTorch's own conventions."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.gradients.evaluation import apply, evaluate
from core.gradients.expression import FUNCTION_ARITY
from core.gradients.operations import DTYPES, LOCAL_DERIVATIVES, OPERATIONS, dtype_of, local_derivatives
from tests.core.gradients.strategies import MPMATH, SYMPY

VISIBLE = (
    "add",
    "sub",
    "mul",
    "div",
    "neg",
    *(name for name in FUNCTION_ARITY if name not in {"min", "max"}),
)
POSITIVE_FIRST = {"log", "sqrt", "pow"}


def arity(name: str) -> int:
    return len(OPERATIONS[name].local)


def operands(name: str, first: float, second: float) -> list[float]:
    first = abs(first) if name in POSITIVE_FIRST else first
    return [first, second][: arity(name)]


_away_from_zero = st.floats(0.05, 3.0).flatmap(lambda size: st.sampled_from([size, -size]))


@pytest.mark.parametrize("name", [*VISIBLE, "min", "max"])
@settings(max_examples=15, deadline=None)
@given(first=_away_from_zero, second=_away_from_zero)
def test_the_value_is_the_mathematical_one(name: str, first: float, second: float) -> None:
    for dtype in DTYPES:
        tensors = [torch.tensor(number, dtype=dtype_of(dtype)) for number in operands(name, first, second)]
        found = apply(OPERATIONS[name], list(tensors))
        expected = float(MPMATH[name](*(mpmath.mpf(float(tensor)) for tensor in tensors)))
        assert isinstance(found, torch.Tensor)
        assert found.dtype == dtype_of(dtype)
        assert float(found) == pytest.approx(expected, rel=4 * torch.finfo(dtype_of(dtype)).eps)


@pytest.mark.parametrize("name", [*VISIBLE, "min", "max"])
@settings(max_examples=10, deadline=None)
@given(first=_away_from_zero, second=_away_from_zero)
def test_the_slope_is_sympys_derivative(name: str, first: float, second: float) -> None:
    symbols = sympy.symbols("a b", real=True)[: arity(name)]
    numbers = operands(name, first, second)
    if name in {"min", "max"} and first == second:
        return
    formula = SYMPY[name](*symbols)
    at = dict(zip(symbols, map(sympy.Float, numbers), strict=True))
    environment: dict[str, Any] = {
        letter: torch.tensor(number, dtype=torch.float64)
        for letter, number in zip("ab", numbers, strict=False)
    }
    environment["out"] = apply(OPERATIONS[name], [environment[letter] for letter in "ab"[: arity(name)]])
    for symbol, local in zip(symbols, LOCAL_DERIVATIVES[name], strict=True):
        expected = float(sympy.diff(formula, symbol).subs(at).evalf(20))
        assert float(evaluate(local, environment)[-1]) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0, -1.0, 0.5])
@pytest.mark.parametrize("base", [0.0, 0.7, -1.3])
def test_a_constant_powers_slope_is_pytorchs_also_at_zero(exponent: float, base: float) -> None:
    a = torch.tensor(base, dtype=torch.float64, requires_grad=True)
    out = a**exponent
    (expected,) = torch.autograd.grad(out, a)
    formula = local_derivatives("pow", exponent)[0]
    found = float(evaluate(formula, {"a": a.detach(), "b": exponent, "out": out.detach()})[-1])
    assert found == pytest.approx(float(expected), rel=1e-12, nan_ok=True)


KINKS: list[tuple[str, Callable[..., torch.Tensor], tuple[float, ...]]] = [
    ("relu", torch.relu, (0.0,)),
    ("relu", torch.relu, (-0.0,)),
    ("abs", torch.abs, (0.0,)),
    ("max", torch.maximum, (1.5, 1.5)),
    ("min", torch.minimum, (1.5, 1.5)),
    ("max", torch.maximum, (0.0, -0.0)),
    ("min", torch.minimum, (-2.0, 1.0)),
    ("max", torch.maximum, (-2.0, 1.0)),
]


@pytest.mark.parametrize(("name", "function", "numbers"), KINKS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_slope_at_a_kink_is_the_one_pytorch_chose(
    name: str, function: Callable[..., torch.Tensor], numbers: tuple[float, ...], dtype: str
) -> None:
    leaves = [torch.tensor(number, dtype=dtype_of(dtype), requires_grad=True) for number in numbers]
    expected = torch.autograd.grad(function(*leaves), leaves)
    environment = {letter: leaf.detach() for letter, leaf in zip("ab", leaves, strict=False)}
    found = [float(evaluate(local, environment)[-1]) for local in LOCAL_DERIVATIVES[name]]
    assert found == [float(gradient) for gradient in expected]


@pytest.mark.parametrize("value", [15.0, 19.9, 20.1, 25.0, 37.0, 45.0, 500.0, -500.0])
def test_softplus_is_smooth_where_pytorchs_default_jumps_to_a_straight_line(value: float) -> None:
    a = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    out = OPERATIONS["softplus"].forward(a)
    (slope,) = torch.autograd.grad(out, a)
    with mpmath.workdps(400):
        assert float(out.detach()) == pytest.approx(float(mpmath.log1p(mpmath.exp(value))), rel=1e-15)
        assert float(slope) == pytest.approx(float(1 / (1 + mpmath.exp(-value))), rel=1e-15)


def test_a_dtype_has_a_name_and_nothing_else_has() -> None:
    assert [dtype_of(name) for name in DTYPES] == [
        torch.float64,
        torch.float32,
        torch.bfloat16,
        torch.float16,
    ]
    for name in ("float", "int64", "nn", ""):
        with pytest.raises(ValueError, match="choose one of float64, float32, bfloat16, float16"):
            dtype_of(name)


def test_every_function_a_visitor_may_call_is_an_operation_of_that_many_inputs() -> None:
    for name, count in FUNCTION_ARITY.items():
        assert arity(name) == count


def test_no_operation_is_without_a_symbol() -> None:
    assert all(operation.symbol for operation in OPERATIONS.values())
    assert math.prod(len(operation.local) for operation in OPERATIONS.values()) > 0
