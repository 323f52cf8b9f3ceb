"""What every program is written from: inputs with all sizes known, outputs to print."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from core.export.graph import Dimension, Graph, Value

DEFAULT_SIZE: Final = 2
"""What a dimension is whose size the model leaves open."""
MAX_NUMBERS: Final = 2**26
"""How many numbers an input may have in a program; it also keeps every size an `int` in all languages."""
FLOATS: Final = frozenset({"float", "double", "float16", "bfloat16"})


class UnfitError(ValueError):
    """There is no such program: one plain line that says why."""


@dataclass(frozen=True)
class Tensor:
    """A tensor that goes in or comes out.

    Attributes:
        name: as the model has it; any text.
        dtype: ONNX's name of its elements' type, in small letters.
    """

    name: str
    dtype: str


@dataclass(frozen=True)
class Input(Tensor):
    """A tensor that the program fills.

    Attributes:
        shape: its sizes in the program.
        open_axes: whether the model leaves the size open, per axis.
    """

    shape: tuple[int, ...]
    open_axes: tuple[bool, ...]

    @property
    def count(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Run:
    """One run of a model.

    Attributes:
        file_name: of the model, without a folder.
        inputs: all of them.
        outputs: those that are printed.
        left_out: names of outputs that are not.
    """

    file_name: str
    inputs: tuple[Input, ...]
    outputs: tuple[Tensor, ...]
    left_out: tuple[str, ...] = ()

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The inputs and the outputs."""
        return (*self.inputs, *self.outputs)

    @property
    def dtypes(self) -> frozenset[str]:
        """Of the inputs and the outputs."""
        return frozenset(each.dtype for each in self.tensors)

    @property
    def note(self) -> str:
        """One line on what is not printed; empty if all is."""
        if not self.left_out:
            return ""
        names = ", ".join(shown(name) for name in self.left_out[:3])
        more = f" and {len(self.left_out) - 3} more" if len(self.left_out) > 3 else ""
        return f"Not printed, because the program cannot read what they hold: {names}{more}."

    def limited(self, language: str, dtypes: Collection[str], *, c_names: bool = True) -> Run:
        """The same run in a language that knows only these types of elements.

        Args:
            language: its name.
            dtypes: the types that it knows.
            c_names: whether names are passed to the runtime as C does, so that a zero byte ends them.

        Raises:
            UnfitError: if it cannot fill an input, or read any output.
        """
        for each in self.inputs:
            if each.dtype not in dtypes:
                raise UnfitError(
                    f"{language} has no {each.dtype} tensors here, and input {shown(each.name)} is one: "
                    "cast it in the model, or run it in another language."
                )
        read = tuple(each for each in self.outputs if each.dtype in dtypes)
        if not read:
            found = ", ".join(sorted({each.dtype for each in self.outputs}))
            raise UnfitError(
                f"{language} cannot read the outputs here: they are {found}. Cast one in the model."
            )
        unread = tuple(each.name for each in self.outputs if each.dtype not in dtypes)
        limited = replace(self, outputs=read, left_out=self.left_out + unread)
        cut = [each.name for each in limited.tensors if "\0" in each.name]
        if c_names and cut:
            raise UnfitError(f"{language} cannot pass the name {shown(cut[0])}: it holds a zero byte.")
        return limited


def one_run(graph: Graph, file_name: str, sizes: Mapping[str, int]) -> Run:
    """One run of the model.

    Args:
        graph: what the model's file says; nothing in it is trusted.
        file_name: of the model; a folder in front is dropped.
        sizes: of the symbolic dimensions; one that is missing or negative is 2.

    Raises:
        UnfitError: if an input cannot be filled, or no output is a tensor.
    """
    name = file_name.replace("\\", "/").rsplit("/", maxsplit=1)[-1]
    printed = [each for each in graph.outputs if each.kind == "tensor"]
    if not printed:
        raise UnfitError("None of the model's outputs is a tensor, so there is nothing to print: add one.")
    return Run(
        # A lone surrogate, which a file name may hold, has no place in a program.
        file_name=name.encode(errors="replace").decode() or "model.onnx",
        inputs=tuple(_input(each, sizes) for each in graph.inputs),
        outputs=tuple(Tensor(each.name, each.dtype) for each in printed),
        left_out=tuple(each.name for each in graph.outputs if each.kind != "tensor"),
    )


def shown(name: str) -> str:
    """A name in a sentence: quoted, on one line, not too long."""
    quoted = repr(name if len(name) <= 40 else f"{name[:39]}…")
    return f"`{quoted[1:-1]}`"


def _input(value: Value, sizes: Mapping[str, int]) -> Input:
    if value.kind != "tensor":
        raise UnfitError(f"Input {shown(value.name)} is a {value.kind}: these programs fill only tensors.")
    if value.shape is None:
        raise UnfitError(
            f"The model does not say how many axes input {shown(value.name)} has: declare its shape."
        )
    shape = tuple(_size(each, sizes) for each in value.shape)
    if math.prod(max(1, size) for size in shape) > MAX_NUMBERS:
        raise UnfitError(
            f"Input {shown(value.name)} is too large for a first try: at most {MAX_NUMBERS:,} numbers. "
            "Choose smaller sizes."
        )
    return Input(value.name, value.dtype, shape, tuple(not _is_fixed(each) for each in value.shape))


def _size(dimension: Dimension, sizes: Mapping[str, int]) -> int:
    size = sizes.get(dimension, DEFAULT_SIZE) if isinstance(dimension, str) else dimension
    return DEFAULT_SIZE if size is None or size < 0 else size


def _is_fixed(dimension: Dimension) -> bool:
    return isinstance(dimension, int) and dimension >= 0
