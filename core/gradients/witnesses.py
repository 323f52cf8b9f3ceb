"""Four independent ways to the same gradient, side by side, and the verdict on them."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum

import torch
from torch import Tensor
from torch.autograd import forward_ad

from core.gradients.evaluation import evaluate, final
from core.gradients.expression import VARIABLE, Expression
from core.gradients.problem import Problem, problem
from core.gradients.reverse import HandDerivation, differentiate
from core.gradients.tolerance import SAFETY, loss_magnitude, scales

RELATIVE_STEP = 2.0**-18
"""Step of the finite difference, relative to max(1, |value|): about eps(float64) to the power 1/3."""

FINER_STEPS = (2.0**-28, 2.0**-38)
"""Steps for where the loss bends so sharply that the first one tells nothing."""

_DUAL_LEVEL = threading.Lock()
# Forward-mode AD keeps one dual level per process: a second thread that enters it gets an error.


class Verdict(StrEnum):
    """What the witnesses say together about one derivative."""

    AGREE = "agree"
    KINK = "kink"
    NOT_FINITE = "not finite"
    DISAGREE = "disagree"


@dataclass(frozen=True)
class Witnesses:
    """The derivative of the loss by one number, by four ways.

    Attributes:
        name: the variable, or `x[2]` for one number of a batch.
        manual: by the chain rule, in the problem's dtype.
        autograd: by `torch.autograd`, in the problem's dtype.
        forward_mode: by `torch.autograd.forward_ad`, in the problem's dtype.
        finite_difference: central difference in float64.
        step: the step h of the finite difference.
        left, right: the one-sided derivatives, in float64, with the same step.
        jump: by how much they differ, where the slope itself jumps (a kink); else 0.
    jump: by how much they differ, if that is a jump of the slope and not curvature; else 0.
        scale: the size that rounding errors grow with (see `tolerance`).
        tolerance: 4 * eps(dtype) * scale: how far the first three may lie apart.
        finite_difference_tolerance: the same plus the finite difference's own error.
        difference: largest distance of the hand derivation and forward mode from autograd.
        ulps: distance of the hand derivation from autograd in units in the last place of the dtype.
        verdict: the judgement.
        explanation: the judgement in a sentence.
    """

    name: str
    manual: float
    autograd: float
    forward_mode: float
    finite_difference: float
    step: float
    left: float
    right: float
    jump: float
    scale: float
    tolerance: float
    finite_difference_tolerance: float
    difference: float
    ulps: float
    verdict: Verdict
    explanation: str


@dataclass(frozen=True)
class Comparison:
    """The witnesses for every number that the loss is differentiated by; `comparison["w"]` finds one."""

    problem: Problem
    loss: float
    rows: tuple[Witnesses, ...]
    reason: str
    """Where a value stopped being finite, in words; empty if all are finite."""

    def __getitem__(self, name: str) -> Witnesses:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{name!r} is not among {', '.join(row.name for row in self.rows)}")

    def __iter__(self) -> Iterator[Witnesses]:
        return iter(self.rows)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all rows."""
        order = list(Verdict)
        return max((row.verdict for row in self.rows), key=order.index)


def compare(
    loss: str | Expression,
    values: Mapping[str, float | Sequence[float]],
    wrt: Sequence[str],
    dtype: str = "float32",
    reduction: str = "mean",
) -> Comparison:
    """Differentiates the loss by hand, by autograd, by a finite difference and by forward mode.

    Args: as `core.gradients.problem`.

    Returns:
        A `Comparison`: `comparison["w"].manual`, `.autograd`, `.finite_difference`, `.forward_mode`,
        `.tolerance`, `.verdict`. A batch has one row per number: `comparison["x[0]"]`.

    Raises:
        ExpressionError, ProblemError: as `core.gradients.problem`.
    """
    return examine(problem(loss, values, wrt, dtype, reduction))


