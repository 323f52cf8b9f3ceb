"""How far two correct ways to compute a gradient may differ: a bound that is derived, not chosen.

Every rounding moves a number by at most half a unit in its last place, so an error grows with the largest
numbers that were added on the way, not with the result: `(w*x + b - y)` may cancel to nothing and keep the
error of `|w*x| + |b| + |y|`. A *magnitude* follows the formula with every sum made of absolute values. The
chain rule over magnitudes gives each gradient its *scale*, and two gradients agree when they differ by at
most `4 * eps(dtype) * scale`. For `(w*x + b - y)**2` with S = |w*x| + |b| + |y| that is 2 S |x| for w.
Below the dtype's smallest normal number the last place no longer shrinks with the number, so a magnitude
that is not exactly zero counts as at least that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from core.gradients.evaluation import Value, evaluate
from core.gradients.expression import CONSTANT, VARIABLE, Expression
from core.gradients.operations import REDUCTIONS, local_derivatives
from core.gradients.problem import Problem
from core.gradients.reverse import constant_exponent, depends_on

SAFETY = 4.0
"""The largest ratio seen in 200,000 draws of the worked example, an expanded formula in Python floats against
float32, was 2.8; formulas that round in the same dtype reach 1.9 (`test_tolerance.py`)."""


def scales(problem: Problem) -> dict[str, Tensor]:
    """The scale of the gradient by each variable, float64, of the variable's shape.

    Computed from the values as the dtype holds them, in float64.
    """
    expression = problem.expression
    exact = problem.exact
    least = torch.finfo(problem.torch_dtype).smallest_normal
    with torch.no_grad():
        values = evaluate(expression, exact)
        sizes = [_at_least(least, size) for size in magnitudes(expression, values, exact)]
        flows = depends_on(expression, problem.wrt)
        scale: list[Tensor | None] = [None] * len(values)
        scale[-1] = torch.ones((), dtype=torch.float64)
        for index in range(expression.root, -1, -1):
            node, own = expression.nodes[index], scale[index]
            if own is None or not node.inputs:
                continue
            inputs: dict[str, Value] = {
                letter: values[position] for letter, position in zip("ab", node.inputs, strict=False)
            }
            inputs["out"], first = values[index], inputs["a"]
            inputs["n"] = float(first.numel()) if isinstance(first, Tensor) else 1.0
            bounds: dict[str, Value] = {
                letter: sizes[position] for letter, position in zip("ab", node.inputs, strict=False)
            }
            bounds["out"], bounds["n"] = sizes[index], inputs["n"]
            formulas = local_derivatives(node.op, constant_exponent(expression, node))
            for position, formula in zip(node.inputs, formulas, strict=True):
                if not flows[position]:
                    continue
                factor = _at_least(least, magnitudes(formula, evaluate(formula, inputs), bounds)[-1])
                share = torch.as_tensor(_at_least(least, own * factor))
                value = values[position]
                assert isinstance(value, Tensor)
                if node.op in REDUCTIONS:
                    share = share.expand(value.shape)
                elif share.dim() > value.dim():
                    share = share.sum()
                known = scale[position]
                scale[position] = share if known is None else known + share
    found: dict[str, Tensor] = {}
    for index, node in enumerate(expression.nodes):
        own = scale[index]
        if node.op == VARIABLE and node.name in problem.wrt and own is not None:
            found[node.name] = own
    return found


def loss_magnitude(problem: Problem) -> float:
    """The magnitude of the loss itself: what the rounding of its value grows with, float64."""
    exact = problem.exact
    with torch.no_grad():
        return float(magnitudes(problem.expression, evaluate(problem.expression, exact), exact)[-1])


def magnitudes(expression: Expression, values: list[Value], leaves: Mapping[str, Value]) -> list[Value]:
    """For each node, a bound on the numbers that were added to make it; at least its absolute value.

    Args:
        expression: the formula.
        values: each node's value.
        leaves: the magnitude of each variable; its sign is ignored.
    """
    sizes: list[Value] = []
    for index, node in enumerate(expression.nodes):
        if node.op == VARIABLE:
            sizes.append(_absolute(leaves[node.name]))
        elif node.op == CONSTANT:
            sizes.append(abs(node.value))
        else:
            inputs = [values[position] for position in node.inputs]
            sizes.append(
                _magnitude(node.op, inputs, [sizes[position] for position in node.inputs], values[index])
            )
    return sizes


def _magnitude(op: str, inputs: list[Value], sizes: list[Value], out: Value) -> Value:
    if op in {"add", "sub"}:
        return sizes[0] + sizes[1]
    if op == "mul":
        return sizes[0] * sizes[1]
    if op in {"neg", "abs"}:
        return sizes[0]
    if op in REDUCTIONS:
        size = sizes[0]
        assert isinstance(size, Tensor)
        return size.mean() if op == "mean" else size.sum()
    if op == "pow" and not isinstance(inputs[1], Tensor) and inputs[1] >= 0:
        return sizes[0] ** inputs[1]
    # Any other operation passes its inputs' errors on by its derivatives.
    total = _absolute(out)
    environment: dict[str, Value] = dict(zip("ab", inputs, strict=False))
    environment["out"] = out
    for value, size, formula in zip(inputs, sizes, local_derivatives(op), strict=True):
        if isinstance(value, Tensor):
            passed_on = torch.as_tensor(_absolute(evaluate(formula, environment)[-1]) * size)
            # An exact zero has no error to pass on however steep the slope, as in sqrt(0); nor does an
            # input without a slope, as the exponent of a negative number.
            total = total + passed_on.nan_to_num(nan=0.0, posinf=math.inf)
    return total


def _absolute(value: Value) -> Value:
    return value.abs() if isinstance(value, Tensor) else abs(value)


def _at_least(least: float, size: Value) -> Value:
    if isinstance(size, Tensor):
        return torch.where(size > 0, size.clamp(min=least), size)
    return max(size, least) if size > 0 else size
