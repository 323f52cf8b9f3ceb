"""Gradient descent from the current point: where it goes, and what becomes of it."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor

from core.gradients.evaluation import evaluate, final
from core.gradients.problem import Problem, ProblemError

MAX_STEPS = 500
MAX_WORK = 40_000
"""Operations in one descent, about a second: a long loss gets fewer steps."""
_CONVERGED = 1e-4
"""The slope counts as gone when it has fallen to this part of what it was at the start."""
_EXPLODED = 1e6
_GROWING_STEPS = 5
_MAX_CURVATURE_SIZE = 32


class Outcome(StrEnum):
    """What became of a descent."""

    CONVERGED = "converged"
    MOVING = "still moving"
    STUCK = "stuck"
    DIVERGED = "diverged"


@dataclass(frozen=True)
class Step:
    """One point of the path.

    Attributes:
        values: a number, or a batch of numbers, per variable that moves.
        loss: the loss there, in the problem's dtype.
        slope: the largest absolute derivative there.
    """

    values: Mapping[str, float | tuple[float, ...]]
    loss: float
    slope: float


@dataclass(frozen=True)
class Descent:
    """The path of a descent, the start included.

    Attributes:
        path: the points; the last is where it ended, or where it was stopped because it diverged.
        learning_rate: the factor of every step.
        outcome: what became of it.
        at: the step at which that showed: converged, stuck or diverged; else the last step.
        curvature: the largest eigenvalue of the Hessian at the start, float64; None if it could not be found.
        largest_stable_rate: 2 / curvature, above which steps on a parabola of that curvature grow; None if
            the loss does not curve upwards at the start.
        explanation: the outcome in a sentence.
    """

    path: tuple[Step, ...]
    learning_rate: float
    outcome: Outcome
    at: int
    curvature: float | None
    largest_stable_rate: float | None
    explanation: str

    @property
    def losses(self) -> tuple[float, ...]:
        """The loss at every step, the start included."""
        return tuple(step.loss for step in self.path)

    def along(self, name: str) -> tuple[float, ...]:
        """One variable's value at every step; a variable that does not move is unknown here.

        Raises:
            ProblemError: if the variable does not move, or is a batch.
        """
        values = [step.values.get(name) for step in self.path]
        numbers = tuple(value for value in values if isinstance(value, float))
        if len(numbers) != len(values):
            known = ", ".join(self.path[0].values)
            raise ProblemError(f"`{name}` is not one moving number: choose among {known}.")
        return numbers


def descend(problem: Problem, learning_rate: float, steps: int) -> Descent:
    """Plain gradient descent on the variables of `wrt`, in the problem's dtype.

    It takes the same steps as `torch.optim.SGD(lr=learning_rate)`, and stops early only if it diverges.

    Args:
        problem: the loss and where to start.
        learning_rate: the factor of the gradient in each step: finite, above 0.
        steps: how many, 1 to 500; fewer for a loss of more than 80 operations.

    Raises:
        ProblemError: if the learning rate or the number of steps is out of range.
    """
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ProblemError(f"The learning rate is {learning_rate:g}: give a number above 0, such as 0.05.")
    most = min(MAX_STEPS, max(MAX_WORK // max(problem.expression.operations, 1), 1))
    if not 1 <= steps <= most:
        raise ProblemError(f"The number of steps is {steps}: choose 1 to {most} for this loss.")
    leaves = problem.tensors(requires_grad=True)
    moving = [leaves[name] for name in problem.wrt]
    path: list[Step] = []
    stuck_at: int | None = None
    for index in range(steps + 1):
        loss = final(evaluate(problem.expression, leaves), moving[0])
        gradients = torch.autograd.grad(loss, moving, allow_unused=True, materialize_grads=True)
        slope = max(float(gradient.abs().max()) for gradient in gradients)
        values = {name: _plain(leaves[name]) for name in problem.wrt}
        path.append(Step(values, float(loss.detach()), slope))
        if index == steps or _exploded(path):
            break
        moved = False
        with torch.no_grad():
            for leaf, gradient in zip(moving, gradients, strict=True):
                before = leaf.clone()
                leaf.add_(gradient, alpha=-learning_rate)
                moved = moved or not torch.equal(leaf, before)
        if not moved and stuck_at is None:
            stuck_at = index
    curvature = largest_curvature(problem)
    stable = 2 / curvature if curvature is not None and curvature > 1 / sys.float_info.max else None
    run = _Run(tuple(path), learning_rate, problem.dtype, stuck_at, stable)
    outcome, at, explanation = run.diverged() or run.settled()
    return Descent(run.path, learning_rate, outcome, at, curvature, stable, explanation)


def largest_curvature(problem: Problem) -> float | None:
    """The largest eigenvalue of the loss's Hessian over the variables of `wrt`, float64.

    None for more than 32 numbers, and where a second derivative is not finite.
    """
    exact = replace(problem, dtype="float64")
    leaves = exact.tensors(requires_grad=True)
    moving = [leaves[name] for name in exact.wrt]
    size = sum(leaf.numel() for leaf in moving)
    if size > _MAX_CURVATURE_SIZE:
        return None
    loss = final(evaluate(exact.expression, leaves), moving[0])
    gradients = torch.autograd.grad(
        loss, moving, create_graph=True, allow_unused=True, materialize_grads=True
    )
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])  # (size,)
    rows: list[Tensor] = []
    for slope in flat.unbind():
        if not slope.requires_grad:
            rows.append(torch.zeros(size, dtype=torch.float64))
            continue
        row = torch.autograd.grad(slope, moving, retain_graph=True, allow_unused=True, materialize_grads=True)
        rows.append(torch.cat([part.reshape(-1) for part in row]))
    hessian = torch.stack(rows).detach()  # (size, size)
    if not bool(hessian.isfinite().all()):
        return None
    return float(torch.linalg.eigvalsh((hessian + hessian.T) / 2)[-1])


def _plain(leaf: Tensor) -> float | tuple[float, ...]:
    return float(leaf.detach()) if leaf.dim() == 0 else tuple(float(item) for item in leaf.tolist())


def _exploded(path: Sequence[Step]) -> bool:
    start, here = path[0], path[-1]
    if not math.isfinite(here.loss) or not math.isfinite(here.slope):
        return True
    return here.loss - start.loss > _EXPLODED * max(1.0, abs(start.loss))


_Judgement: TypeAlias = tuple[Outcome, int, str]


@dataclass(frozen=True)
class _Run:
    """A finished path, and what is needed to judge it."""

    path: tuple[Step, ...]
    rate: float
    dtype: str
    stuck_at: int | None
    stable: float | None

    def diverged(self) -> _Judgement | None:
        """The judgement if the descent went wrong, else None."""
        start, end, last = self.path[0], self.path[-1], len(self.path) - 1
        blame = f"the learning rate of {self.rate:g} is too large"
        if self.stable is not None and self.rate > self.stable:
            blame += f"; here the largest stable rate is about {self.stable:.3g}"
        if last == 0:
            text = (
                "The loss or its slope is not a finite number at the start: there is no way down from here."
            )
        elif end.loss < start.loss and _exploded(self.path):
            text = f"The loss has no lowest point: at step {last} it left the range of {self.dtype}."
        elif math.isnan(end.loss):
            text = f"Step {last} left the region where the loss is defined: {blame}."
        elif _exploded(self.path):
            size = f"{end.loss:.3g}" if math.isfinite(end.loss) and math.isfinite(end.slope) else "infinite"
            text = f"At step {last} the loss is {size}: {blame}."
        elif _grows(self.path):
            text = f"The loss grows with every step: {blame}."
        else:
            return None
        return Outcome.DIVERGED, last, text

    def settled(self) -> _Judgement:
        """The judgement on a descent that stayed in bounds."""
        start, end, last = self.path[0], self.path[-1], len(self.path) - 1
        if start.slope == 0:
            return Outcome.CONVERGED, 0, "The slope is zero at the start: there is no way down from here."
        flat = _CONVERGED * start.slope
        change = f"from {start.loss:.4g} to {end.loss:.4g}"
        if end.slope <= flat:
            at = next(index for index, step in enumerate(self.path) if step.slope <= flat)
            plural = "s" * (at != 1)
            text = f"The slope is as good as gone after {at} step{plural}: the loss went {change}."
            return Outcome.CONVERGED, at, text
        if self.stuck_at is not None:
            text = (
                f"From step {self.stuck_at} on nothing moves: the step is smaller than the spacing of "
                f"{self.dtype} numbers, though the slope is still {end.slope:.3g}."
            )
            return Outcome.STUCK, self.stuck_at, text
        if end.loss >= start.loss * (1 - 1e-6) and self.stable is not None and self.rate > 0.99 * self.stable:
            text = (
                f"After {last} steps the loss is no lower than at the start: it bounces from side to side. "
                f"The largest stable rate is about {self.stable:.3g}."
            )
            return Outcome.MOVING, last, text
        return Outcome.MOVING, last, f"Still moving after {last} steps: the loss went {change}."


def _grows(path: Sequence[Step]) -> bool:
    """Whether the loss rose in each of the last steps and ended above the start."""
    tail = [step.loss for step in path[-_GROWING_STEPS - 1 :]]
    rising = all(later > earlier for earlier, later in pairwise(tail))
    return len(path) > _GROWING_STEPS and rising and tail[-1] > path[0].loss
