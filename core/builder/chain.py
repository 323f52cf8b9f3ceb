"""A chain of layers written as text, with the shapes worked out before PyTorch makes anything."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from torch import nn

from core.builder.layers import KINDS, Bound, Layer, MisfitError, checked_output
from core.builder.reading import Argument, BuilderError, Call, pieces, read
from core.builder.words import (
    FLOAT32,
    MAX_ACTIVATION_BYTES,
    MAX_PARAMETER_BYTES,
    Shape,
    Value,
    check_memory,
    cut,
)
from core.rng import seeded
from core.zoo import Input, ZooModel, checked_seed

MAX_CHARACTERS: Final = 2_000
MAX_LAYERS: Final = 40

LAYERS: Final[tuple[str, ...]] = tuple(KINDS)


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
            module = nn.Sequential(*(KINDS[s.layer].module(**dict(s.arguments)) for s in self.steps))
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
    parts = list(pieces(text))
    if not parts:
        raise BuilderError(
            "There is no Input line. Start with the shape of one example, such as Input(8), Input(5, 8)"
            " or Input(3, 16, 16)."
        )
    usages = {name: layer.usage(name) for name, layer in KINDS.items()}
    calls = (read(part, usages) for part in parts)
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
        check_memory(total, MAX_PARAMETER_BYTES, what, "fewer units or layers", call.error)
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
    if layer not in KINDS:
        return None
    for values in KINDS[layer].candidates(shape):
        bound = Bound(layer, KINDS[layer], values)
        with suppress(MisfitError):
            checked_output(bound, shape)
            return bound.text()
    return None


def _check_length(what: str, text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        most = f"{MAX_CHARACTERS:,}"
        raise BuilderError(
            f"{what} has {len(text):,} characters; the limit here is {most}. Use fewer layers."
        )


def _input_shape(call: Call) -> Shape:
    if call.name != "Input":
        raise call.error("the shape of one example must come first. Write a line such as Input(8) above it.")
    if not 1 <= len(call.arguments) <= 3:
        raise call.error("it takes 1 to 3 sizes. Write Input(8), Input(5, 8) or Input(3, 16, 16).")
    sizes = [_size(call, argument) for argument in call.arguments]
    check_memory(math.prod(sizes), MAX_ACTIVATION_BYTES, "one example", "smaller sizes", call.error)
    return tuple(sizes)


def _size(call: Call, argument: Argument) -> int:
    value = argument.value
    if argument.keyword or isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise call.error(f"{argument.text()} is no size. Write whole numbers of at least 1.", argument.column)
    return value


def _step(call: Call, shape: Shape) -> Step:
    layer = KINDS.get(call.name)
    if layer is None:
        raise call.error(_unknown(call.name))
    try:
        bound = _bind(call, layer, shape)
        output = checked_output(bound, shape)
    except MisfitError as misfit:
        raise call.error(str(misfit)) from None
    arguments = tuple(bound.changed().items())
    return Step(
        call.piece.line, call.name, arguments, bound.text(), shape, output, layer.count(bound.values())
    )


def _unknown(name: str) -> str:
    if name == "Input":
        return "Input comes once, at the top. Remove this line."
    lower = {known.lower(): known for known in KINDS}
    close = get_close_matches(name[:40].lower(), lower, n=1)
    if close:
        return f"there is no such layer here. Did you mean {lower[close[0]]}?"
    return f"there is no such layer here. Choose one of {', '.join(LAYERS)}."


def _bind(call: Call, layer: Layer, shape: Shape) -> Bound:
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
            raise call.error(f"it takes no {cut(name, 40)}. Write {usage}.", argument.column)
        if name in given:
            raise call.error(f"it gets {name} twice. Write it once.", argument.column)
        try:
            given[name] = by_name[name].checked(argument.value)
        except MisfitError as misfit:
            raise call.error(str(misfit), argument.column) from None
    missing = [each.name for each in layer.takes if not each.optional and each.name not in given]
    if missing:
        raise MisfitError(f"its {missing[0]} is missing. Write {fitting(call.name, shape) or usage}.")
    return Bound(call.name, layer, given)
