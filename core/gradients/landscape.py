"""The loss as a landscape over two of its variables, or as a curve over one, in float64."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor

from core.gradients.autograd import by_autograd
from core.gradients.finite_difference import loss_at
from core.gradients.problem import Problem, ProblemError

Span: TypeAlias = tuple[float, float]
"""The lowest and the highest value of an axis."""

SMALLEST, LARGEST = 3, 401
_FARTHEST = 20.0
"""How many times the usual half width an axis may grow to, to show the lowest point or a path."""


@dataclass(frozen=True)
class Curve:
    """The loss over one variable.

    Attributes:
        name: the variable.
        positions: its values, ascending.
        losses: the loss at each; NaN and infinities are kept.
        not_finite: how many losses are not finite numbers.
        at: the current value.
        loss: the loss there.
        slope: the derivative there, in the problem's dtype.
    """

    name: str
    positions: tuple[float, ...]
    losses: tuple[float, ...]
    not_finite: int
    at: float
    loss: float
    slope: float


@dataclass(frozen=True)
class Landscape:
    """The loss over two variables.

    Attributes:
        horizontal, vertical: the names of the variables.
        across, up: the values on each axis, ascending.
        losses: `losses[row][column]` is the loss at `up[row]`, `across[column]`; NaN and infinities are kept.
        not_finite: how many losses are not finite numbers.
        at: the current point, horizontal then vertical.
        loss: the loss there.
        gradient: the gradient there, in the problem's dtype; the loss falls fastest against it.
    """

    horizontal: str
    vertical: str
    across: tuple[float, ...]
    up: tuple[float, ...]
    losses: tuple[tuple[float, ...], ...]
    not_finite: int
    at: tuple[float, float]
    loss: float
    gradient: tuple[float, float]


def landscape(
    problem: Problem,
    horizontal: str,
    vertical: str,
    spans: tuple[Span, Span] | None = None,
    size: int = 41,
    *,
    path: Sequence[tuple[float, float]] = (),
) -> Landscape:
    """The loss on a grid around the current point; all other variables keep their values.

    Args:
        problem: the loss and its values.
        horizontal: a variable that is a single number.
        vertical: another one.
        spans: the range of each axis; by default around the current point, wide enough for the shape, and
            for the path.
        size: points per axis, 3 to 401.
        path: points to keep in view, horizontal then vertical. Those farther off than 20 times the usual
            width, as a diverging descent has them, are left outside.

    Raises:
        ProblemError: if a variable is unknown, a batch or chosen twice, a span is empty or the size is wrong.
    """
    if horizontal == vertical:
        raise ProblemError(f"Both axes are `{horizontal}`: choose two different variables.")
    at = _current(problem, horizontal), _current(problem, vertical)
    _check_size(size)
    if spans is None:
        spans = (
            _span(problem, horizontal, [point[0] for point in path]),
            _span(problem, vertical, [point[1] for point in path]),
        )
    across, up = _axis(spans[0], size), _axis(spans[1], size)
    rows, columns = torch.meshgrid(up, across, indexing="ij")  # (size, size)
    losses = _losses(problem, {horizontal: columns.reshape(-1), vertical: rows.reshape(-1)})
    _, gradients = by_autograd(replace(problem, wrt=(horizontal, vertical)))
    return Landscape(
        horizontal=horizontal,
        vertical=vertical,
        across=tuple(across.tolist()),
        up=tuple(up.tolist()),
        losses=tuple(tuple(row) for row in losses.reshape(size, size).tolist()),
        not_finite=int((~losses.isfinite()).sum()),
        at=at,
        loss=_loss_here(problem, horizontal),
        gradient=(float(gradients[horizontal]), float(gradients[vertical])),
    )


def curve(
    problem: Problem, name: str, span: Span | None = None, size: int = 201, *, path: Sequence[float] = ()
) -> Curve:
    """The loss over one variable: `landscape` for a loss that has only one.

    Args and errors: as `landscape`.
    """
    at = _current(problem, name)
    _check_size(size)
    positions = _axis(span if span is not None else _span(problem, name, path), size)
    losses = _losses(problem, {name: positions})
    _, gradients = by_autograd(replace(problem, wrt=(name,)))
    return Curve(
        name=name,
        positions=tuple(positions.tolist()),
        losses=tuple(losses.tolist()),
        not_finite=int((~losses.isfinite()).sum()),
        at=at,
        loss=_loss_here(problem, name),
        slope=float(gradients[name]),
    )


def _current(problem: Problem, name: str) -> float:
    if name not in problem.values:
        raise ProblemError(f"`{name}` is not in the loss: choose among {', '.join(problem.values)}.")
    value = problem.values[name]
    if isinstance(value, tuple):
        raise ProblemError(
            f"`{name}` is a batch of {len(value)} numbers: choose a variable that is one number."
        )
    return value


def _check_size(size: int) -> None:
    if not SMALLEST <= size <= LARGEST:
        raise ProblemError(f"The grid has {size} points per axis: choose {SMALLEST} to {LARGEST}.")


def _axis(span: Span, size: int) -> Tensor:
    low, high = span
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ProblemError(
            f"The axis runs from {low:g} to {high:g}: give two finite numbers, the lower first."
        )
    return torch.linspace(low, high, size, dtype=torch.float64)  # (size,)


def _losses(problem: Problem, moved: dict[str, Tensor]) -> Tensor:
    """The loss with some variables replaced by p values each, shape (p,), float64."""
    count = len(next(iter(moved.values())))
    points = {
        name: torch.tensor(value, dtype=torch.float64).reshape(1, -1).expand(count, -1)  # (p, 1) or (p, n)
        for name, value in problem.values.items()
    } | {name: values.reshape(-1, 1) for name, values in moved.items()}
    return loss_at(problem.expression, points)


def _loss_here(problem: Problem, name: str) -> float:
    return float(_losses(problem, {name: torch.tensor([_current(problem, name)], dtype=torch.float64)})[0])


def _span(problem: Problem, name: str, path: Iterable[float]) -> Span:
    """Symmetric around the current value; wide enough for the lowest point of the axis and for the path."""
    value = _current(problem, name)
    usual = 2 * max(1.0, abs(value))
    reach = [_distance_to_lowest(problem, name, value), *(abs(position - value) for position in path)]
    inside = [distance for distance in reach if math.isfinite(distance) and distance <= _FARTHEST * usual]
    half = max(usual, 1.2 * max(inside)) if inside else usual
    low, high = value - half, value + half
    return (low, high) if math.isfinite(low) and math.isfinite(high) else (value / 2, value)


def _distance_to_lowest(problem: Problem, name: str, value: float) -> float:
    """Newton's step: where the parabola that fits the loss here has its lowest point; 0 if it has none."""
    step = 1e-3 * max(1.0, abs(value))
    positions = torch.tensor([value - step, value, value + step], dtype=torch.float64)
    down, middle, up = _losses(problem, {name: positions}).tolist()
    bend = up - 2 * middle + down
    return abs((up - down) / 2 * step / bend) if bend > 0 else 0.0
