"""Small models that every lab chooses from, each with inputs and one thing worth looking at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor, nn

from core.rng import seeded

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


class SimpleMLP(nn.Module):
    """One linear layer in a module of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(10, 2)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (PyTorch's own name for it)
        """Shape (N, 10) to (N, 2)."""
        y: Tensor = self.linear(input)  # (N, 2)
        return y


class MLP(nn.Module):
    """Three linear layers with an activation module after each of the first two."""

    def __init__(self, activation: Callable[[], nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.fc1 = nn.Linear(8, 16)
        self.relu = activation()
        self.fc2 = nn.Linear(16, 16)
        self.relu2 = activation()
        self.fc3 = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 8) to (N, 4)."""
        x = self.relu(self.fc1(x))  # (N, 16)
        x = self.relu2(self.fc2(x))  # (N, 16)
        y: Tensor = self.fc3(x)  # (N, 4)
        return y


class CNN(nn.Module):
    """Two rounds of convolution, batch norm and ReLU, and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu1 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(16)
        self.relu2 = nn.ReLU()
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 3, 16, 16) to (N, 4)."""
        x = self.relu1(self.bn1(self.conv1(x)))  # (N, 8, 16, 16)
        x = self.pool(x)  # (N, 8, 8, 8)
        x = self.relu2(self.bn2(self.conv2(x)))  # (N, 16, 8, 8)
        x = self.flatten(self.average(x))  # (N, 16)
        y: Tensor = self.head(x)  # (N, 4)
        return y


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, C, H, W), unchanged."""
        change = self.relu1(self.bn1(self.conv1(x)))  # (N, C, H, W)
        change = self.bn2(self.conv2(change))  # (N, C, H, W)
        y: Tensor = self.relu2(change + x)  # (N, C, H, W)
        return y


class Residual(nn.Module):
    """A residual block, an average over the image and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.block = ResidualBlock(8)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 8, 8, 8) to (N, 4)."""
        x = self.block(x)  # (N, 8, 8, 8)
        x = self.flatten(self.average(x))  # (N, 8)
        y: Tensor = self.head(x)  # (N, 4)
        return y


class LastStepLSTM(nn.Module):
    """An LSTM and a linear head on its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 16, batch_first=True)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 5, 8) to (N, 4)."""
        steps, _ = self.lstm(x)  # (N, 5, 16)
        y: Tensor = self.head(steps[:, -1])  # (N, 4)
        return y


class Transformer(nn.Module):
    """One encoder layer and a linear head on the mean over the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, dropout=0.1)
        self.head = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 6, 32) to (N, 4)."""
        x = self.encoder(x)  # (N, 6, 32)
        y: Tensor = self.head(x.mean(dim=1))  # (N, 4)
        return y


class Reused(nn.Module):
    """One layer called twice, and a second layer that holds the very same weight."""

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Linear(16, 16)
        self.twin = nn.Linear(16, 16)
        self.twin.weight = self.step.weight
        self.activation = nn.Tanh()
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 16) to (N, 4)."""
        x = self.activation(self.step(x))  # (N, 16)
        x = self.activation(self.step(x))  # (N, 16)
        x = self.activation(self.twin(x))  # (N, 16)
        y: Tensor = self.head(x)  # (N, 4)
        return y


class TwoHeads(nn.Module):
    """A trunk with two heads, and a dictionary as its output."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(8, 16)
        self.relu = nn.ReLU()
        self.class_head = nn.Linear(16, 3)
        self.value_head = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Shape (N, 8) to `class` (N, 3) and `value` (N, 1)."""
        x = self.relu(self.trunk(x))  # (N, 16)
        return {"class": self.class_head(x), "value": self.value_head(x)}  # (N, 3), (N, 1)


class FiLM(nn.Module):
    """Features that two further inputs scale and shift (FiLM, arXiv:1709.07871)."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.relu = nn.ReLU()
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Shapes (N, 8), (N, 16) and (N, 16) to (N, 4)."""
        x = self.embed(x)  # (N, 16)
        x = self.relu(scale * x + shift)  # (N, 16)
        y: Tensor = self.head(x)  # (N, 4)
        return y


class DropoutMLP(nn.Module):
    """Two linear layers with dropout between them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(8, 32)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 8) to (N, 4)."""
        x = self.relu(self.fc1(x))  # (N, 32)
        x = self.dropout(x)  # (N, 32)
        y: Tensor = self.fc2(x)  # (N, 4)
        return y


class Containers(nn.Module):
    """Layers in a list and in a dictionary, which are modules that nobody calls."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 16)])
        self.parts = nn.ModuleDict({"activation": nn.Tanh(), "head": nn.Linear(16, 4)})

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 8) to (N, 4)."""
        for layer in self.layers:
            x = self.parts["activation"](layer(x))  # (N, 16)
        y: Tensor = self.parts["head"](x)  # (N, 4)
        return y


class EarlyExit(nn.Module):
    """A second block that runs only if the first one is active enough.

    Attributes:
        threshold: the mean of the first block's output above which the second block runs.
    """

    threshold = 0.001

    def __init__(self) -> None:
        super().__init__()
        # Without a bias the block maps zeros to zeros, which is below the threshold whatever the weights.
        self.block1 = nn.Sequential(OrderedDict(linear=nn.Linear(8, 16, bias=False), relu=nn.ReLU()))
        self.block2 = nn.Sequential(OrderedDict(linear=nn.Linear(16, 16), relu=nn.ReLU()))
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, 8) to (N, 4)."""
        x = self.block1(x)  # (N, 16)
        if x.mean() > self.threshold:
            x = self.block2(x)  # (N, 16)
        y: Tensor = self.head(x)  # (N, 4)
        return y


def _scalar_linear() -> nn.Module:
    linear = nn.Linear(1, 1)
    nn.init.constant_(linear.weight, 0.5)
    nn.init.constant_(linear.bias, 0.1)
    return linear


def _deep(activation: type[nn.Module], std: float) -> nn.Module:
    """Ten linear layers of 16 units with weights of the given standard deviation, each with an activation."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number in range(1, 11):
        linear = nn.Linear(16, 16)
        nn.init.normal_(linear.weight, std=std)
        layers[f"linear{number}"] = linear
        layers[f"{activation.__name__.lower()}{number}"] = activation()
    return nn.Sequential(layers)


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
        _scalar_linear, (Input("input", (1,), example=2.0),),
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
        partial(_deep, nn.Tanh, 0.05), (Input("input", (16,)),),
    ),
    "deep_relu": _Recipe(
        "Exploding gradients",
        "Ten ReLU layers with large weights: the activations grow going forward, their gradients going back.",
        partial(_deep, nn.ReLU, 1.0), (Input("input", (16,)),),
    ),
})  # fmt: skip
