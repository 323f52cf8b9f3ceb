"""The gradient by finite differences in float64: a witness that knows no calculus."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.gradients.evaluation import evaluate, final
from core.gradients.expression import Expression
from core.gradients.problem import Problem
from core.gradients.tolerance import loss_magnitude

RELATIVE_STEP = 2.0**-18
"""The step, relative to max(1, |value|): about eps(float64) to the power 1/3."""

FINER_STEPS = (2.0**-28, 2.0**-38)
"""Steps for where the loss bends so sharply that the first one tells nothing."""

_EPS = torch.finfo(torch.float64).eps
_SMALLEST = torch.finfo(torch.float64).smallest_normal


@dataclass(frozen=True)
class Difference:
    """Central and one-sided differences by one number, float64.

    Attributes:
        central: the difference over both sides.
        left, right: the one-sided differences.
        jump: right minus left where the slope itself jumps (a kink); else 0.
        step: the step h.
        error: how far `central` may be off, estimated from twice the step and the rounding of the loss.
    """

    central: float
    left: float
    right: float
    jump: float
    step: float
    error: float

    def converged(self) -> bool:
        """Whether the error is a small part of the slope; a kink's two slopes do not count."""
        return self.error <= 1e-3 * max(abs(self.left), abs(self.right))

    def better_of(self, other: Difference) -> Difference:
        """The difference with the smaller error."""
        return self if self.error <= other.error or math.isnan(other.error) else other


def by_finite_difference(given: Problem) -> dict[str, tuple[Difference, ...]]:
    """Central differences in float64 by each number of each variable.

    A loss that changes within a step, such as 1/x near 0, is looked at again with smaller steps.
    """
    found = _differences(given, RELATIVE_STEP)
    for finer in FINER_STEPS:
        if all(difference.converged() for row in found.values() for difference in row):
            break
        again = _differences(given, finer)
        found = {
            name: tuple(one.better_of(other) for one, other in zip(row, again[name], strict=True))
            for name, row in found.items()
        }
    return found


def _differences(given: Problem, relative_step: float) -> dict[str, tuple[Difference, ...]]:
    """Differences with one step: all points in one pass, a variable as a column with one row per point."""
    center = {name: tensor.reshape(1, -1) for name, tensor in given.exact.items()}
    places = [(name, index) for name in given.wrt for index in range(center[name].numel())]
    steps = [relative_step * max(1.0, abs(float(center[name][0, index]))) for name, index in places]
    offsets = (0.0, 1.0, -1.0, 2.0, -2.0)
    points = {name: row.repeat(len(offsets) * len(places), 1) for name, row in center.items()}
    for position, ((name, index), step) in enumerate(zip(places, steps, strict=True)):
        first = position * len(offsets)
        points[name][first : first + len(offsets), index] += step * torch.tensor(offsets, dtype=torch.float64)
    losses = loss_at(given.expression, points).reshape(len(places), len(offsets)).tolist()
    magnitude = loss_magnitude(given)
    found: dict[str, list[Difference]] = {name: [] for name in given.wrt}
    for (name, _), step, around in zip(places, steps, losses, strict=True):
        found[name].append(_difference(around, step, magnitude))
    return {name: tuple(row) for name, row in found.items()}


def _difference(around: Sequence[float], step: float, magnitude: float) -> Difference:
    """One difference, from the loss here, a step to the right and left, and two steps to either side."""
    middle, up, down, far_up, far_down = around
    central, wide = (up - down) / (2 * step), (far_up - far_down) / (4 * step)
    left, right = (middle - down) / step, (up - middle) / step
    rounding = 8 * _EPS * max(magnitude, abs(up), abs(down), _SMALLEST) / step
    # The gap of a smooth loss is curvature times the step and doubles with it; a jump stays as it is.
    gap = right - left
    wide_gap = (far_up - 2 * middle + far_down) / (2 * step)
    noise = 1e-3 * max(abs(left), abs(right)) + 4 * rounding
    jumps = abs(gap) > noise and abs(wide_gap) < 1.2 * abs(gap)
    return Difference(central, left, right, gap if jumps else 0.0, step, abs(wide - central) + rounding)


def loss_at(expression: Expression, points: Mapping[str, Tensor]) -> Tensor:
    """The loss at many points at once.

    Args:
        expression: the loss.
        points: per variable a tensor of shape (p, 1), or (p, n) for a batch.

    Returns:
        The losses, shape (p,).
    """
    like = next(iter(points.values()))
    with torch.no_grad():
        result = final(evaluate(expression, points), like)
    return result.expand(like.shape[0], 1).squeeze(-1) if result.dim() != 1 else result
