"""The gradient by `torch.autograd`, in reverse mode and in forward mode."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd import forward_ad

from core.gradients.evaluation import evaluate, final
from core.gradients.problem import Problem

_DUAL_LEVEL = threading.Lock()
# Forward-mode AD keeps one dual level per process: a second thread that enters it gets an error.


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
