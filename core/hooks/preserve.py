"""A model as it came: taken down before a run, and put back bit for bit after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

_INTEGERS: Final = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@dataclass(frozen=True)
class _Module:
    """What of a module a run may change, besides the numbers in its tensors."""

    module: nn.Module
    training: bool
    parameters: dict[str, nn.Parameter | None]
    buffers: dict[str, Tensor | None]
    full_backward: bool | None
    hooked: bool


@dataclass(frozen=True)
class _Numbers:
    """A tensor of the model: `alias` is where its numbers are, `copy` what they were."""

    tensor: Tensor
    alias: Tensor
    copy: Tensor
    leaf: bool
    requires_grad: bool
    gradient: _Numbers | None


class Preserved:
    """Everything of a model that running or training it changes.

    That is: parameters, buffers and gradients (which tensors they are, and every bit in them),
    `requires_grad`, training flags, and with `rng` the state of PyTorch's random generators.

    What it cannot put back: parameters that a lazy module makes in its first run, and modules, parameters or
    buffers that are added or removed meanwhile.
    """

    def __init__(self, model: nn.Module, *, rng: bool = False) -> None:
        modules = list(model.modules())
        self._modules = [
            _Module(
                module,
                module.training,
                dict(module._parameters),
                dict(module._buffers),
                module._is_full_backward_hook,
                bool(module._backward_hooks),
            )
            for module in modules
        ]
        tensors: dict[int, Tensor] = {}
        for module in modules:
            for tensor in (*module._parameters.values(), *module._buffers.values()):
                if tensor is not None and _has_numbers(tensor):
                    tensors[id(tensor)] = tensor
        self._numbers = [_take(tensor) for tensor in tensors.values()]
        self._rng = torch.random.get_rng_state() if rng else None
        self._cuda_rng = torch.cuda.get_rng_state_all() if rng and torch.cuda.is_available() else None

    def restore(self) -> None:
        """Puts everything back. What is unchanged is not written to."""
        for kept in self._modules:
            kept.module.training = kept.training
            _put_back(kept.module._parameters, kept.parameters)
            _put_back(kept.module._buffers, kept.buffers)
            if not kept.module._backward_hooks:
                # What another's hook had set goes with it, if that was taken away meanwhile.
                kept.module._is_full_backward_hook = None if kept.hooked else kept.full_backward
        for numbers in self._numbers:
            _restore(numbers)
        if self._rng is not None:
            torch.random.set_rng_state(self._rng)
        if self._cuda_rng is not None:
            torch.cuda.set_rng_state_all(self._cuda_rng)


def _take(tensor: Tensor) -> _Numbers:
    gradient = tensor.grad if tensor.is_leaf else None
    return _Numbers(
        tensor,
        tensor.detach(),
        tensor.detach().clone(),
        tensor.is_leaf,
        tensor.requires_grad,
        None if gradient is None else _take(gradient),
    )


def _has_numbers(tensor: Tensor) -> bool:
    """Whether there are bits to keep: not before a lazy module has run, nor in a stand-in without data."""
    return not is_lazy(tensor) and not tensor.is_meta and not hasattr(tensor, "fake_mode")


def _put_back(now: dict[str, Any], before: dict[str, Any]) -> None:
    for name, tensor in before.items():
        if name in now and now[name] is not tensor:
            now[name] = tensor


def _restore(numbers: _Numbers) -> None:
    tensor, alias = numbers.tensor, numbers.alias
    if tensor.layout is torch.strided:
        # Writing through `.data` leaves the version counter alone: a graph that outlives the run still goes
        # back.
        if _where(tensor) != _where(alias):
            tensor.data = alias
        if not same_bits(alias, numbers.copy):
            alias.data.copy_(numbers.copy)
    else:
        # A sparse gradient's `.data` is a tensor of its own.
        with torch.no_grad():
            tensor.copy_(numbers.copy)
    if numbers.leaf and not tensor.is_leaf:
        tensor.detach_()
    if not tensor.is_leaf:
        return
    if tensor.requires_grad != numbers.requires_grad:
        tensor.requires_grad_(numbers.requires_grad)
    if numbers.gradient is not None:
        _restore(numbers.gradient)
    gradient = None if numbers.gradient is None else numbers.gradient.tensor
    if tensor.grad is not gradient:
        tensor.grad = gradient


def _where(tensor: Tensor) -> tuple[object, ...]:
    return tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same dtype, shape and bits; a nan equals itself, and 0 is not -0."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    one, other = one.detach(), other.detach()
    if one.layout is not torch.strided or one.is_quantized:
        return False
    if one.is_complex():
        one, other = torch.view_as_real(one.resolve_conj()), torch.view_as_real(other.resolve_conj())
    integer = _INTEGERS.get(one.element_size())
    if integer is not None and one.dtype is not torch.bool:
        one, other = one.view(integer), other.view(integer)
    return torch.equal(one, other)
