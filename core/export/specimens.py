"""Models on which an exporter goes wrong, beside those of the zoo: each for one trap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor, nn

from core import zoo
from core.rng import seeded
from core.zoo import Input, ZooModel


class _ScaledByPython(nn.Module):
    """Divides by a number that Python has taken out of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        largest = x.abs().max().item()
        scaled: Tensor = self.linear(x / largest)
        return scaled


class _LoopOverBatch(nn.Module):
    """Goes through the examples one by one in a Python loop."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.linear(row) for row in x])


class _Pooled(nn.Module):
    """Pools whatever comes to a fixed number of places."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool1d(3)

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.pool(x)
        return pooled


class _SingularValues(nn.Module):
    """Asks for what no ONNX operator computes."""

    def forward(self, x: Tensor) -> Tensor:
        values: Tensor = torch.linalg.svdvals(x)
        return values


@dataclass(frozen=True)
class _Recipe:
    title: str
    about: str
    make: Callable[[], nn.Module]
    inputs: tuple[Input, ...]


_RECIPES: Final[Mapping[str, _Recipe]] = MappingProxyType({
    "python_scale": _Recipe(
        "A number taken out by Python",
        "`.item()` turns the batch's largest number into a Python float, which a tracer keeps as a constant.",
        _ScaledByPython, (Input("x", (8,)),),
    ),
    "loop_over_batch": _Recipe(
        "A loop over the batch",
        "`for row in x` runs as often as the example has rows, and a tracer writes down that many copies.",
        _LoopOverBatch, (Input("x", (8,)),),
    ),
    "pooled": _Recipe(
        "Adaptive pooling",
        "The size of each pooling window depends on the input's length, which the graph must know.",
        _Pooled, (Input("x", (4, 7)),),
    ),
    "singular_values": _Recipe(
        "Singular values",
        "`torch.linalg.svdvals` has no counterpart among ONNX's operators.",
        _SingularValues, (Input("x", (3, 3)),),
    ),
})  # fmt: skip


def names() -> list[str]:
    """The short names of all models that can be exported: the zoo's, then the specimens'."""
    return [*zoo.names(), *_RECIPES]


def titles() -> dict[str, str]:
    """What a menu says, per short name."""
    return zoo.titles() | {name: recipe.title for name, recipe in _RECIPES.items()}


def build(name: str, seed: int = 0) -> ZooModel:
    """A new module of the named model; the same seed gives the same bits.

    Raises:
        ZooError: if there is no such model, or the seed is none.
    """
    recipe = _RECIPES.get(name)
    if recipe is None:
        return zoo.build(name, seed)
    with seeded(zoo.checked_seed(seed)):
        module = recipe.make()
    return ZooModel(name, recipe.title, recipe.about, module, recipe.inputs)
