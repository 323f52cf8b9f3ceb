"""Hooks that are still on a model: how many, where, and taking them all away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from torch import nn

# Where PyTorch keeps a module's hooks: the places that `register_*` writes to.
_PLACES: Final = {
    "_forward_pre_hooks": "forward_pre",
    "_forward_hooks": "forward",
    "_backward_pre_hooks": "full_backward_pre",
    "_backward_hooks": "full_backward",
    "_state_dict_pre_hooks": "state_dict_pre",
    "_state_dict_hooks": "state_dict",
    "_load_state_dict_pre_hooks": "load_state_dict_pre",
    "_load_state_dict_post_hooks": "load_state_dict",
}
_ON_PARAMETERS: Final = {
    "_backward_hooks": "parameter",
    "_post_accumulate_grad_hooks": "post_accumulate_grad",
}


@dataclass(frozen=True)
class Found:
    """Hooks of one kind at one place: on a layer, or on a parameter by its full name."""

    where: str
    kind: str
    count: int


def find_hooks(model: nn.Module) -> tuple[Found, ...]:
    """Every hook on a model's layers and parameters, whoever put it there."""
    return tuple(Found(where, kind, len(hooks)) for where, kind, hooks in _places(model) if hooks)


def count_hooks(model: nn.Module) -> int:
    """How many hooks are on a model."""
    return sum(found.count for found in find_hooks(model))


def remove_hooks(model: nn.Module) -> int:
    """Takes every hook away, even those whose handles are lost, and says how many there were."""
    removed = 0
    for _, _, hooks in _places(model):
        removed += len(hooks)
        hooks.clear()
    for module in model.modules():
        for extra in (
            "_forward_hooks_with_kwargs",
            "_forward_pre_hooks_with_kwargs",
            "_forward_hooks_always_called",
        ):
            getattr(module, extra).clear()
        module._is_full_backward_hook = None
    return removed


def _places(model: nn.Module) -> Iterator[tuple[str, str, Any]]:
    for name, module in model.named_modules():
        for place, kind in _PLACES.items():
            yield name, kind, getattr(module, place)
    for name, parameter in model.named_parameters():
        for place, kind in _ON_PARAMETERS.items():
            hooks = getattr(parameter, place, None)
            yield name, kind, {} if hooks is None else hooks
