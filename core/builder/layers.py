"""The kinds of layers: their arguments, their shape rules and how many numbers they learn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from torch import nn

from core.builder.words import (
    MAX_ACTIVATION_BYTES,
    MAX_PARAMETER_BYTES,
    Shape,
    Value,
    check_memory,
    dims,
    shown,
)

MAX_STRIDE: Final = 1_000_000


class MisfitError(Exception):
    """Why a layer does not fit, without where."""


@dataclass(frozen=True)
class Parameter:
    """One argument of a layer.

    Attributes:
        name: PyTorch's.
        kind: int, float or bool.
        default: PyTorch's; None if there is none, or if it follows from other arguments.
        optional: whether it can be left out.
        low: the least value of a number.
        high: the greatest value of a number.
        positional: whether it can be passed without its name.
        always: whether the normalised text shows it even at its default.
    """

    name: str
    kind: type[int] | type[float] | type[bool] = int
    default: Value | None = None
    optional: bool = False
    low: float = 1
    high: float = math.inf
    positional: bool = True
    always: bool = False

    def usage(self) -> str:
        """How it is written: its name, with its default if it has one."""
        return self.name if not self.optional else f"{self.name}={self.default}"

    def checked(self, value: Value) -> Value:
        """The value as PyTorch gets it.

        Raises:
            MisfitError: if it is of another kind or out of range.
        """
        if self.kind is bool:
            if isinstance(value, bool):
                return value
            raise MisfitError(f"its {self.name} is {shown(value)}. Write True or False.")
        fits = not isinstance(value, bool) and (self.kind is float or isinstance(value, int))
        if not fits or not self.low <= value <= self.high or abs(value) == math.inf:
            raise MisfitError(f"its {self.name} is {shown(value)}. Write {self._range()}.")
        try:
            return self.kind(value)
        except OverflowError:
            raise MisfitError(f"its {self.name} is {shown(value)}. Write {self._range()}.") from None

    def _range(self) -> str:
        noun = "a whole number" if self.kind is int else "a number"
        if self.high < math.inf:
            return f"{noun} from {self.low:,} to {self.high:,}"
        return f"{noun} of at least {self.low}" if self.low > -math.inf else noun


@dataclass(frozen=True)
class Layer:
    """A kind of layer.

    Attributes:
        module: PyTorch's class.
        takes: its arguments, in order.
        output: the shape that it gives for a shape; raises `MisfitError`.
        count: how many parameters it has.
        candidates: arguments that may suit a shape, best first.
        fewer: what to use less of to save memory.
    """

    module: type[nn.Module]
    takes: tuple[Parameter, ...]
    output: Callable[[Bound, Shape], Shape]
    candidates: Callable[[Shape], Iterable[Mapping[str, Value]]]
    count: Callable[[Mapping[str, Value]], int] = lambda _: 0
    fewer: str = "smaller sizes"

    def usage(self, name: str) -> str:
        """How a layer of this kind is written, with the names of its arguments."""
        return f"{name}({', '.join(each.usage() for each in self.takes)})"


@dataclass(frozen=True)
class Bound:
    """A layer with its arguments by name; what is left out has its default."""

    name: str
    layer: Layer
    given: Mapping[str, Value]

    def __getitem__(self, name: str) -> int:
        """The whole number that an argument is, given or not."""
        value = self.values()[name]
        assert isinstance(value, int)
        return value

    def values(self) -> dict[str, Value]:
        """All arguments that have a value."""
        defaults = {p.name: p.default for p in self.layer.takes if p.default is not None}
        return {**defaults, **self.given}

    def changed(self) -> dict[str, Value]:
        """The arguments to spell out, in PyTorch's order."""
        values = self.values()
        return {
            p.name: values[p.name]
            for p in self.layer.takes
            if p.name in values and (p.always or values[p.name] != p.default)
        }

    def text(self, **replaced: Value) -> str:
        """In PyTorch's spelling, perhaps with other values."""
        changed = Bound(self.name, self.layer, {**self.given, **replaced}).changed()
        optional = {p.name for p in self.layer.takes if p.optional}
        parts = (f"{n}={shown(v)}" if n in optional else shown(v) for n, v in changed.items())
        return f"{self.name}({', '.join(parts)})"


def checked_output(bound: Bound, shape: Shape) -> Shape:
    """The shape that a layer gives.

    Raises:
        MisfitError: if it does not accept the shape, or needs too much memory.
    """
    layer = bound.layer
    count = layer.count(bound.values())
    check_memory(count, MAX_PARAMETER_BYTES, "its parameters", layer.fewer, MisfitError)
    output = layer.output(bound, shape)
    check_memory(math.prod(output), MAX_ACTIVATION_BYTES, "one example's output", layer.fewer, MisfitError)
    return output


# Shape rules, one per kind of layer.


def _misfit(shape: Shape, wanted: Iterable[int | str], do: str) -> MisfitError:
    return MisfitError(f"it gets {dims(shape)} and wants {dims(wanted)}. {do}.")


