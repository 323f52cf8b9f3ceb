"""The operations of a formula: each with its value, its local derivatives and how it is written.

A local derivative is itself a formula: `a` and `b` are the operation's inputs, `out` its value, `n` the
number of elements it reads. From this one text come the number (evaluated like any formula), the symbols
on the page and the oracle's check. Conventions at kinks are PyTorch's own: `relu'(0) = 0`, `abs'(0) = 0`,
and a tie of `min` or `max` shares the gradient equally.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import torch
from torch import Tensor

from core.gradients.expression import FUNCTION_ARITY, Expression, parse

Forward: TypeAlias = Callable[..., Tensor]


@dataclass(frozen=True)
class Operation:
    """One operation of a formula.

    Attributes:
        name: the name used in expressions, such as `mul` or `tanh`.
        forward: computes the value from tensors (and Python numbers where `tensors_only` is off).
        local: the derivative of the value by each input, as formulas in `a`, `b`, `out`, `n`.
        symbol: how a graph writes it.
        tensors_only: whether PyTorch refuses Python numbers as an input.
    """

    name: str
    forward: Forward
    local: tuple[str, ...]
    symbol: str
    tensors_only: bool = False


def _above(a: Tensor, b: Tensor) -> Tensor:
    """1 where a > b, 0 where a < b, one half at a tie: how PyTorch shares the gradient of a maximum."""
    return (a > b).to(a.dtype) + (a == b).to(a.dtype) / 2


def _step(a: Tensor) -> Tensor:
    """1 where a > 0, else 0 (0 at 0 too, as in PyTorch's relu)."""
    return (a > 0).to(a.dtype)


def _softplus(a: Tensor) -> Tensor:
    return torch.nn.functional.softplus(a, threshold=40.0)  # the default of 20 is felt in float64


def _mean(a: Tensor) -> Tensor:
    return a.mean() if a.dim() == 1 else a.mean(-1)


def _sum(a: Tensor) -> Tensor:
    return a.sum() if a.dim() == 1 else a.sum(-1)


_ALL = (
    Operation("add", operator.add, ("1", "1"), "+"),
    Operation("sub", operator.sub, ("1", "-1"), "−"),
    Operation("mul", operator.mul, ("b", "a"), "×"),
    Operation("div", operator.truediv, ("1/b", "-a/b**2"), "÷", tensors_only=True),
    Operation("pow", operator.pow, ("b*a**(b - 1)", "out*log(a)"), "^"),
    Operation("neg", operator.neg, ("-1",), "−( )"),
    Operation("exp", torch.exp, ("out",), "exp"),
    Operation("log", torch.log, ("1/a",), "log"),
    Operation("sqrt", torch.sqrt, ("1/(2*out)",), "√"),
    Operation("sin", torch.sin, ("cos(a)",), "sin"),
    Operation("cos", torch.cos, ("-sin(a)",), "cos"),
    Operation("tan", torch.tan, ("1 + out**2",), "tan"),
    Operation("tanh", torch.tanh, ("1 - out**2",), "tanh"),
    Operation("sigmoid", torch.sigmoid, ("out*(1 - out)",), "σ"),
    Operation("relu", torch.relu, ("step(a)",), "relu"),
    Operation("softplus", _softplus, ("sigmoid(a)",), "softplus"),
    Operation("abs", torch.abs, ("sign(a)",), "| |"),
    Operation("min", torch.minimum, ("above(b, a)", "above(a, b)"), "min", tensors_only=True),
    Operation("max", torch.maximum, ("above(a, b)", "above(b, a)"), "max", tensors_only=True),
    # Not for visitors: the reduction of a batch, and the step functions that derivatives need.
    Operation("mean", _mean, ("1/n",), "mean"),
    Operation("sum", _sum, ("1",), "Σ"),
    Operation("step", _step, ("0",), "step"),
    Operation("sign", torch.sign, ("0",), "sign"),
    Operation("above", _above, ("0", "0"), ">", tensors_only=True),
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType({operation.name: operation for operation in _ALL})
REDUCTIONS = ("mean", "sum")
DTYPES = ("float64", "float32", "bfloat16", "float16")

_LOCAL_FUNCTIONS = {**FUNCTION_ARITY, "step": 1, "sign": 1, "above": 2}

LOCAL_DERIVATIVES: Mapping[str, tuple[Expression, ...]] = MappingProxyType(
    {
        operation.name: tuple(
            parse(formula, allow_constant=True, functions=_LOCAL_FUNCTIONS) for formula in operation.local
        )
        for operation in _ALL
    }
)

_POWER_RULES = {
    exponent: parse(formula, allow_constant=True)
    for exponent, formula in {0.0: "0", 1.0: "1", 2.0: "2*a"}.items()
}


def local_derivatives(op: str, exponent: float | None = None) -> tuple[Expression, ...]:
    """The derivative of an operation by each of its inputs, as formulas in `a`, `b`, `out`, `n`.

    Args:
        op: the operation's name.
        exponent: for `pow`, the exponent where it is a constant: small ones have a simpler rule, which is
            also right at zero, where `b*a**(b - 1)` is not (`0 * 0**-1`).
    """
    formulas = LOCAL_DERIVATIVES[op]
    if op == "pow" and exponent in _POWER_RULES:
        return _POWER_RULES[exponent], formulas[1]
    return formulas


def dtype_of(name: str) -> torch.dtype:
    """The dtype called `name`.

    Raises:
        ValueError: if it is none of float64, float32, bfloat16, float16.
    """
    if name not in DTYPES:
        raise ValueError(f"dtype {name!r} is not known: choose one of {', '.join(DTYPES)}.")
    dtype: torch.dtype = getattr(torch, name)
    return dtype
