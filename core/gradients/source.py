"""Writes a formula as text again: for the page, and as a line of a PyTorch program."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum

from core.gradients.evaluation import apply
from core.gradients.expression import CONSTANT, VARIABLE, Builder, Expression, Node
from core.gradients.operations import OPERATIONS


class Dialect(StrEnum):
    """The language that a formula is written in."""

    FORMULA = "formula"
    """What a visitor types: `parse` reads it back into the same nodes."""
    TORCH = "torch"
    """A PyTorch expression, for a program in which `torch` is imported and `dtype` is set."""


_SUM, _PRODUCT, _NEGATION, _POWER, _ATOM = range(1, 6)
"""How tightly an operation binds, loosest first, as in Python."""

_INFIX = {"add": (" + ", _SUM), "sub": (" - ", _SUM), "mul": ("*", _PRODUCT), "div": ("/", _PRODUCT)}
_ARITHMETIC = {*_INFIX, "pow", "neg"}
_TORCH_NAMES = {"softplus": "torch.nn.functional.softplus", "min": "torch.minimum", "max": "torch.maximum"}
_TWO_TENSORS = {"min", "max", "above"}
_LARGEST_EXACT_INTEGER = 2.0**53
_LONGEST_CONSTANT = 12
"""Parts of a program without variables are written out up to this many operations and numbers."""


def infix(
    expression: Expression, dialect: Dialect = Dialect.FORMULA, names: Mapping[str, str] | None = None
) -> str:
    """The formula as text, with no more parentheses than its reading needs.

    Args:
        expression: the formula.
        dialect: the language to write. In `TORCH` a part without variables is replaced by its value where
            Python would not compute the same number (a function, a division by zero, a huge power) or it
            is long; the step functions of the chain rule come out as `step(…)` and `above(…)`, which the
            program defines.
        names: what to write for a variable, where that is not its name.
    """
    if dialect is Dialect.TORCH:
        expression = _computable(expression)
    names = names or {}
    texts: list[str] = []
    bindings: list[int] = []
    constant = constant_parts(expression)
    for node in expression.nodes:
        if node.op == VARIABLE:
            text, binding = names.get(node.name, node.name), _ATOM
        elif node.op == CONSTANT:
            text = number(node.value)
            if dialect is Dialect.TORCH and node.value == 0:
                text = str(node.value)  # Python's whole number 0 has no sign
            binding = _NEGATION if text.startswith("-") else _ATOM
        else:
            inputs = [(texts[index], bindings[index]) for index in node.inputs]
            if dialect is Dialect.TORCH and not constant[len(texts)]:
                inputs = [
                    (f"torch.tensor({part[0]}, dtype=dtype)", _ATOM)
                    if constant[index] and _must_be_tensor(node.op, place, part[0])
                    else part
                    for place, (index, part) in enumerate(zip(node.inputs, inputs, strict=True))
                ]
            if dialect is Dialect.FORMULA and _continues(expression, node, len(texts)):
                text, binding = f"{inputs[0][0][:-1]}, {inputs[1][0]})", _ATOM
            else:
                text, binding = _operation(node.op, inputs, dialect)
        texts.append(text)
        bindings.append(binding)
    return texts[-1]


def number(value: float) -> str:
    """A number as Python reads it, with all its digits; whole numbers without `.0`."""
    if not math.isfinite(value):
        return "float('nan')" if math.isnan(value) else f"{'-' * (value < 0)}float('inf')"
    if value.is_integer() and abs(value) < 1e15 and value != 0:
        return str(int(value))
    return ("-0.0" if math.copysign(1.0, value) < 0 else "0") if value == 0 else repr(value)


def constant_parts(expression: Expression) -> list[bool]:
    """For each node, whether its value depends on no variable."""
    constant: list[bool] = []
    for node in expression.nodes:
        constant.append(node.op != VARIABLE and all(constant[index] for index in node.inputs))
    return constant


def folded(expression: Expression) -> Expression:
    """The formula with every part that depends on no variable replaced by its value."""
    return _replace(expression, set())


def _computable(expression: Expression) -> Expression:
    return _replace(expression, _ARITHMETIC)


def _replace(expression: Expression, kept_operations: set[str]) -> Expression:
    """Replaces constant parts by their values, but for short, exact ones made of `kept_operations` only."""
    constant = constant_parts(expression)
    values: dict[int, float] = {}
    kept: list[bool] = []
    sizes: list[int] = []
    nodes: list[Node] = []
    for index, node in enumerate(expression.nodes):
        sizes.append(1 + sum(sizes[position] for position in node.inputs))
        if constant[index]:
            inputs = [values[position] for position in node.inputs]
            values[index] = float(apply(OPERATIONS[node.op], list(inputs))) if inputs else node.value
            exact = math.isfinite(values[index]) and abs(values[index]) <= _LARGEST_EXACT_INTEGER
            short = sizes[index] <= _LONGEST_CONSTANT and all(kept[position] for position in node.inputs)
            kept.append(node.op == CONSTANT or (node.op in kept_operations and exact and short))
        else:
            kept.append(True)
        nodes.append(node if kept[index] else Node(CONSTANT, value=values[index]))
    return Builder(nodes).build(len(nodes) - 1)


def _must_be_tensor(op: str, place: int, text: str) -> bool:
    """Whether a constant input needs to be a tensor in a PyTorch program.

    PyTorch computes `3/x` as `3*(1/x)`, which rounds twice; only for 1 that makes no difference.
    """
    return op in _TWO_TENSORS or (op == "div" and place == 0 and text not in {"1", "-1"})


def _continues(expression: Expression, node: Node, index: int) -> bool:
    """Whether a `max` is the end of one with three arguments or more: `max(a, b, c)`."""
    left = expression.nodes[node.inputs[0]].op
    return node.op in {"min", "max"} and left == node.op and node.inputs[1] < node.inputs[0] == index - 1


def _operation(op: str, inputs: list[tuple[str, int]], dialect: Dialect) -> tuple[str, int]:
    if op in _INFIX:
        sign, own = _INFIX[op]
        # A minus sign right behind an operator reads badly: `a*(-b)`.
        left, right = _wrap(inputs[0], own), _wrap(inputs[1], own + 1, sign_allowed=False)
        return f"{left}{sign}{right}", own
    if op == "pow":
        return f"{_wrap(inputs[0], _ATOM)}**{_wrap(inputs[1], _NEGATION)}", _POWER
    if op == "neg":
        return f"-{_wrap(inputs[0], _NEGATION, sign_allowed=False)}", _NEGATION
    arguments = ", ".join(text for text, _ in inputs)
    name = op
    if dialect is Dialect.TORCH and op not in {"step", "above"}:
        name = _TORCH_NAMES.get(op, f"torch.{op}")
        if op == "softplus":
            arguments += ", threshold=40"  # as in `operations`
    return f"{name}({arguments})", _ATOM


def _wrap(part: tuple[str, int], needed: int, *, sign_allowed: bool = True) -> str:
    text, binding = part
    bare = binding >= needed and (sign_allowed or not text.startswith("-"))
    return text if bare else f"({text})"
