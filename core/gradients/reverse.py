"""The hand derivation: the chain rule, applied backwards with the rules of `operations`, without autograd."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.gradients.evaluation import Value, evaluate
from core.gradients.expression import CONSTANT, VARIABLE, Expression, Node
from core.gradients.operations import REDUCTIONS, local_derivatives
from core.gradients.problem import Problem


@dataclass(frozen=True)
class HandDerivation:
    """What the chain rule gives at one point.

    Attributes:
        values: each node's value, shape () or (n,), in the problem's dtype.
        local: for each node, the local derivative by each input; None where no gradient flows.
        gradients: the derivative of the loss by each node's value; None where no gradient flows.
    """

    values: tuple[Value, ...]
    local: tuple[tuple[Value | None, ...], ...]
    gradients: tuple[Tensor | None, ...]


def differentiate(problem: Problem) -> HandDerivation:
    """The gradient by hand: one forward pass, then the chain rule from the loss to every variable.

    Every number is computed in the problem's dtype, in the order in which a person would write the
    chain rule, so rounding is part of the result.
    """
    expression = problem.expression
    with torch.no_grad():
        values = evaluate(expression, problem.tensors())
        flows = depends_on(expression, problem.wrt)
        local: list[tuple[Value | None, ...]] = [()] * len(values)
        gradients: list[Tensor | None] = [None] * len(values)
        gradients[-1] = torch.ones((), dtype=problem.torch_dtype)
        for index in range(expression.root, -1, -1):
            node, gradient = expression.nodes[index], gradients[index]
            if gradient is None or not node.inputs:
                continue
            local[index] = local_values(expression, node, values, values[index], flows)
            for position, factor in zip(node.inputs, local[index], strict=True):
                if factor is None:
                    continue
                share = gradient if isinstance(factor, float) and factor == 1.0 else gradient * factor
                share = _fit(share, values[position], reduced=node.op in REDUCTIONS)
                known = gradients[position]
                gradients[position] = share if known is None else known + share
    return HandDerivation(tuple(values), tuple(local), tuple(gradients))


def local_values(
    expression: Expression, node: Node, values: list[Value], out: Value, flows: list[bool]
) -> tuple[Value | None, ...]:
    """The local derivative of one operation by each input through which a gradient flows."""
    inputs = [values[index] for index in node.inputs]
    environment: dict[str, Value] = dict(zip("ab", inputs, strict=False))
    environment["out"] = out
    environment["n"] = float(inputs[0].numel()) if isinstance(inputs[0], Tensor) else 1.0
    formulas = local_derivatives(node.op, constant_exponent(expression, node))
    return tuple(
        evaluate(formula, environment)[-1] if flows[position] else None
        for position, formula in zip(node.inputs, formulas, strict=True)
    )


def constant_exponent(expression: Expression, node: Node) -> float | None:
    """The exponent of a power where it is a constant, else None."""
    if node.op != "pow":
        return None
    exponent = expression.nodes[node.inputs[1]]
    if exponent.op == "neg" and expression.nodes[exponent.inputs[0]].op == CONSTANT:
        return -expression.nodes[exponent.inputs[0]].value
    return exponent.value if exponent.op == CONSTANT else None


def depends_on(expression: Expression, names: tuple[str, ...]) -> list[bool]:
    """For each node, whether its value depends on one of the variables."""
    flows: list[bool] = []
    for node in expression.nodes:
        own = node.op == VARIABLE and node.name in names
        flows.append(own or any(flows[index] for index in node.inputs))
    return flows


def _fit(share: Tensor, value: Value, *, reduced: bool) -> Tensor:
    """Sums a batch of gradients that reaches one number; repeats one that leaves a reduction."""
    assert isinstance(value, Tensor)
    if reduced:
        return share.expand(value.shape)
    return share.sum() if share.dim() > value.dim() else share
