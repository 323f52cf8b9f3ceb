"""Four independent ways to the same gradient, side by side, and the verdict on them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import torch

from core.gradients.autograd import by_autograd, by_forward_mode
from core.gradients.evaluation import numbers
from core.gradients.expression import VARIABLE, Expression
from core.gradients.finite_difference import Difference, by_finite_difference
from core.gradients.not_finite import NotFinite, find_not_finite
from core.gradients.problem import Problem, problem
from core.gradients.reverse import differentiate
from core.gradients.tolerance import SAFETY, scales


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
    trouble = find_not_finite(given, hand)
    rows: list[Witnesses] = []
    for name in given.wrt:
        gradient = hand.gradients[by_name[name]]
        by_hand = numbers(gradient if gradient is not None else torch.zeros_like(reverse[name]))
        columns = (by_hand, *(numbers(found[name]) for found in (reverse, forward, scale)))
        for index, (manual, autograd, forward_mode, size) in enumerate(zip(*columns, strict=True)):
            label = name if not isinstance(given.values[name], tuple) else f"{name}[{index}]"
            row = _row(label, (manual, autograd, forward_mode), size, difference[name][index], given)
            verdict, explanation = _judge(row, given, trouble)
            rows.append(replace(row, verdict=verdict, explanation=explanation))
    return Comparison(given, loss, tuple(rows), trouble.reason)


def ulp(value: float, dtype: torch.dtype) -> float:
    """The distance between `value` and the next larger number of the dtype: one unit in the last place."""
    info = torch.finfo(dtype)
    if not math.isfinite(value):
        return math.nan
    exponent = math.frexp(max(abs(value), info.smallest_normal))[1] - 1
    return math.ldexp(info.eps, exponent)


def _row(
    name: str, same: tuple[float, float, float], scale: float, difference: Difference, given: Problem
) -> Witnesses:
    """A row that is not judged yet; `same` are the three that should be the same but for rounding."""
    manual, autograd, forward_mode = same
    tolerance = SAFETY * torch.finfo(given.torch_dtype).eps * scale
    distance = abs(manual - autograd)
    return Witnesses(
        name=name,
        manual=manual,
        autograd=autograd,
        forward_mode=forward_mode,
        finite_difference=difference.central,
        step=difference.step,
        left=difference.left,
        right=difference.right,
        jump=difference.jump,
        scale=scale,
        tolerance=tolerance,
        finite_difference_tolerance=tolerance + difference.error,
        difference=max(distance, abs(forward_mode - autograd)),
        ulps=distance / ulp(autograd, given.torch_dtype),
        verdict=Verdict.DISAGREE,
        explanation="",
    )


def _judge(row: Witnesses, given: Problem, trouble: NotFinite) -> tuple[Verdict, str]:
    same = (row.manual, row.autograd, row.forward_mode)
    if not all(map(math.isfinite, same)):
        kind = "not a number" if math.isnan(row.autograd) else "infinite"
        alike = len({repr(value) for value in same}) == 1
        text = (
            f"the three agree that it is {kind}" if alike else "the witnesses differ, and not all are finite"
        )
        return Verdict.NOT_FINITE, f"{text}: {trouble.reason}" if trouble.reason else text
    exact = row.difference <= row.tolerance
    close = abs(row.finite_difference - row.autograd) <= row.finite_difference_tolerance
    low, high = sorted((row.left, row.right))
    slack = row.finite_difference_tolerance
    if exact and row.jump != 0 and low - slack <= row.autograd <= high + slack:
        sides = f"{row.left:.4g} on the left and {row.right:.4g} on the right"
        return Verdict.KINK, f"a kink: the slope is {sides}; autograd lies between"
    if trouble.in_forward:
        gives = f"it gives {row.autograd:.4g} without noticing"
        return Verdict.NOT_FINITE, f"{trouble.reason}; autograd only multiplies slopes, so {gives}"
    if not math.isfinite(row.finite_difference):
        verdict = Verdict.NOT_FINITE if exact else Verdict.DISAGREE
        return verdict, "the finite difference has no value: the loss is not defined on both sides"
    if exact and close:
        return Verdict.AGREE, _agreement(row, given)
    culprit = "the finite difference" if exact else "the hand derivation or forward mode"
    bound = row.finite_difference_tolerance if exact else row.tolerance
    return Verdict.DISAGREE, f"{culprit} lies outside the tolerance of {bound:.2g}"


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