def examine(given: Problem) -> Comparison:
    """`compare` for a problem that was already checked."""
    hand = differentiate(given)
    by_name = {node.name: index for index, node in enumerate(given.expression.nodes) if node.op == VARIABLE}
    loss, reverse = by_autograd(given)
    forward = by_forward_mode(given)
    difference = by_finite_difference(given)
    scale = scales(given)
    reason = explain_not_finite(given, hand)
    value_is_lost = any(
        not math.isfinite(item)
        for value in hand.values
        for item in (_numbers(value) if isinstance(value, Tensor) else [value])
    )
    rows: list[Witnesses] = []
    for name in given.wrt:
        gradient = hand.gradients[by_name[name]]
        manual = _numbers(gradient if gradient is not None else torch.zeros_like(reverse[name]))
        for index, single in enumerate(manual):
            label = name if not isinstance(given.values[name], tuple) else f"{name}[{index}]"
            row = Witnesses(
                name=label,
                manual=single,
                autograd=_numbers(reverse[name])[index],
                forward_mode=_numbers(forward[name])[index],
                finite_difference=difference[name].central[index],
                step=difference[name].step[index],
                left=difference[name].left[index],
                right=difference[name].right[index],
                jump=difference[name].jump[index],
                scale=_numbers(scale[name])[index],
                tolerance=math.nan,
                finite_difference_tolerance=difference[name].error[index],
                difference=math.nan,
                ulps=math.nan,
                verdict=Verdict.DISAGREE,
                explanation="",
            )
            rows.append(_judge(row, given, reason, value_is_lost))
    return Comparison(given, loss, tuple(rows), reason)


def by_autograd(given: Problem) -> tuple[float, dict[str, Tensor]]:
    """The loss and its gradients by `torch.autograd.grad`."""
    leaves = given.tensors(requires_grad=True)
    loss = final(evaluate(given.expression, leaves), next(iter(leaves.values())))
    sought = [leaves[name] for name in given.wrt]
    found = torch.autograd.grad(loss, sought, allow_unused=True, materialize_grads=True)
    return float(loss.detach()), dict(zip(given.wrt, found, strict=True))


def by_forward_mode(given: Problem) -> dict[str, Tensor]:
    """The gradients by forward mode, in one pass where all are finite."""
    found = _forward_pass(given, given.wrt)
    if all(bool(gradient.isfinite().all()) for gradient in found.values()):
        return found
    # A tangent of zero times an infinite slope is not a number: one variable must not spoil the others.
    return {name: _forward_pass(given, (name,), rest_is_constant=True)[name] for name in given.wrt}


def _forward_pass(given: Problem, wrt: Sequence[str], *, rest_is_constant: bool = False) -> dict[str, Tensor]:
    """The gradients by forward mode by some variables, all in one pass.

    Each variable becomes a column with one row per number to differentiate by, all rows equal; in its own
    row that number's tangent is 1 and every other tangent is 0.
    """
    leaves = given.tensors()
    numbers = [(name, index) for name in wrt for index in range(leaves[name].numel())]
    columns = {name: leaf.reshape(1, -1).repeat(len(numbers), 1) for name, leaf in leaves.items()}
    # Constants get a tangent of zeros too: PyTorch's path for a missing tangent is seven times slower.
    dual = wrt if rest_is_constant else tuple(columns)
    tangents = {name: torch.zeros_like(columns[name]) for name in dual}
    for row, (name, index) in enumerate(numbers):
        tangents[name][row, index] = 1
    with _DUAL_LEVEL, torch.no_grad(), forward_ad.dual_level():
        duals = columns | {name: _dual(columns[name], tangents[name]) for name in dual}
        result = final(evaluate(given.expression, duals), next(iter(columns.values())))
        derivative: Tensor | None = forward_ad.unpack_dual(result).tangent  # type: ignore[no-untyped-call]
    rows = (
        torch.zeros(len(numbers), dtype=given.torch_dtype) if derivative is None else derivative.reshape(-1)
    )
    parts = torch.split(rows, [leaves[name].numel() for name in wrt])
    return {name: part.reshape(leaves[name].shape) for name, part in zip(wrt, parts, strict=True)}


def _dual(primal: Tensor, tangent: Tensor) -> Tensor:
    dual: Tensor = forward_ad.make_dual(primal, tangent)  # type: ignore[no-untyped-call]
    return dual


