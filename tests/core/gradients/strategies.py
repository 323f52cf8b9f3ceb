"""Random formulas as trees of our own, each with four readings that share no code with the product.

A `Tree` is printed by Python's own `ast.unparse` (so the brackets are Python's), computed in many digits by
mpmath, written as a SymPy object, and run as a plain PyTorch program.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import mpmath
import sympy
import torch
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from torch import Tensor

DTYPES = ("float64", "float32", "bfloat16", "float16")
NAMES = ("w", "x", "b", "y")
Point: TypeAlias = dict[str, float]


@dataclass(frozen=True)
class Tree:
    """A variable (`leaf` is its name), a number (`leaf` is it), or an operation on other trees."""

    op: str
    inputs: tuple[Tree, ...] = ()
    leaf: str | float = 0.0


def variable(name: str) -> Tree:
    """A tree that is one variable."""
    return Tree("variable", leaf=name)


def constant(value: float) -> Tree:
    """A tree that is one number, which must not be negative."""
    return Tree("constant", leaf=value)


def apply(op: str, *inputs: Tree) -> Tree:
    """A tree that is an operation."""
    return Tree(op, inputs)


_AST_OPERATORS: dict[str, ast.operator] = {
    "add": ast.Add(), "sub": ast.Sub(), "mul": ast.Mult(), "div": ast.Div(), "pow": ast.Pow(),
}  # fmt: skip


def syntax(tree: Tree) -> ast.expr:
    """The tree as Python's syntax."""
    inputs = [syntax(item) for item in tree.inputs]
    if tree.op == "variable":
        return ast.Name(str(tree.leaf), ast.Load())
    if tree.op == "constant":
        return ast.Constant(tree.leaf)
    if tree.op in _AST_OPERATORS:
        return ast.BinOp(inputs[0], _AST_OPERATORS[tree.op], inputs[1])
    if tree.op in {"neg", "pos"}:
        return ast.UnaryOp(ast.USub() if tree.op == "neg" else ast.UAdd(), inputs[0])
    name = "pow" if tree.op == "pow_call" else tree.op
    return ast.Call(ast.Name(name, ast.Load()), inputs, [])


def text(tree: Tree) -> str:
    """The tree as a visitor would type it, with no more brackets than Python needs."""
    return ast.unparse(ast.fix_missing_locations(ast.Expression(syntax(tree))))


def names(tree: Tree) -> set[str]:
    """The variables that a tree uses."""
    if tree.op == "variable":
        return {str(tree.leaf)}
    return set().union(*(names(item) for item in tree.inputs))


MPMATH: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "pow": operator.pow, "pow_call": operator.pow, "neg": operator.neg, "pos": operator.pos,
    "exp": mpmath.exp, "log": mpmath.log, "sqrt": mpmath.sqrt, "sin": mpmath.sin, "cos": mpmath.cos,
    "tan": mpmath.tan, "tanh": mpmath.tanh, "sigmoid": lambda a: 1 / (1 + mpmath.exp(-a)),
    "softplus": lambda a: mpmath.log1p(mpmath.exp(a)), "relu": lambda a: max(a, mpmath.mpf(0)),
    "abs": abs, "min": min, "max": max,
}  # fmt: skip


def exact(tree: Tree, values: Mapping[str, float | mpmath.mpf]) -> mpmath.mpf:
    """The tree's value in mpmath's current precision."""
    if tree.op == "variable":
        return mpmath.mpf(values[str(tree.leaf)])
    if tree.op == "constant":
        return mpmath.mpf(tree.leaf)
    return MPMATH[tree.op](*(exact(item, values) for item in tree.inputs))


def exact_slope(tree: Tree, values: Mapping[str, float], name: str) -> mpmath.mpf:
    """The tree's derivative by one variable, by a difference quotient in 60 digits: good to about 20."""
    with mpmath.workdps(60):
        step = mpmath.mpf(10) ** -20

        def at(offset: mpmath.mpf) -> mpmath.mpf:
            return exact(tree, {**values, name: mpmath.mpf(values[name]) + offset})

        return (at(step) - at(-step)) / (2 * step)


SYMPY: dict[str, Callable[..., Any]] = {
    **{op: MPMATH[op] for op in ("add", "sub", "mul", "div", "pow", "pow_call", "neg", "pos")},
    "exp": sympy.exp, "log": sympy.log, "sqrt": sympy.sqrt, "sin": sympy.sin, "cos": sympy.cos,
    "tan": sympy.tan, "tanh": sympy.tanh, "sigmoid": lambda a: 1 / (1 + sympy.exp(-a)),
    "softplus": lambda a: sympy.log(1 + sympy.exp(a)), "relu": lambda a: sympy.Max(a, 0),
    "abs": sympy.Abs, "min": sympy.Min, "max": sympy.Max,
}  # fmt: skip


def symbolic(tree: Tree) -> sympy.Expr:
    """The tree as a SymPy object, made from SymPy's constructors and never from text."""
    if tree.op == "variable":
        return sympy.Symbol(str(tree.leaf), real=True)
    if tree.op == "constant":
        return sympy.Rational(*float(tree.leaf).as_integer_ratio())
    return SYMPY[tree.op](*(symbolic(item) for item in tree.inputs))


