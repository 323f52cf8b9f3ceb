"""What a hook makes of the tensor that it sees."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from core.hooks.spec import Action, HookSpec


class HookRaisedError(RuntimeError):
    """What a hook with the action `raise` raises."""


def noise_seed(seed: int, index: int) -> int:
    """The seed of the noise of a recorder's `index`-th hook: each hook draws its own."""
    return (seed * 1_000 + index) % 2**63


def changer(spec: HookSpec, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    """The change that a spec's action makes to one floating-point tensor; gradients flow through it.

    Args:
        spec: a hook whose action changes what it sees.
        generator: for noise.
    """
    amount = spec.the_amount
    match spec.the_action:
        case Action.SCALE:
            return lambda tensor: tensor * amount
        case Action.CLIP:
            return lambda tensor: tensor.clamp(-amount, amount)
        case Action.ZERO:
            # A multiplication by 0 would let a nan through, and zeros_like would cut the graph.
            return lambda tensor: tensor.masked_fill(torch.ones_like(tensor, dtype=torch.bool), 0.0)
        case Action.NOISE:
            return lambda tensor: tensor + amount * _noise(tensor, generator)
        case Action.MEAN:
            return _batch_mean
        case Action.WRONG_SHAPE:
            return _one_too_many
        case _:
            return lambda tensor: tensor


def _noise(tensor: Tensor, generator: torch.Generator) -> Tensor:
    drawn = torch.randn(tensor.shape, generator=generator, dtype=torch.float32)
    return drawn.to(tensor.device, tensor.dtype)


def _batch_mean(tensor: Tensor) -> Tensor:
    return tensor.mean(0, keepdim=True).expand_as(tensor).clone() if tensor.dim() else tensor.clone()


def _one_too_many(tensor: Tensor) -> Tensor:
    return torch.cat([tensor, tensor[..., :1]], -1) if tensor.dim() else tensor.repeat(2)