@dataclass(frozen=True)
class FiniteDifference:
    """Central and one-sided differences by each number of one variable, float64."""

    central: list[float]
    left: list[float]
    right: list[float]
    jump: list[float]
    step: list[float]
    error: list[float]

    def converged(self) -> bool:
        """Whether no estimated error is a large part of its slope; a kink's two slopes do not count."""
        return all(
            error <= 1e-3 * max(abs(left), abs(right))
            for left, right, error in zip(self.left, self.right, self.error, strict=True)
        )

    def better_of(self, other: FiniteDifference) -> FiniteDifference:
        """For each number, the difference with the smaller estimated error."""
        pairs = zip(self.error, other.error, strict=True)
        ours = [mine <= theirs or math.isnan(theirs) for mine, theirs in pairs]
        columns = {
            field.name: [
                mine if keep else theirs
                for keep, mine, theirs in zip(
                    ours, getattr(self, field.name), getattr(other, field.name), strict=True
                )
            ]
            for field in fields(self)
        }
        return FiniteDifference(**columns)


def by_finite_difference(given: Problem) -> dict[str, FiniteDifference]:
    """Central differences in float64 with step h, and from twice the step an estimate of their error.

    A loss that changes within a step, such as 1/x near 0, is looked at again with smaller steps.
    """
    found = _differences(given, RELATIVE_STEP)
    for finer in FINER_STEPS:
        if all(difference.converged() for difference in found.values()):
            break
        again = _differences(given, finer)
        found = {name: difference.better_of(again[name]) for name, difference in found.items()}
    return found


def _differences(given: Problem, relative_step: float) -> dict[str, FiniteDifference]:
    """Differences with one step: all points in one pass, a variable as a column with one row per point."""
    exact = given.exact_tensors()
    numbers = [(name, index) for name in given.wrt for index in range(exact[name].numel())]
    center = {name: tensor.reshape(1, -1) for name, tensor in exact.items()}
    steps = [relative_step * max(1.0, abs(float(center[name][0, index]))) for name, index in numbers]
    offsets = (0.0, 1.0, -1.0, 2.0, -2.0)
    points = {name: row.repeat(len(offsets) * len(numbers), 1) for name, row in center.items()}
    for position, ((name, index), step) in enumerate(zip(numbers, steps, strict=True)):
        for shift, offset in enumerate(offsets):
            points[name][position * len(offsets) + shift, index] += offset * step
    losses = loss_at(given.expression, points).reshape(len(numbers), len(offsets)).tolist()
    magnitude = loss_magnitude(given)
    found: dict[str, FiniteDifference] = {
        name: FiniteDifference([], [], [], [], [], []) for name in given.wrt
    }
    for (name, _), step, (middle, up, down, far_up, far_down) in zip(numbers, steps, losses, strict=True):
        central, wide = (up - down) / (2 * step), (far_up - far_down) / (4 * step)
        size = max(magnitude, abs(up), abs(down), torch.finfo(torch.float64).smallest_normal)
        found[name].central.append(central)
        left, right = (middle - down) / step, (up - middle) / step
        gap = right - left
        wide_gap = (far_up - middle) / (2 * step) - (middle - far_down) / (2 * step)
        rounding = 8 * torch.finfo(torch.float64).eps * size / step
        # The gap of a smooth loss is curvature times the step and doubles with it; a jump stays as it is.
        is_jump = abs(gap) > 1e-3 * max(abs(left), abs(right)) + 4 * rounding and abs(wide_gap) < 1.2 * abs(
            gap
        )
        found[name].left.append(left)
        found[name].right.append(right)
        found[name].jump.append(gap if is_jump else 0.0)
        found[name].step.append(step)
        found[name].error.append(abs(wide - central) + rounding)
    return found


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


def ulp(value: float, dtype: torch.dtype) -> float:
    """The distance between `value` and the next larger number of the dtype: one unit in the last place."""
    info = torch.finfo(dtype)
    if not math.isfinite(value):
        return math.nan
    exponent = math.frexp(max(abs(value), info.smallest_normal))[1] - 1
    return math.ldexp(info.eps, exponent)


def explain_not_finite(given: Problem, hand: HandDerivation) -> str:
    """The first place where a number stopped being finite, in words; empty if there is none."""
    for index, node in enumerate(given.expression.nodes):
        value = hand.values[index]
        flat = _numbers(value) if isinstance(value, Tensor) else [value]
        bad = next((item for item in flat if not math.isfinite(item)), None)
        if bad is None:
            continue
        if node.op == VARIABLE:
            largest = torch.finfo(given.torch_dtype).max
            return f"{node.name} does not fit {given.dtype}: its largest number is {largest:.4g}"
        inputs = [hand.values[position] for position in node.inputs]
        return _explain_operation(node.op, inputs, bad, given.dtype)
    for index, node in enumerate(given.expression.nodes):
        for position, factor in zip(node.inputs, hand.local[index], strict=False):
            slope = _numbers(factor) if isinstance(factor, Tensor) else [0.0]
            if not all(math.isfinite(item) for item in slope):
                value = hand.values[position]
                at = _numbers(value)[0] if isinstance(value, Tensor) else value
                return f"the loss is finite, but the slope of {node.op} at {at:.4g} is not"
    if any(gradient is not None and not bool(gradient.isfinite().all()) for gradient in hand.gradients):
        return f"the loss is finite, but a product of the chain rule leaves the range of {given.dtype}"
    return ""


