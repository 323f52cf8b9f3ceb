"""A chain of layers written as text, with the shapes worked out before PyTorch makes anything."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from torch import nn

from core.rng import seeded
from core.zoo import Input, ZooModel, checked_seed

MAX_CHARACTERS: Final = 2_000
MAX_LAYERS: Final = 40
MAX_PARAMETER_BYTES: Final = 16 * 2**20
MAX_ACTIVATION_BYTES: Final = 4 * 2**20
MAX_STRIDE: Final = 1_000_000
FLOAT32: Final = 4  # bytes

Shape = tuple[int, ...]
Value = int | float | bool


class BuilderError(ValueError):
    """Text that is no chain: one line with what came, what was expected and what to do.

    Attributes:
        message: that line.
        line: the line of the text, from 1; 0 if it is about the text as a whole.
    """

    def __init__(self, message: str, line: int = 0, source: str = "", column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self._source = source
        self._column = column

    def excerpt(self) -> str:
        """The offending line and below it a caret at the offence; empty for the text as a whole."""
        if not self.line:
            return ""
        start = max(0, self._column - 60)
        shown = "".join(c if c.isprintable() else " " for c in self._source[start : start + 100])
        return f"{shown}\n{' ' * (self._column - start)}^"


@dataclass(frozen=True)
class Step:
    """One layer of a chain.

    Attributes:
        line: where it stands in the text, from 1.
        layer: the name, such as `Linear`.
        arguments: PyTorch's names and values, without those left at their default.
        text: both as PyTorch spells them, such as `Linear(8, 16)`.
        input_shape: of one example, without the batch.
        output_shape: of one example, without the batch.
        parameters: how many numbers it learns.
    """

    line: int = field(compare=False)
    layer: str
    arguments: tuple[tuple[str, Value], ...]
    text: str
    input_shape: Shape
    output_shape: Shape
    parameters: int

    @property
    def parameter_bytes(self) -> int:
        """Memory of the parameters in float32."""
        return self.parameters * FLOAT32

    @property
    def activation_bytes(self) -> int:
        """Memory of one example's output in float32."""
        return math.prod(self.output_shape) * FLOAT32


@dataclass(frozen=True)
class Chain:
    """Layers that fit one after the other.

    Attributes:
        input_shape: of one example, without the batch.
        steps: the layers, at least one.
    """

    input_shape: Shape
    steps: tuple[Step, ...]

    @property
    def output_shape(self) -> Shape:
        """Of one example, without the batch."""
        return self.steps[-1].output_shape

    @property
    def parameters(self) -> int:
        """How many numbers it learns."""
        return sum(step.parameters for step in self.steps)

    @property
    def parameter_bytes(self) -> int:
        """Memory of all parameters in float32."""
        return self.parameters * FLOAT32

    @property
    def text(self) -> str:
        """The chain in PyTorch's spelling, one layer per line: `parse_chain` gives the same chain for it."""
        return "\n".join([f"Input({', '.join(map(str, self.input_shape))})", *(s.text for s in self.steps)])

    def build(self, seed: int = 0) -> ZooModel:
        """The layers in a new `nn.Sequential`; the same seed gives the same bits.

        Raises:
            ZooError: if the seed is not 0 to 2**63 - 1.
        """
        with seeded(checked_seed(seed)):
            module = nn.Sequential(*(_LAYERS[s.layer].module(**dict(s.arguments)) for s in self.steps))
        return ZooModel(
            "chain",
            "Your own chain",
            "The layers in the order you wrote them: each is named by its position, from 0.",
            module,
            (Input("x", self.input_shape),),
        )


