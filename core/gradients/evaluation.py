"""The value of a formula, node by node, in the dtype of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from core.gradients.expression import CONSTANT, VARIABLE, Expression
from core.gradients.operations import OPERATIONS, Operation
from core.gradients.problem import ProblemError

Value: TypeAlias = Tensor | float
"""A tensor, or a Python number where only constants are involved: as in a PyTorch program."""


def evaluate(expression: Expression, values: Mapping[str, Value]) -> list[Value]:
    """Every node's value, in the order of the nodes.

    Args:
        expression: the formula.
        values: a tensor per variable, all of one dtype and of shapes that broadcast: `()` for a number,
            `(n,)` for a batch, `(p, 1)` to evaluate at p points at once.

    Returns:
        One value per node; the last is the formula's value.

    Raises:
        ProblemError: as `apply`.
    """
    results: list[Value] = []
    for node in expression.nodes:
        if node.op == VARIABLE:
            results.append(values[node.name])
        elif node.op == CONSTANT:
            results.append(node.value)
        else:
            inputs = [results[index] for index in node.inputs]
            results.append(apply(OPERATIONS[node.op], inputs))
    return results


def apply(operation: Operation, inputs: list[Value]) -> Value:
    """One operation on tensors and Python numbers; numbers alone are computed in float64 and stay numbers.

    Raises:
        ProblemError: if PyTorch refuses a number because it does not fit the tensors' dtype.
    """
    like = next((value for value in inputs if isinstance(value, Tensor)), None)
    if like is None:
        exact = [torch.tensor(value, dtype=torch.float64) for value in inputs]
        return float(operation.forward(*exact))
    first_is_number = not isinstance(inputs[0], Tensor)
    if operation.tensors_only and (first_is_number or operation.name != "div"):
        inputs = [value if isinstance(value, Tensor) else like.new_tensor(value) for value in inputs]
    try:
        return operation.forward(*inputs)
    except RuntimeError as error:
        if "without overflow" not in str(error):
            raise
        constant = next(value for value in inputs if not isinstance(value, Tensor))
        dtype = str(like.dtype).removeprefix("torch.")
        raise ProblemError(
            f"PyTorch refuses the number {constant:g} in the loss: it does not fit {dtype}, "
            f"whose largest number is {torch.finfo(like.dtype).max:.4g}. Choose another dtype."
        ) from error


def final(values: list[Value], like: Tensor) -> Tensor:
    """The last node's value as a tensor, also when the formula is a constant."""
    last = values[-1]
    return last if isinstance(last, Tensor) else like.new_tensor(last)


def numbers(value: Value) -> tuple[float, ...]:
    """All numbers of a value, flattened."""
    if not isinstance(value, Tensor):
        return (float(value),)
    flat: float | list[float] = value.tolist() if value.dim() < 2 else value.reshape(-1).tolist()
    return tuple(flat) if isinstance(flat, list) else (flat,)