def _explain_operation(op: str, inputs: Sequence[Tensor | float], bad: float, dtype: str) -> str:
    numbers = [_numbers(value) if isinstance(value, Tensor) else [value] for value in inputs]
    first, last = numbers[0], numbers[-1]
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


def _judge(row: Witnesses, given: Problem, reason: str, value_is_lost: bool) -> Witnesses:
    eps = torch.finfo(given.torch_dtype).eps
    tolerance = SAFETY * eps * row.scale
    same = (row.manual, row.autograd, row.forward_mode)
    unit = ulp(row.autograd, given.torch_dtype)
    distance = abs(row.manual - row.autograd)
    row = replace(
        row,
        tolerance=tolerance,
        finite_difference_tolerance=tolerance + row.finite_difference_tolerance,
        difference=max(distance, abs(row.forward_mode - row.autograd)),
        ulps=distance / unit,
    )
    if not all(math.isfinite(value) for value in same):
        alike = len({repr(value) for value in same}) == 1
        kind = "not a number" if math.isnan(row.autograd) else "infinite"
        text = (
            f"the three agree that it is {kind}" if alike else "the witnesses differ and not all are finite"
        )
        return replace(row, verdict=Verdict.NOT_FINITE, explanation=f"{text}: {reason}" if reason else text)
    exact = row.difference <= tolerance
    close = abs(row.finite_difference - row.autograd) <= row.finite_difference_tolerance
    if exact and row.jump != 0:
        low, high = sorted((row.left, row.right))
        slack = row.finite_difference_tolerance
        if low - slack <= row.autograd <= high + slack:
            sides = f"{row.left:.4g} on the left and {row.right:.4g} on the right"
            text = f"a kink: the slope is {sides}; autograd lies between"
            return replace(row, verdict=Verdict.KINK, explanation=text)
    if value_is_lost:
        text = f"{reason}; autograd only multiplies slopes, so it gives {row.autograd:.4g} without noticing"
        return replace(row, verdict=Verdict.NOT_FINITE, explanation=text)
    if not math.isfinite(row.finite_difference):
        return replace(
            row,
            verdict=Verdict.NOT_FINITE if exact else Verdict.DISAGREE,
            explanation="the finite difference has no value: the loss is not defined on both sides",
        )
    if exact and close:
        return replace(row, verdict=Verdict.AGREE, explanation=_agreement(row, given))
    culprit = "the finite difference" if exact else "the hand derivation or forward mode"
    bound = row.finite_difference_tolerance if exact else row.tolerance
    return replace(
        row,
        verdict=Verdict.DISAGREE,
        explanation=f"{culprit} lies outside the tolerance of {bound:.2g}",
    )


def _agreement(row: Witnesses, given: Problem) -> str:
    size, smallest = abs(row.autograd), torch.finfo(given.torch_dtype).smallest_normal
    if row.tolerance >= max(size, abs(row.finite_difference)) and row.tolerance > 0 and row.scale > 0:
        if row.manual == row.autograd == row.finite_difference == 0:
            return "all four are zero"
        if row.manual == row.autograd == 0 and abs(row.finite_difference) < smallest:
            return f"agree, but the derivative is too small for {given.dtype} and became zero"
        return (
            f"agree, but {given.dtype} keeps no correct digit here: numbers as large as {row.scale:.2g} "
            "cancelled on the way"
        )
    if row.manual == row.autograd == row.forward_mode:
        return "the hand derivation, autograd and forward mode are equal to the last bit"
    return f"agree within {row.ulps:.3g} ulp, by rounding only"


def _numbers(tensor: Tensor) -> list[float]:
    return [float(value) for value in tensor.detach().reshape(-1).tolist()]
