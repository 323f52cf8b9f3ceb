"""Infinite results and results that are not a number: where they come from, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.gradients.evaluation import numbers
from core.gradients.expression import VARIABLE
from core.gradients.problem import Problem
from core.gradients.reverse import HandDerivation


@dataclass(frozen=True)
class NotFinite:
    """Where a number stopped being finite.

    Attributes:
        reason: the first such place, in words; empty if every number is finite.
        in_forward: whether it is a value on the way to the loss, and not only a slope on the way back.
    """

    reason: str
    in_forward: bool


def find_not_finite(given: Problem, hand: HandDerivation) -> NotFinite:
    """The first place where a number of the hand derivation is infinite or not a number."""
    for index, node in enumerate(given.expression.nodes):
        bad = next((item for item in numbers(hand.values[index]) if not math.isfinite(item)), None)
        if bad is None:
            continue
        if node.op == VARIABLE:
            largest = torch.finfo(given.torch_dtype).max
            reason = f"{node.name} does not fit {given.dtype}: its largest number is {largest:.4g}"
            return NotFinite(reason, in_forward=True)
        inputs = [numbers(hand.values[position]) for position in node.inputs]
        return NotFinite(_explain_operation(node.op, inputs, bad, given.dtype), in_forward=True)
    return NotFinite(_explain_slope(given, hand), in_forward=False)


def _explain_slope(given: Problem, hand: HandDerivation) -> str:
    for index, node in enumerate(given.expression.nodes):
        for position, factor in zip(node.inputs, hand.local[index], strict=False):
            if isinstance(factor, Tensor) and not all(map(math.isfinite, numbers(factor))):
                at = numbers(hand.values[position])[0]
                return f"the loss is finite, but the slope of {node.op} at {at:.4g} is not"
    gradients = (gradient for gradient in hand.gradients if gradient is not None)
    if not all(math.isfinite(item) for gradient in gradients for item in numbers(gradient)):
        return f"the loss is finite, but a product of the chain rule leaves the range of {given.dtype}"
    return ""


def _explain_operation(op: str, inputs: Sequence[Sequence[float]], bad: float, dtype: str) -> str:
    first, last = inputs[0], inputs[-1]
    if op == "div" and 0.0 in last:
        return "division by zero" + (": 0/0 is not a number" if math.isnan(bad) else "")
    if op == "log" and min(first) <= 0:
        return f"log({min(first):.4g}): a logarithm needs a positive number"
    if op == "sqrt" and min(first) < 0:
        return f"sqrt({min(first):.4g}): a square root needs a number that is not negative"
    if op == "pow" and math.isnan(bad):
        return f"({min(first):.4g})**({last[0]:.4g}): a negative number has no real power with a fraction"
    if op == "pow" and 0.0 in first:
        return "0 to a negative power is a division by zero"
    if math.isinf(bad):
        return (
            f"{op} overflows {dtype}: the result is larger than {torch.finfo(getattr(torch, dtype)).max:.4g}"
        )
    return f"{op} gives no number here: infinity minus infinity, or zero times infinity"