def _same(_: Bound, shape: Shape) -> Shape:
    return shape


def _linear(bound: Bound, shape: Shape) -> Shape:
    wanted = bound["in_features"]
    if shape[-1] != wanted:
        do = f"Write {bound.text(in_features=shape[-1])}"
        if len(shape) == 3:
            do = f"Write Flatten() above it and {bound.text(in_features=math.prod(shape))}"
            if math.prod(shape) == wanted:
                do = "Write Flatten() above it"
        raise _misfit(shape, (*shape[:-1], wanted), do)
    return (*shape[:-1], bound["out_features"])


def _check_image(shape: Shape, channels: int | str = "C") -> None:
    """Two axes are refused too: PyTorch would take the batch for channels."""
    if len(shape) != 3:
        raise _misfit(shape, (channels, "H", "W"), "Start from an image, such as Input(3, 16, 16)")


def _windows(bound: Bound, shape: Shape, stride: int) -> Shape:
    """Height and width after sliding a window over an image (`Conv2d`'s formula in PyTorch's manual)."""
    kernel, padding = bound["kernel_size"], bound["padding"]
    sides = [side + 2 * padding for side in shape[1:]]
    if kernel > min(sides):
        raise MisfitError(
            f"its kernel of {shown(kernel)} is larger than the image with its padding,"
            f" {shown(sides[0])} × {shown(sides[1])}. Write {bound.text(kernel_size=min(sides))}."
        )
    padded = shape[0] * math.prod(sides)
    check_memory(padded, MAX_ACTIVATION_BYTES, "one padded example", "a smaller padding", MisfitError)
    return tuple((side - kernel) // stride + 1 for side in sides)


def _conv2d(bound: Bound, shape: Shape) -> Shape:
    channels = bound["in_channels"]
    _check_image(shape, channels)
    if shape[0] != channels:
        raise _misfit(shape, (channels, "H", "W"), f"Write {bound.text(in_channels=shape[0])}")
    return (bound["out_channels"], *_windows(bound, shape, bound["stride"]))


def _pool2d(bound: Bound, shape: Shape) -> Shape:
    _check_image(shape)
    kernel, padding = bound["kernel_size"], bound["padding"]
    if padding > kernel // 2:
        raise MisfitError(
            f"its padding of {shown(padding)} is more than half its kernel of {shown(kernel)}."
            f" Write {bound.text(padding=kernel // 2)}."
        )
    stride = bound.values().get("stride", kernel)
    return (shape[0], *_windows(bound, shape, int(stride)))


def _adaptive(bound: Bound, shape: Shape) -> Shape:
    _check_image(shape)
    return (shape[0], bound["output_size"], bound["output_size"])


def _flatten(_: Bound, shape: Shape) -> Shape:
    return (math.prod(shape),)


def _softmax(bound: Bound, shape: Shape) -> Shape:
    axes = len(shape) + 1
    dim = bound["dim"]
    if not -axes <= dim < axes:
        raise MisfitError(
            f"its dim is {shown(dim)} and it gets {axes} axes, {dims(shape)}. Write {bound.text(dim=-1)}."
        )
    if dim % axes == 0:
        raise MisfitError(f"its dim {dim} is the batch: examples would mix. Write {bound.text(dim=-1)}.")
    return shape


def _batch_norm1d(bound: Bound, shape: Shape) -> Shape:
    if len(shape) == 3:
        raise _misfit(shape, (bound["num_features"], "L"), f"Write BatchNorm2d({shape[0]})")
    return _sized(bound, shape, 0, "num_features")


def _batch_norm2d(bound: Bound, shape: Shape) -> Shape:
    if len(shape) != 3:
        raise _misfit(shape, (bound["num_features"], "H", "W"), f"Write BatchNorm1d({shape[0]})")
    return _sized(bound, shape, 0, "num_features")


def _layer_norm(bound: Bound, shape: Shape) -> Shape:
    return _sized(bound, shape, -1, "normalized_shape")


def _sized(bound: Bound, shape: Shape, axis: int, name: str) -> Shape:
    """The shape itself, if the size of an axis is the named argument."""
    if shape[axis] != bound[name]:
        wanted = list(shape)
        wanted[axis] = bound[name]
        raise _misfit(shape, wanted, f"Write {bound.text(**{name: shape[axis]})}")
    return shape


def _group_norm(bound: Bound, shape: Shape) -> Shape:
    groups, channels = bound["num_groups"], bound["num_channels"]
    fix = f"Write {bound.text(num_groups=_most_groups(shape, groups), num_channels=shape[0])}"
    if shape[0] != channels:
        raise _misfit(shape, (channels, *shape[1:]), fix)
    if channels % groups:
        raise MisfitError(f"its {channels} channels do not split into {shown(groups)} groups. {fix}.")
    if math.prod(shape) == groups:  # PyTorch refuses it for a batch of one
        do = fix if groups > 1 else "Remove it"
        raise MisfitError(f"each group holds one number, and that minus its mean is 0. {do}.")
    return shape


def _most_groups(shape: Shape, limit: int) -> int:
    """The most groups up to a limit into which the channels split, with two numbers or more in each."""
    most = min(limit, shape[0], math.prod(shape) // 2)
    return next((groups for groups in range(most, 0, -1) if shape[0] % groups == 0), 1)


# The layers.


def _convs(shape: Shape) -> Iterator[dict[str, Value]]:
    for channels in (8, 1):
        yield {"in_channels": shape[0], "out_channels": channels, "kernel_size": 3, "padding": 1}
        yield {"in_channels": shape[0], "out_channels": channels, "kernel_size": 1}


def _always(**values: Value) -> Callable[[Shape], Iterable[Mapping[str, Value]]]:
    return lambda _: (values,)


def _pools(_: Shape) -> Iterator[dict[str, Value]]:
    yield {"kernel_size": 2}
    yield {"kernel_size": 1}


def _norm_count(name: str) -> Callable[[Mapping[str, Value]], int]:
    """A weight and a bias for each of a norm's features."""
    return lambda values: int(2 * values[name])


_INPLACE = Parameter("inplace", bool, False, optional=True)
_PADDING = Parameter("padding", default=0, optional=True, low=0)
_POOL = (Parameter("kernel_size"), Parameter("stride", optional=True, high=MAX_STRIDE), _PADDING)

# fmt: off
KINDS: Mapping[str, Layer] = MappingProxyType({
    "Linear": Layer(
        nn.Linear,
        (
            Parameter("in_features"), Parameter("out_features"),
            Parameter("bias", bool, True, optional=True),
        ),
        _linear, lambda shape: ({"in_features": shape[-1], "out_features": units} for units in (16, 4, 1)),
        lambda v: int(v["out_features"] * (v["in_features"] + v["bias"])), "fewer units",
    ),
    "Conv2d": Layer(
        nn.Conv2d,
        (
            Parameter("in_channels"), Parameter("out_channels"), Parameter("kernel_size"),
            Parameter("stride", default=1, optional=True, high=MAX_STRIDE), _PADDING,
            Parameter("bias", bool, True, optional=True, positional=False),
        ),
        _conv2d, _convs,
        lambda v: int(v["out_channels"] * (v["in_channels"] * v["kernel_size"] ** 2 + v["bias"])),
        "fewer channels",
    ),
    "ReLU": Layer(nn.ReLU, (_INPLACE,), _same, _always()),
    "LeakyReLU": Layer(
        nn.LeakyReLU, (Parameter("negative_slope", float, 0.01, optional=True, low=-math.inf), _INPLACE),
        _same, _always(),
    ),
    "ELU": Layer(
        nn.ELU, (Parameter("alpha", float, 1.0, optional=True, low=-math.inf), _INPLACE), _same, _always(),
    ),
    "GELU": Layer(nn.GELU, (), _same, _always()),
    "SiLU": Layer(nn.SiLU, (_INPLACE,), _same, _always()),
    "Tanh": Layer(nn.Tanh, (), _same, _always()),
    "Sigmoid": Layer(nn.Sigmoid, (), _same, _always()),
    "Softmax": Layer(
        nn.Softmax, (Parameter("dim", default=-1, optional=True, low=-math.inf, always=True),),
        _softmax, _always(dim=-1),
    ),
    "BatchNorm1d": Layer(
        nn.BatchNorm1d, (Parameter("num_features"),),
        _batch_norm1d, lambda shape: ({"num_features": shape[0]},), _norm_count("num_features"),
    ),
    "BatchNorm2d": Layer(
        nn.BatchNorm2d, (Parameter("num_features"),),
        _batch_norm2d, lambda shape: ({"num_features": shape[0]},), _norm_count("num_features"),
    ),
    "LayerNorm": Layer(
        nn.LayerNorm, (Parameter("normalized_shape"),),
        _layer_norm, lambda shape: ({"normalized_shape": shape[-1]},), _norm_count("normalized_shape"),
    ),
    "GroupNorm": Layer(
        nn.GroupNorm, (Parameter("num_groups"), Parameter("num_channels")), _group_norm,
        lambda shape: ({"num_groups": groups, "num_channels": shape[0]} for groups in (4, 2, 1)),
        _norm_count("num_channels"),
    ),
    "Dropout": Layer(
        nn.Dropout, (Parameter("p", float, 0.5, optional=True, low=0, high=1, always=True), _INPLACE),
        _same, _always(p=0.5),
    ),
    "Flatten": Layer(nn.Flatten, (), _flatten, _always()),
    "MaxPool2d": Layer(nn.MaxPool2d, _POOL, _pool2d, _pools),
    "AvgPool2d": Layer(nn.AvgPool2d, _POOL, _pool2d, _pools),
    "AdaptiveAvgPool2d": Layer(
        nn.AdaptiveAvgPool2d, (Parameter("output_size"),), _adaptive, _always(output_size=1),
    ),
    "Identity": Layer(nn.Identity, (), _same, _always()),
})
# fmt: on
