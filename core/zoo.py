"""Small models that every lab chooses from, each with inputs and one thing worth looking at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor, nn

from core.rng import seeded
from core.zoo_modules import (
    CNN,
    MLP,
    Containers,
    DropoutMLP,
    EarlyExit,
    FiLM,
    LastStepLSTM,
    Residual,
    Reused,
    SimpleMLP,
    Transformer,
    TwoHeads,
    deep,
    scalar_linear,
)

MAX_BATCH = 256
MAX_SEED = 2**63 - 1


class ZooError(ValueError):
    """A model or an input that does not exist: one line with what came, what was expected, what to do."""


class InputKind(StrEnum):
    """The numbers that an input is filled with."""

    EXAMPLE = "example"
    NORMAL = "normal"
    ZEROS = "zeros"
    ONES = "ones"
    RAMP = "ramp"
    NAN = "nan"


@dataclass(frozen=True)
class Input:
    """One argument of a model's `forward`.

    Attributes:
        name: the name that `forward` gives it.
        shape: the shape of one example, without the batch.
        batch_axis: where the batch goes among the axes of `shape`.
        keyword: whether the labs pass it by name.
        example: what every number of the model's own example is; None for normal random numbers.
    """

    name: str
    shape: tuple[int, ...]
    batch_axis: int = 0
    keyword: bool = False
    example: float | None = None


@dataclass(frozen=True)
class ZooModel:
    """A module with all that is needed to call it.

    Attributes:
        name: short name for a link.
        title: what a menu says.
        about: one sentence for a newcomer: what to look at.
        module: float32, on the CPU, in training mode.
        inputs: the arguments of its `forward`, in order.
    """

    name: str
    title: str
    about: str
    module: nn.Module
    inputs: tuple[Input, ...]

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs, in order."""
        return tuple(each.name for each in self.inputs)

    @property
    def batch_axes(self) -> dict[str, int]:
        """The axis of the batch, per input."""
        return {each.name: each.batch_axis for each in self.inputs}

    def example_inputs(
        self, batch: int = 2, kind: InputKind | str = InputKind.EXAMPLE, seed: int = 0
    ) -> tuple[Tensor, ...]:
        """New float32 tensors, one per input, for `module(*inputs)`.

        Args:
            batch: number of examples, 1 to 256.
            kind: `example` (the model's own, else as `normal`), `normal`, `zeros`, `ones`, `ramp` (from -1
                to 1 over the numbers of each example; a lone number is -1) or `nan` (`normal` with a NaN as
                the very first number of the first input).
            seed: for the random numbers.

        Raises:
            ZooError: if the batch, the kind or the seed is none of these.
        """
        _check_batch(batch)
        if kind not in tuple(InputKind):
            raise ZooError(f"There is no kind of input {_short(kind)}: choose one of {', '.join(InputKind)}.")
        generator = torch.Generator().manual_seed(checked_seed(seed))
        tensors = tuple(_filled(each, batch, InputKind(kind), generator) for each in self.inputs)
        if kind == InputKind.NAN:
            tensors[0].view(-1)[0] = torch.nan
        return tuple(
            tensor.movedim(0, each.batch_axis).contiguous()
            for each, tensor in zip(self.inputs, tensors, strict=True)
        )

    def arguments(self, inputs: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """The positional and the keyword arguments with which a lab calls the module.

        Args:
            inputs: a tensor per input, in order.

        Raises:
            ZooError: if there are more or fewer tensors than inputs.
        """
        if len(inputs) != len(self.inputs):
            expected = f"{len(self.inputs)} ({', '.join(self.input_names)})"
            raise ZooError(
                f"{self.name} got {len(inputs)} inputs and takes {expected}: give one tensor each."
            )
        pairs = list(zip(self.inputs, inputs, strict=True))
        positional = tuple(tensor for each, tensor in pairs if not each.keyword)
        return positional, {each.name: tensor for each, tensor in pairs if each.keyword}


def names() -> list[str]:
    """The short names of all models."""
    return list(_RECIPES)


def titles() -> dict[str, str]:
    """What a menu says, per short name; builds nothing."""
    return {name: recipe.title for name, recipe in _RECIPES.items()}


def build(name: str, seed: int = 0) -> ZooModel:
    """A new module of the named model; the same seed gives the same bits.

    Raises:
        ZooError: if there is no such model, with the names that there are, or the seed is not 0 to 2**63 - 1.
    """
    recipe = _RECIPES.get(name)
    if recipe is None:
        raise ZooError(f"There is no model {_short(name)}: choose one of {', '.join(_RECIPES)}.")
    with seeded(checked_seed(seed)):
        module = recipe.make()
    return ZooModel(name, recipe.title, recipe.about, module, recipe.inputs)


def checked_seed(seed: int) -> int:
    """The seed itself.

    Raises:
        ZooError: if it is not a whole number from 0 to 2**63 - 1.
    """
    if not _is_whole(seed) or not 0 <= seed <= MAX_SEED:
        raise ZooError(f"The seed is {_short(seed)}: choose a whole number from 0 to 2**63 - 1.")
    return seed


def _check_batch(batch: int) -> None:
    if not _is_whole(batch) or not 1 <= batch <= MAX_BATCH:
        raise ZooError(f"The batch is {_short(batch)}: choose a whole number from 1 to {MAX_BATCH}.")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _short(value: object) -> str:
    if isinstance(value, int) and abs(value) >= 10**20:  # Python prints no int of over 4,300 digits
        return f"{'-' if value < 0 else ''}10**20 or beyond"
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def _filled(each: Input, batch: int, kind: InputKind, generator: torch.Generator) -> Tensor:
    """A float32 tensor of shape (batch, *each.shape)."""
    shape = (batch, *each.shape)
    if kind == InputKind.EXAMPLE and each.example is not None:
        return torch.full(shape, each.example)
    if kind == InputKind.ZEROS:
        return torch.zeros(shape)
    if kind == InputKind.ONES:
        return torch.ones(shape)
    if kind == InputKind.RAMP:
        count = torch.Size(each.shape).numel()
        return torch.linspace(-1, 1, count).reshape(each.shape).expand(shape).clone()
    return torch.randn(shape, generator=generator)


@dataclass(frozen=True)
class _Recipe:
    title: str
    about: str
    make: Callable[[], nn.Module]
    inputs: tuple[Input, ...]


_RECIPES: Mapping[str, _Recipe] = MappingProxyType({
    "scalar_linear": _Recipe(
        "One weight, one bias",
        "The smallest layer there is: with weight 0.5 and bias 0.1 the input 2.0 becomes 1.1.",
        scalar_linear, (Input("input", (1,), example=2.0),),
    ),
    "simple_mlp": _Recipe(
        "One linear layer",
        "A module that holds a module: the layer is called `linear`, its weight `linear.weight`.",
        SimpleMLP, (Input("input", (10,)),),
    ),
    "mlp": _Recipe(
        "Multilayer perceptron",
        "Follow the last axis through the layers: 8, 16, 16 and 4 numbers per example.",
        MLP, (Input("x", (8,)),),
    ),
    "cnn": _Recipe(
        "Convolutional network",
        "Watch the image shrink from 16 to 8 to 1 pixel a side while its channels grow from 3 to 8 to 16.",
        CNN, (Input("x", (3, 16, 16)),),
    ),
    "residual": _Recipe(
        "Residual block",
        "The input skips two convolutions and is added to their result: a weightless path for gradients.",
        Residual, (Input("x", (8, 8, 8)),),
    ),
    "lstm": _Recipe(
        "LSTM",
        "One module goes through all five steps and gives back a tuple; only the last step reaches the head.",
        LastStepLSTM, (Input("x", (5, 8)),),
    ),
    "transformer": _Recipe(
        "Transformer encoder layer",
        "Self-attention mixes the six steps, then the same two linear layers work on each step alone.",
        Transformer, (Input("x", (6, 32)),),
    ),
    "reused": _Recipe(
        "Reused layer, shared weight",
        "`step` is called twice and `twin` holds the same weight: three uses add up in one gradient.",
        Reused, (Input("x", (16,)),),
    ),
    "inplace_relu": _Recipe(
        "ReLU in place",
        "The ReLUs overwrite what they are given, so a hook that kept a layer's output finds it changed.",
        partial(MLP, partial(nn.ReLU, inplace=True)), (Input("x", (8,)),),
    ),
    "dict_output": _Recipe(
        "Two heads, a dictionary",
        "The output is no tensor but a dictionary of two, `class` and `value`.",
        TwoHeads, (Input("x", (8,)),),
    ),
    "keywords": _Recipe(
        "Keyword arguments",
        "`scale` and `shift` are passed by name: a forward hook sees them only with `with_kwargs=True`.",
        FiLM, (Input("x", (8,)), Input("scale", (16,), keyword=True), Input("shift", (16,), keyword=True)),
    ),
    "dropout": _Recipe(
        "Dropout",
        "Training zeroes about half of the 32 hidden numbers and doubles the rest; evaluation keeps all.",
        DropoutMLP, (Input("x", (8,)),),
    ),
    "containers": _Recipe(
        "Layers in containers",
        "`layers` and `parts` hold modules but are never called, so a hook on them never fires.",
        Containers, (Input("x", (8,)),),
    ),
    "early_exit": _Recipe(
        "Early exit",
        "`block2` runs only if the mean output of `block1` is above 0.001: zeros as input skip it.",
        EarlyExit, (Input("x", (8,)),),
    ),
    "deep_tanh": _Recipe(
        "Vanishing gradients",
        "Ten tanh layers with small weights: the gradient shrinks at each of them on its way back.",
        partial(deep, nn.Tanh, 0.05), (Input("input", (16,)),),
    ),
    "deep_relu": _Recipe(
        "Exploding gradients",
        "Ten ReLU layers with large weights: the activations grow going forward, their gradients going back.",
        partial(deep, nn.ReLU, 1.0), (Input("input", (16,)),),
    ),
})  # fmt: skip
