"""Your own derivative: a formula that a visitor typed, against autograd at many points."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.gradients.evaluation import Value, evaluate, final
from core.gradients.expression import Expression, ExpressionError, parse
from core.gradients.guess import Diagnosis, diagnose
from core.gradients.problem import Problem, ProblemError
from core.gradients.source import folded
from core.gradients.tolerance import magnitudes, scales

_SLACK = 64 * torch.finfo(torch.float64).eps
"""How far two formulas for one number may differ, relative to their scale: they round at different places. A
wrong formula is off by far more, at most of the points."""
_KINKS = {"relu", "abs", "min", "max"}
_MAX_POINTS = 1_000


@dataclass(frozen=True)
class Counterexample:
    """A point where the formula is wrong.

    Attributes:
        values: the point.
        label: the number differentiated by, such as `w` or `x[2]`.
        theirs: what the formula gives.
        autograd: what autograd gives, in float64.
    """

    values: Mapping[str, float | tuple[float, ...]]
    label: str
    theirs: float
    autograd: float


@dataclass(frozen=True)
class FormulaCheck:
    """The judgement on a formula for one derivative.

    Attributes:
        name: the variable.
        agreed: at how many points the formula and autograd agree.
        total: how many points were judged: the current one and the random ones, without the skipped.
        skipped: points where the loss or its slope is not finite, or that lie on a kink.
        theirs, autograd: both at the current point, in float64; as many numbers as the variable has.
        counterexample: the first point where they differ, the current one first; None if there is none.
        diagnosis: what the formula's value at the current point is, taken as a guess.
    """

    name: str
    agreed: int
    total: int
    skipped: int
    theirs: tuple[float, ...]
    autograd: tuple[float, ...]
    counterexample: Counterexample | None
    diagnosis: Diagnosis

    @property
    def correct(self) -> bool:
        """Whether the formula agrees wherever it was judged, and was judged at all."""
        return self.total > 0 and self.agreed == self.total

    @property
    def explanation(self) -> str:
        """The judgement in a sentence."""
        if self.total == 0:
            return "No point could be judged: the loss or its slope is not a finite number at any of them."
        if self.correct:
            return f"Right: it agrees with autograd at all {self.total} points."
        if self.counterexample is not None and self.agreed:
            return f"Right at {self.agreed} of {self.total} points only: a formula has to hold everywhere."
        return f"Wrong at all {self.total} points. {self.diagnosis.explanation}"


def check_formula(problem: Problem, name: str, text: str, seed: int = 0, points: int = 64) -> FormulaCheck:
    """Compares a formula for the derivative by `name` with autograd, in float64.

    For a batch the formula is the derivative of one example's loss; it is reduced as the losses are. Half of
    the random points keep the signs of the current values and stay near them; the others come from a range
    three times as wide on both sides of zero.

    Args:
        problem: the loss and the current values.
        name: the variable.
        text: the formula, in the variables of the loss.
        seed: of the random points.
        points: how many of them, 0 to 1,000.

    Raises:
        ExpressionError: if the text is no formula, or uses a name that the loss does not have.
        ProblemError: if the variable is not in the loss, or the number of points is out of range.
    """
    if name not in problem.values:
        raise ProblemError(f"`{name}` is not in the loss: choose among {', '.join(problem.values)}.")
    if not 0 <= points <= _MAX_POINTS:
        raise ProblemError(f"The number of random points is {points}: choose 0 to {_MAX_POINTS:,}.")
    formula = _read(problem, text)
    where = _points(problem, points, seed)
    losses, truth, kink = _autograd(problem, name, where)
    theirs, sizes = _their_values(problem, name, formula, where)
    judged = losses.isfinite() & truth.isfinite().all(-1) & ~kink  # (p,)
    bound = _SLACK * (sizes + truth.abs())  # (p, k); infinite where the formula has no value
    close = theirs.isfinite() & ((theirs - truth).abs() <= bound)
    first_wrong: Counterexample | None = None
    agreed = 0
    for index in range(len(judged)):
        if not bool(judged[index]):
            continue
        point = _point(problem, where, index)
        if bool(close[index].all()) or _close_to_scale(point, name, theirs[index], truth[index]):
            agreed += 1
        elif first_wrong is None:
            first_wrong = _counterexample(point, name, theirs[index], truth[index])
    return FormulaCheck(
        name=name,
        agreed=agreed,
        total=int(judged.sum()),
        skipped=int((~judged).sum()),
        theirs=tuple(theirs[0].tolist()),
        autograd=tuple(truth[0].tolist()),
        counterexample=first_wrong,
        diagnosis=_diagnosis(problem, name, theirs[0], truth[0]),
    )


def _read(problem: Problem, text: str) -> Expression:
    formula = parse(text, allow_constant=True)
    for name in formula.variables:
        if name not in problem.values:
            stripped = text.strip()
            found = re.search(rf"\b{re.escape(name)}\b", stripped)
            message = f"`{name}` is not in the loss: use {', '.join(problem.values)}."
            raise ExpressionError(message, stripped, found.start() if found else None)
    return folded(formula)


def _points(problem: Problem, count: int, seed: int) -> dict[str, Tensor]:
    """The current point and `count` random ones, float64: per variable (p, 1), or (p, n) for a batch."""
    generator = torch.Generator().manual_seed(seed)
    near = count // 2
    found: dict[str, Tensor] = {}
    for name, value in problem.values.items():
        current = torch.tensor(value, dtype=torch.float64).reshape(1, -1)  # (1, n)
        size = current.abs().clamp(min=1.0)
        normal = torch.randn(near, current.shape[1], generator=generator, dtype=torch.float64)
        around = torch.where(current == 0, 0.5 * normal, current * torch.exp(0.5 * normal))
        uniform = torch.rand(count - near, current.shape[1], generator=generator, dtype=torch.float64)
        found[name] = torch.cat([current, around, (6 * uniform - 3) * size])
    return found


def _autograd(problem: Problem, name: str, where: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """The losses (p,), the derivatives by `name` (p, k), and which points lie on a kink (p,)."""
    leaf = where[name].clone().requires_grad_()
    values = evaluate(problem.expression, {**where, name: leaf})
    losses = final(values, leaf)
    (slopes,) = torch.autograd.grad(losses.sum(), leaf)
    rows = len(leaf)
    kink = torch.zeros(rows, dtype=torch.bool)
    for node in problem.expression.nodes:
        if node.op not in _KINKS:
            continue
        first = values[node.inputs[0]]
        second: Value = values[node.inputs[1]] if len(node.inputs) == 2 else 0.0
        tie = torch.as_tensor(first == second)
        kink |= tie.reshape(rows, -1).any(-1) if tie.dim() else tie
    return losses.detach().reshape(rows, -1)[:, 0], slopes, kink


def _their_values(
    problem: Problem, name: str, formula: Expression, where: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """What the formula gives, reduced as the problem is, and the magnitude of its rounding errors: (p, k)."""
    like = where[name]
    values = evaluate(formula, where)
    sizes = magnitudes(formula, values, where)[-1]
    whole = final(values, like)
    size = sizes if isinstance(sizes, Tensor) else like.new_tensor(sizes)
    shape = (len(like), problem.batch)
    whole, size = whole.expand(shape), size.expand(shape)
    share = 1 / problem.batch if problem.reduction == "mean" else 1.0
    if not isinstance(problem.values[name], tuple):
        return whole.sum(-1, keepdim=True) * share, size.sum(-1, keepdim=True) * share
    return whole * share, size * share


def _point(problem: Problem, where: Mapping[str, Tensor], index: int) -> Problem:
    values: dict[str, float | tuple[float, ...]] = {}
    for name, value in problem.values.items():
        row = [float(item) for item in where[name][index].tolist()]
        values[name] = tuple(row) if isinstance(value, tuple) else row[0]
    return replace(problem, values=values, dtype="float64")


def _close_to_scale(point: Problem, name: str, theirs: Tensor, truth: Tensor) -> bool:
    """The closer look: whether they differ by no more than the rounding of autograd's own sums explains."""
    difference = (theirs - truth).abs()
    if not bool((difference <= 1e-3 * (1 + truth.abs())).all()):
        return False
    scale = scales(replace(point, wrt=(name,)))[name].reshape(-1)
    return bool((difference <= _SLACK * scale).all())


def _counterexample(point: Problem, name: str, theirs: Tensor, truth: Tensor) -> Counterexample:
    worst, label = _worst(point, name, theirs, truth)
    return Counterexample(point.values, label, float(theirs[worst]), float(truth[worst]))


def _diagnosis(problem: Problem, name: str, theirs: Tensor, truth: Tensor) -> Diagnosis:
    worst, label = _worst(problem, name, theirs, truth)
    return diagnose(problem, label, float(theirs[worst]))


def _worst(problem: Problem, name: str, theirs: Tensor, truth: Tensor) -> tuple[int, str]:
    """Where a formula is farthest off, among the numbers of the variable, and what that number is called."""
    worst = int((theirs - truth).abs().nan_to_num(nan=math.inf).argmax())
    return worst, f"{name}[{worst}]" if isinstance(problem.values[name], tuple) else name