def parse_chain(text: str) -> Chain:
    """Reads a chain such as `Input(8); Linear(8, 16); ReLU()`, a layer per line or between semicolons.

    Nothing is allocated: shapes and memory are worked out from the text.

    Raises:
        BuilderError: if the text is too long, is no chain, its layers do not fit or it needs too much memory.
    """
    _check_length("The text", text)
    pieces = list(_pieces(text))
    if not pieces:
        raise BuilderError(
            "There is no Input line. Start with the shape of one example, such as Input(8), Input(5, 8)"
            " or Input(3, 16, 16)."
        )
    calls = (_read(piece) for piece in pieces)
    first = next(calls)
    shape = input_shape = _input_shape(first)
    steps: list[Step] = []
    for call in calls:
        if len(steps) == MAX_LAYERS:
            raise call.error(
                f"this is layer {MAX_LAYERS + 1}; the limit here is {MAX_LAYERS}. Use fewer layers."
            )
        step = _step(call, shape)
        steps.append(step)
        total = sum(each.parameters for each in steps)
        what = "all parameters up to here"
        _check_memory(total, MAX_PARAMETER_BYTES, what, "fewer units or layers", call.error)
        shape = step.output_shape
    if not steps:
        raise first.error(f"no layer follows. Write {fitting('Linear', shape)} below it.")
    chain = Chain(input_shape, tuple(steps))
    _check_length("The chain, spelled out,", chain.text)  # so that it can be read again
    return chain


def fitting(layer: str, shape: Shape) -> str | None:
    """The text of a layer of this kind that accepts one example of the shape; None if none does.

    `fitting("Linear", (8,))` is `Linear(8, 16)`.
    """
    if layer not in _LAYERS:
        return None
    for values in _LAYERS[layer].candidates(shape):
        bound = _Bound(layer, _LAYERS[layer], values)
        with suppress(_MisfitError):
            _checked_output(bound, shape)
            return bound.text()
    return None


# Reading: text to calls.


