"""How much memory a batch would take, without computing anything."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from core.zoo import ZooModel


def batch_bytes(model: ZooModel, batch: int) -> int:
    """The bytes of the inputs and of what every layer gives, in float32, for one batch.

    It grows in proportion with the batch. An engine that reuses memory between layers needs less, one that
    records gradients needs all of it. The weights are not in it.

    Args:
        model: of the zoo; it is called once, with one example.
        batch: how many examples; any whole number above 0.
    """
    inputs = model.example_inputs(1)
    found = sum(map(_size, inputs))
    handles: list[RemovableHandle] = []

    def count(_module: nn.Module, _args: Any, output: Any) -> None:  # noqa: ANN401 - whatever a layer gives
        nonlocal found
        found += sum(map(_size, _tensors(output)))

    try:
        handles += [
            module.register_forward_hook(count)
            for module in model.module.modules()
            if next(module.children(), None) is None
        ]
        args, kwargs = model.arguments(inputs)
        was_training = model.module.training
        model.module.eval()
        try:
            with torch.inference_mode():
                model.module(*args, **kwargs)
        finally:
            model.module.train(was_training)
    finally:
        for handle in handles:
            handle.remove()
    return found * batch


def _size(tensor: Tensor) -> int:
    return math.prod(tensor.shape) * tensor.element_size()


def _tensors(output: object) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, list | tuple):
        return [tensor for each in output for tensor in _tensors(each)]
    return []