TORCH: dict[str, Callable[..., Tensor]] = {
    **{op: MPMATH[op] for op in ("add", "sub", "mul", "div", "pow", "pow_call", "neg", "pos")},
    "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "sin": torch.sin, "cos": torch.cos,
    "tan": torch.tan, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu, "abs": torch.abs,
    "softplus": torch.nn.functional.softplus, "min": torch.minimum, "max": torch.maximum,
}  # fmt: skip


def program(tree: Tree, tensors: Mapping[str, Tensor]) -> Tensor | float:
    """The tree as a PyTorch program in which numbers are Python's numbers."""
    if tree.op == "variable":
        return tensors[str(tree.leaf)]
    if tree.op == "constant":
        return float(tree.leaf)
    inputs = [program(item, tensors) for item in tree.inputs]
    like = next((item for item in inputs if isinstance(item, Tensor)), None)
    if like is None:
        return float(TORCH[tree.op](*(torch.tensor(item, dtype=torch.float64) for item in inputs)))
    if tree.op in {"min", "max"}:
        inputs = [item if isinstance(item, Tensor) else like.new_tensor(item) for item in inputs]
    return TORCH[tree.op](*inputs)


# Strategies.

numbers = st.one_of(
    st.sampled_from([0.5, 1.0, 2.0, 3.0, 0.1, 1.5]),
    st.floats(0.01, 4.0).map(lambda value: float(f"{value:.3g}")),
)
coordinates = st.floats(-3.0, 3.0).map(lambda value: round(value, 3))


def points(wanted: tuple[str, ...] = NAMES) -> SearchStrategy[Point]:
    """A value for each name."""
    return st.fixed_dictionaries(dict.fromkeys(wanted, coordinates))


_BOUNDED = ("sin", "cos", "tanh", "sigmoid")
_SMOOTH = (
    "add", "sub", "mul", "add", "sub", "mul", "neg", "pos", "softplus", *_BOUNDED,
    "exp", "tan", "log", "sqrt", "div", "whole power", "any power", "variable power",
)  # fmt: skip
_KINKED = ("relu", "abs", "min", "max")
_TWO_INPUTS = frozenset({"add", "sub", "mul", "div", "min", "max", "variable power"})


def _grow(draw: DrawFn, operations: tuple[str, ...], depth: int) -> Tree:
    """A formula of at most `depth` levels, guarded where an operation is not defined for every input."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.one_of(st.sampled_from(NAMES).map(variable), numbers.map(constant)))
    op = draw(st.sampled_from(operations))
    first = _grow(draw, operations, depth - 1)
    second = _grow(draw, operations, depth - 1) if op in _TWO_INPUTS else first
    positive = apply("add", apply("pow", second, constant(2.0)), constant(1.0))
    bounded = apply(draw(st.sampled_from(_BOUNDED)), first)
    if op == "div":
        return apply("div", first, positive)
    if op in {"exp", "tan"}:
        return apply(op, bounded)
    if op in {"log", "sqrt"}:
        return apply(op, positive)
    if op == "whole power":
        return apply("pow", first, constant(draw(st.sampled_from([2.0, 3.0, 1.0, 0.0]))))
    if op == "any power":
        exponent = constant(draw(numbers))
        return apply("pow", positive, draw(st.sampled_from([exponent, apply("neg", exponent)])))
    if op == "variable power":
        return apply("pow_call", positive, bounded)
    return apply(op, first, second) if op in _TWO_INPUTS else apply(op, first)


@st.composite
def smooth_trees(draw: DrawFn, depth: int = 4) -> Tree:
    """Formulas that have a derivative everywhere."""
    tree = _grow(draw, _SMOOTH, depth)
    return tree if names(tree) else apply("mul", tree, variable("w"))


@st.composite
def trees(draw: DrawFn, depth: int = 4) -> Tree:
    """Formulas of every operation, defined everywhere; with kinks."""
    tree = _grow(draw, (*_SMOOTH, *_KINKED), depth)
    return tree if names(tree) else apply("mul", tree, variable("w"))


def stays_within(tree: Tree, values: Mapping[str, float], bound: float) -> bool:
    """Whether no part of the tree is larger than the bound, judged in float64 from the leaves up."""

    def value(part: Tree) -> float:
        inputs = [value(item) for item in part.inputs]
        found = float(exact(Tree(part.op, tuple(map(_as_leaf, inputs)), part.leaf), values))
        if not abs(found) <= bound:
            raise OverflowError
        return found

    try:
        value(tree)
    except (OverflowError, ZeroDivisionError):
        return False
    return True


def _as_leaf(value: float) -> Tree:
    return Tree("constant", leaf=value)


@st.composite
def smooth_problems(draw: DrawFn, depth: int = 4, bound: float = 200.0) -> tuple[Tree, Point]:
    """A smooth formula and a point at which it stays within what float16 can hold."""
    tree = draw(smooth_trees(depth))
    values = draw(points(tuple(sorted(names(tree)))))
    assume(stays_within(tree, values, bound))
    return tree, values