def _check_length(what: str, text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        most = f"{MAX_CHARACTERS:,}"
        raise BuilderError(
            f"{what} has {len(text):,} characters; the limit here is {most}. Use fewer layers."
        )


@dataclass(frozen=True)
class _Piece:
    """What stands between two line ends or semicolons."""

    line: int
    source: str
    start: int
    text: str

    def error(self, message: str, column: int = 0) -> BuilderError:
        return BuilderError(f"Line {self.line}{message}", self.line, self.source, self.start + column)


@dataclass(frozen=True)
class _Argument:
    keyword: str
    value: Value
    column: int

    def text(self) -> str:
        return f"{self.keyword}={_shown(self.value)}" if self.keyword else _shown(self.value)


@dataclass(frozen=True)
class _Call:
    piece: _Piece
    name: str
    arguments: tuple[_Argument, ...]

    def error(self, message: str, column: int = 0) -> BuilderError:
        arguments = ", ".join(argument.text() for argument in self.arguments)
        return self.piece.error(f", {_cut(f'{self.name}({arguments})', 80)}: {message}", column)


_CALL = re.compile(r"(?:(?:torch\.)?nn\.)?([A-Za-z_][A-Za-z0-9_]*)\s*\((.*)\)", re.DOTALL)
_ARGUMENT = re.compile(
    r"\s*(?:([A-Za-z_][A-Za-z0-9_]*)\s*=\s*)?"
    r"(?:(True|False)|([+-]?[0-9]+)|([+-]?(?:[0-9]+\.[0-9]*|\.?[0-9]+)(?:[eE][+-]?[0-9]+)?))\s*"
)


def _pieces(text: str) -> Iterator[_Piece]:
    for number, source in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        start = 0
        for part in source.partition("#")[0].split(";"):
            stripped = part.strip()
            if stripped:
                yield _Piece(number, source, start + part.index(stripped), stripped)
            start += len(part) + 1


def _read(piece: _Piece) -> _Call:
    match = _CALL.fullmatch(piece.text)
    if match is None:
        name = piece.text.removeprefix("torch.").removeprefix("nn.")
        if name in _LAYERS:
            raise piece.error(f", {name}: its brackets are missing. Write {_LAYERS[name].usage(name)}.")
        if piece.text.count("(") > piece.text.count(")"):
            raise piece.error(f": {_quoted(piece.text)} ends before its closing bracket. Write one.")
        raise piece.error(f": {_quoted(piece.text)} is no layer. Write one such as Linear(8, 16).")
    name, inside = match.groups()
    arguments: list[_Argument] = []
    column = match.start(2)
    parts = inside.split(",")
    if not parts[-1].strip():  # no argument, or a comma after the last one
        parts.pop()
    for part in parts:
        found = _ARGUMENT.fullmatch(part)
        at = column + len(part) - len(part.lstrip())
        if found is None:
            raise piece.error(f", {_cut(name, 40)}: {_quoted(part.strip())} is no number, True or False.", at)
        keyword, truth, whole, number = found.groups()
        value: Value = truth == "True" if truth else int(whole) if whole else float(number)
        arguments.append(_Argument(keyword or "", value, at))
        column += len(part) + 1
    return _Call(piece, name, tuple(arguments))


def _input_shape(call: _Call) -> Shape:
    if call.name != "Input":
        raise call.error("the shape of one example must come first. Write a line such as Input(8) above it.")
    if not 1 <= len(call.arguments) <= 3:
        raise call.error("it takes 1 to 3 sizes. Write Input(8), Input(5, 8) or Input(3, 16, 16).")
    sizes = [_size(call, argument) for argument in call.arguments]
    _check_memory(math.prod(sizes), MAX_ACTIVATION_BYTES, "one example", "smaller sizes", call.error)
    return tuple(sizes)


def _size(call: _Call, argument: _Argument) -> int:
    value = argument.value
    if argument.keyword or isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise call.error(f"{argument.text()} is no size. Write whole numbers of at least 1.", argument.column)
    return value


# Checking: calls to steps.


class _MisfitError(Exception):
    """Why a layer does not fit, without where."""


@dataclass(frozen=True)
class _Parameter:
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
        return self.name if not self.optional else f"{self.name}={self.default}"

    def checked(self, value: Value) -> Value:
        """The value as PyTorch gets it.

        Raises:
            _MisfitError: if it is of another kind or out of range.
        """
        if self.kind is bool:
            if isinstance(value, bool):
                return value
            raise _MisfitError(f"its {self.name} is {_shown(value)}. Write True or False.")
        fits = not isinstance(value, bool) and (self.kind is float or isinstance(value, int))
        if not fits or not self.low <= value <= self.high or abs(value) == math.inf:
            raise _MisfitError(f"its {self.name} is {_shown(value)}. Write {self._range()}.")
        try:
            return self.kind(value)
        except OverflowError:
            raise _MisfitError(f"its {self.name} is {_shown(value)}. Write {self._range()}.") from None

    def _range(self) -> str:
        noun = "a whole number" if self.kind is int else "a number"
        if self.high < math.inf:
            return f"{noun} from {self.low:,} to {self.high:,}"
        return f"{noun} of at least {self.low}" if self.low > -math.inf else noun


@dataclass(frozen=True)
class _Layer:
    """A kind of layer.

    Attributes:
        module: PyTorch's class.
        takes: its arguments, in order.
        output: the shape that it gives for a shape; raises `_MisfitError`.
        count: how many parameters it has.
        candidates: arguments that may suit a shape, best first.
        fewer: what to use less of to save memory.
    """

    module: type[nn.Module]
    takes: tuple[_Parameter, ...]
    output: Callable[[_Bound, Shape], Shape]
    candidates: Callable[[Shape], Iterable[Mapping[str, Value]]]
    count: Callable[[Mapping[str, Value]], int] = lambda _: 0
    fewer: str = "smaller sizes"

    def usage(self, name: str) -> str:
        return f"{name}({', '.join(each.usage() for each in self.takes)})"


@dataclass(frozen=True)
class _Bound:
    """A layer with its arguments by name; what is left out has its default."""

    name: str
    layer: _Layer
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
        changed = _Bound(self.name, self.layer, {**self.given, **replaced}).changed()
        optional = {p.name for p in self.layer.takes if p.optional}
        shown = (f"{n}={_shown(v)}" if n in optional else _shown(v) for n, v in changed.items())
        return f"{self.name}({', '.join(shown)})"


def _step(call: _Call, shape: Shape) -> Step:
    layer = _LAYERS.get(call.name)
    if layer is None:
        raise call.error(_unknown(call.name))
    try:
        bound = _bind(call, layer, shape)
        output = _checked_output(bound, shape)
    except _MisfitError as misfit:
        raise call.error(str(misfit)) from None
    arguments = tuple(bound.changed().items())
    return Step(
        call.piece.line, call.name, arguments, bound.text(), shape, output, layer.count(bound.values())
    )


def _unknown(name: str) -> str:
    if name == "Input":
        return "Input comes once, at the top. Remove this line."
    lower = {known.lower(): known for known in _LAYERS}
    close = get_close_matches(name[:40].lower(), lower, n=1)
    if close:
        return f"there is no such layer here. Did you mean {lower[close[0]]}?"
    return f"there is no such layer here. Choose one of {', '.join(LAYERS)}."


def _bind(call: _Call, layer: _Layer, shape: Shape) -> _Bound:
    usage = layer.usage(call.name)
    if call.arguments and not layer.takes:
        raise call.error(f"it takes nothing in the brackets. Write {usage}.", call.arguments[0].column)
    by_name = {each.name: each for each in layer.takes}
    positional = [each for each in layer.takes if each.positional]
    given: dict[str, Value] = {}
    for index, argument in enumerate(call.arguments):
        if not argument.keyword:
            if any(earlier.keyword for earlier in call.arguments[:index]):
                raise call.error("a number without a name comes after one with a name.", argument.column)
            if index >= len(positional):
                raise call.error(
                    f"it takes at most {len(positional)} without a name: {usage}.", argument.column
                )
        name = argument.keyword or positional[index].name
        if name not in by_name:
            raise call.error(f"it takes no {_cut(name, 40)}. Write {usage}.", argument.column)
        if name in given:
            raise call.error(f"it gets {name} twice. Write it once.", argument.column)
        try:
            given[name] = by_name[name].checked(argument.value)
        except _MisfitError as misfit:
            raise call.error(str(misfit), argument.column) from None
    missing = [each.name for each in layer.takes if not each.optional and each.name not in given]
    if missing:
        raise _MisfitError(f"its {missing[0]} is missing. Write {fitting(call.name, shape) or usage}.")
    return _Bound(call.name, layer, given)


def _checked_output(bound: _Bound, shape: Shape) -> Shape:
    """The shape that a layer gives.

    Raises:
        _MisfitError: if it does not accept the shape, or needs too much memory.
    """
    layer = bound.layer
    count = layer.count(bound.values())
    _check_memory(count, MAX_PARAMETER_BYTES, "its parameters", layer.fewer, _MisfitError)
    output = layer.output(bound, shape)
    _check_memory(math.prod(output), MAX_ACTIVATION_BYTES, "one example's output", layer.fewer, _MisfitError)
    return output


def _check_memory(numbers: int, limit: int, what: str, fewer: str, error: Callable[[str], Exception]) -> None:
    size = numbers * FLOAT32
    if size > limit:
        shown, most = _memory(size), _memory(limit)
        taken = shown if shown != most else f"slightly more than {most}"
        raise error(f"{what} would take {taken}; the limit here is {most}. Use {fewer}.")


# Showing.


def _memory(size: int) -> str:
    """A number of bytes such as `16.0 MiB`."""
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
    power = (size.bit_length() - 1) // 10
    return f"{size / 1024**power:.1f} {units[power]}" if power < len(units) else "more than 1024 YiB"


def _shown(value: Value) -> str:
    return repr(value) if isinstance(value, float) else _cut(repr(value), 20)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _quoted(text: str) -> str:
    return _cut(ascii(text), 60)


def _dims(shape: Iterable[int | str]) -> str:
    return f"({', '.join(['N', *(s if isinstance(s, str) else _shown(s) for s in shape)])})"


# Shape rules, one per kind of layer.


def _misfit(shape: Shape, wanted: Iterable[int | str], do: str) -> _MisfitError:
    return _MisfitError(f"it gets {_dims(shape)} and wants {_dims(wanted)}. {do}.")


def _same(_: _Bound, shape: Shape) -> Shape:
    return shape


def _linear(bound: _Bound, shape: Shape) -> Shape:
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


def _windows(bound: _Bound, shape: Shape, stride: int) -> Shape:
    """Height and width after sliding a window over an image (`Conv2d`'s formula in PyTorch's manual)."""
    kernel, padding = bound["kernel_size"], bound["padding"]
    sides = [side + 2 * padding for side in shape[1:]]
    if kernel > min(sides):
        raise _MisfitError(
            f"its kernel of {_shown(kernel)} is larger than the image with its padding,"
            f" {_shown(sides[0])} × {_shown(sides[1])}. Write {bound.text(kernel_size=min(sides))}."
        )
    padded = shape[0] * math.prod(sides)
    _check_memory(padded, MAX_ACTIVATION_BYTES, "one padded example", "a smaller padding", _MisfitError)
    return tuple((side - kernel) // stride + 1 for side in sides)


def _conv2d(bound: _Bound, shape: Shape) -> Shape:
    channels = bound["in_channels"]
    _check_image(shape, channels)
    if shape[0] != channels:
        raise _misfit(shape, (channels, "H", "W"), f"Write {bound.text(in_channels=shape[0])}")
    return (bound["out_channels"], *_windows(bound, shape, bound["stride"]))


def _pool2d(bound: _Bound, shape: Shape) -> Shape:
    _check_image(shape)
    kernel, padding = bound["kernel_size"], bound["padding"]
    if padding > kernel // 2:
        raise _MisfitError(
            f"its padding of {_shown(padding)} is more than half its kernel of {_shown(kernel)}."
            f" Write {bound.text(padding=kernel // 2)}."
        )
    stride = bound.values().get("stride", kernel)
    return (shape[0], *_windows(bound, shape, int(stride)))


def _adaptive(bound: _Bound, shape: Shape) -> Shape:
    _check_image(shape)
    return (shape[0], bound["output_size"], bound["output_size"])


def _flatten(_: _Bound, shape: Shape) -> Shape:
    return (math.prod(shape),)


def _softmax(bound: _Bound, shape: Shape) -> Shape:
    axes = len(shape) + 1
    dim = bound["dim"]
    if not -axes <= dim < axes:
        raise _MisfitError(
            f"its dim is {_shown(dim)} and it gets {axes} axes, {_dims(shape)}. Write {bound.text(dim=-1)}."
        )
    if dim % axes == 0:
        raise _MisfitError(f"its dim {dim} is the batch: examples would mix. Write {bound.text(dim=-1)}.")
    return shape


def _batch_norm1d(bound: _Bound, shape: Shape) -> Shape:
    if len(shape) == 3:
        raise _misfit(shape, (bound["num_features"], "L"), f"Write BatchNorm2d({shape[0]})")
    return _sized(bound, shape, 0, "num_features")


def _batch_norm2d(bound: _Bound, shape: Shape) -> Shape:
    if len(shape) != 3:
        raise _misfit(shape, (bound["num_features"], "H", "W"), f"Write BatchNorm1d({shape[0]})")
    return _sized(bound, shape, 0, "num_features")


def _layer_norm(bound: _Bound, shape: Shape) -> Shape:
    return _sized(bound, shape, -1, "normalized_shape")


def _sized(bound: _Bound, shape: Shape, axis: int, name: str) -> Shape:
    """The shape itself, if the size of an axis is the named argument."""
    if shape[axis] != bound[name]:
        wanted = list(shape)
        wanted[axis] = bound[name]
        raise _misfit(shape, wanted, f"Write {bound.text(**{name: shape[axis]})}")
    return shape


def _group_norm(bound: _Bound, shape: Shape) -> Shape:
    groups, channels = bound["num_groups"], bound["num_channels"]
    fix = f"Write {bound.text(num_groups=_most_groups(shape, groups), num_channels=shape[0])}"
    if shape[0] != channels:
        raise _misfit(shape, (channels, *shape[1:]), fix)
    if channels % groups:
        raise _MisfitError(f"its {channels} channels do not split into {_shown(groups)} groups. {fix}.")
    if math.prod(shape) == groups:  # PyTorch refuses it for a batch of one
        do = fix if groups > 1 else "Remove it"
        raise _MisfitError(f"each group holds one number, and that minus its mean is 0. {do}.")
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


_INPLACE = _Parameter("inplace", bool, False, optional=True)
_PADDING = _Parameter("padding", default=0, optional=True, low=0)
_POOL = (_Parameter("kernel_size"), _Parameter("stride", optional=True, high=MAX_STRIDE), _PADDING)

# fmt: off
_LAYERS: Mapping[str, _Layer] = MappingProxyType({
    "Linear": _Layer(
        nn.Linear,
        (
            _Parameter("in_features"), _Parameter("out_features"),
            _Parameter("bias", bool, True, optional=True),
        ),
        _linear, lambda shape: ({"in_features": shape[-1], "out_features": units} for units in (16, 4, 1)),
        lambda v: int(v["out_features"] * (v["in_features"] + v["bias"])), "fewer units",
    ),
    "Conv2d": _Layer(
        nn.Conv2d,
        (
            _Parameter("in_channels"), _Parameter("out_channels"), _Parameter("kernel_size"),
            _Parameter("stride", default=1, optional=True, high=MAX_STRIDE), _PADDING,
            _Parameter("bias", bool, True, optional=True, positional=False),
        ),
        _conv2d, _convs,
        lambda v: int(v["out_channels"] * (v["in_channels"] * v["kernel_size"] ** 2 + v["bias"])),
        "fewer channels",
    ),
    "ReLU": _Layer(nn.ReLU, (_INPLACE,), _same, _always()),
    "LeakyReLU": _Layer(
        nn.LeakyReLU, (_Parameter("negative_slope", float, 0.01, optional=True, low=-math.inf), _INPLACE),
        _same, _always(),
    ),
    "ELU": _Layer(
        nn.ELU, (_Parameter("alpha", float, 1.0, optional=True, low=-math.inf), _INPLACE), _same, _always(),
    ),
    "GELU": _Layer(nn.GELU, (), _same, _always()),
    "SiLU": _Layer(nn.SiLU, (_INPLACE,), _same, _always()),
    "Tanh": _Layer(nn.Tanh, (), _same, _always()),
    "Sigmoid": _Layer(nn.Sigmoid, (), _same, _always()),
    "Softmax": _Layer(
        nn.Softmax, (_Parameter("dim", default=-1, optional=True, low=-math.inf, always=True),),
        _softmax, _always(dim=-1),
    ),
    "BatchNorm1d": _Layer(
        nn.BatchNorm1d, (_Parameter("num_features"),),
        _batch_norm1d, lambda shape: ({"num_features": shape[0]},), _norm_count("num_features"),
    ),
    "BatchNorm2d": _Layer(
        nn.BatchNorm2d, (_Parameter("num_features"),),
        _batch_norm2d, lambda shape: ({"num_features": shape[0]},), _norm_count("num_features"),
    ),
    "LayerNorm": _Layer(
        nn.LayerNorm, (_Parameter("normalized_shape"),),
        _layer_norm, lambda shape: ({"normalized_shape": shape[-1]},), _norm_count("normalized_shape"),
    ),
    "GroupNorm": _Layer(
        nn.GroupNorm, (_Parameter("num_groups"), _Parameter("num_channels")), _group_norm,
        lambda shape: ({"num_groups": groups, "num_channels": shape[0]} for groups in (4, 2, 1)),
        _norm_count("num_channels"),
    ),
    "Dropout": _Layer(
        nn.Dropout, (_Parameter("p", float, 0.5, optional=True, low=0, high=1, always=True), _INPLACE),
        _same, _always(p=0.5),
    ),
    "Flatten": _Layer(nn.Flatten, (), _flatten, _always()),
    "MaxPool2d": _Layer(nn.MaxPool2d, _POOL, _pool2d, _pools),
    "AvgPool2d": _Layer(nn.AvgPool2d, _POOL, _pool2d, _pools),
    "AdaptiveAvgPool2d": _Layer(
        nn.AdaptiveAvgPool2d, (_Parameter("output_size"),), _adaptive, _always(output_size=1),
    ),
    "Identity": _Layer(nn.Identity, (), _same, _always()),
})
# fmt: on

LAYERS: Final[tuple[str, ...]] = tuple(_LAYERS)
