"""One run of an uploaded model in ONNX Runtime, on inputs made for it; only in a limited process."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.export.finding import shown
from core.export.graph import LISTED, Graph, Value
from core.export.parity import (
    SMALL_NODES,
    SMALL_NUMBERS,
    OutputParity,
    Reference,
    Session,
    compare_output,
)

OPEN_SIZE: Final = 2
"""What is put for a size that the graph leaves open."""
MAX_NUMBERS: Final = 10_000_000
"""How many numbers all inputs together may have."""
PREVIEW: Final = 8
_NO_MEMORY: Final = re.compile(
    r"MemoryError|bad_alloc|BFCArena|(?:failed|unable) to allocate|(?:can't|cannot) allocate", re.IGNORECASE
)

Array = NDArray[Any]

DTYPES: Final[Mapping[str, str]] = {
    "float": "float32",
    "double": "float64",
    "float16": "float16",
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "uint64": "uint64",
    "bool": "bool",
}
"""The element types for which inputs can be made: ONNX's name and NumPy's."""


class TrialError(ValueError):
    """A model that cannot be run here: one line."""


@dataclass(frozen=True)
class Given:
    """An output that the model gave.

    Attributes:
        dtype: as NumPy calls it, or as ONNX does if `problem` says why there are no numbers.
        first: its first numbers, as text.
        parity: against ONNX's reference evaluator; None where that was not asked.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    first: tuple[str, ...]
    parity: OutputParity | None
    problem: str = ""


@dataclass(frozen=True)
class Trial:
    """What became of one run.

    Attributes:
        shapes: of the inputs that were made, by name; the first `LISTED`.
        outputs: what came out, the first `LISTED`; empty if it did not run, and then `problem` says why.
        tried: whether it was given to the runtime at all: no inputs may have been made for it.
        more_shapes, more_outputs: how many are not listed.
    """

    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    outputs: tuple[Given, ...]
    problem: str = ""
    tried: bool = True
    more_shapes: int = 0
    more_outputs: int = 0


def try_out(data: bytes, graph: Graph, seed: int = 0) -> Trial:
    """Runs a model once, and small ones in the reference evaluator too.

    Args:
        data: a file that was examined and not refused.
        graph: what it holds.
        seed: for the numbers of its inputs.

    Raises:
        MemoryError: if the runtime could not allocate what it needed.
    """
    try:
        feeds = make_inputs(graph.inputs, seed)
    except TrialError as error:
        return Trial((), (), str(error), tried=False)
    shapes = tuple((shown(name), array.shape) for name, array in [*feeds.items()][:LISTED])
    more = max(0, len(feeds) - LISTED)
    try:
        with tempfile.TemporaryDirectory() as empty:
            session = Session(data, external_folder=empty)
            types = dict(zip(session.outputs, session.types, strict=True))
            names = [name for name in types if _is_readable(types[name])]
            found = dict(zip(names, session.run(feeds, names), strict=True))
    except ValueError as error:
        if lacks_memory(repr(error.__cause__)):
            raise MemoryError from error
        return Trial(shapes, (), str(error), more_shapes=more)
    expected = _reference(data, graph, feeds)
    outputs = tuple(
        _given(name, found[name], expected.get(name)) if name in found else _unread(name, types[name])
        for name in session.outputs[:LISTED]
    )
    return Trial(shapes, outputs, "", True, more, max(0, len(types) - LISTED))


def lacks_memory(problem: str) -> bool:
    """Whether ONNX or ONNX Runtime say in these words of theirs that there was no memory."""
    return _NO_MEMORY.search(problem) is not None


def make_inputs(values: tuple[Value, ...], seed: int = 0) -> dict[str, Array]:
    """Arrays for a graph's inputs: normal numbers, small whole ones, or truths; open sizes are `OPEN_SIZE`.

    Raises:
        TrialError: for an input of another kind, of no known rank, or too large.
    """
    random = np.random.default_rng(seed)
    made: dict[str, Array] = {}
    count = 0
    for value in values:
        shape = _shape(value)
        count += math.prod(shape)
        if count > MAX_NUMBERS:
            raise TrialError(
                f"Its inputs would have more than {MAX_NUMBERS:,} numbers: export it with smaller ones."
            )
        made[value.name] = _filled(DTYPES[value.dtype], shape, random)
    return made


def _shape(value: Value) -> tuple[int, ...]:
    if value.kind != "tensor" or value.dtype not in DTYPES:
        kind = value.dtype if value.kind == "tensor" else value.kind
        raise TrialError(f"Input `{_short(value)}` is of type {kind}, and no numbers can be made for that.")
    if value.shape is None:
        raise TrialError(f"Input `{_short(value)}` has no known rank, so no numbers can be made for it.")
    return tuple(size if isinstance(size, int) else OPEN_SIZE for size in value.shape)


def _short(value: Value) -> str:
    return shown(value.name)[:40]


def _filled(dtype: str, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    if dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if dtype.startswith("float"):
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, 3, shape).astype(dtype)


def _reference(data: bytes, graph: Graph, feeds: Mapping[str, Array]) -> dict[str, Array]:
    if graph.nodes > SMALL_NODES or graph.numbers > SMALL_NUMBERS:
        return {}
    try:
        reference = Reference(data)
        return dict(zip(reference.outputs, reference.run(feeds), strict=True))
    except ValueError:
        return {}


def _is_readable(kind: str) -> bool:
    """Whether NumPy has arrays for a type, as ONNX Runtime writes it: `seq(tensor(bfloat16))`."""
    element = re.findall(r"\w+", kind)[-1]
    return element in DTYPES or element == "string"


def _unread(name: str, kind: str) -> Given:
    if kind.startswith("tensor("):
        kind = kind.removeprefix("tensor(").removesuffix(")")
    return Given(shown(name), kind, (), (), None, f"NumPy has no {kind}: it was computed, and not read.")


def _given(name: str, output: object, expected: Array | None) -> Given:
    if not isinstance(output, np.ndarray):
        return Given(shown(name), type(output).__name__, (), (), None)
    comparable = expected is not None and output.dtype.kind in "fiub" and expected.dtype.kind in "fiub"
    parity = None
    if comparable and expected is not None:
        names = {"by": Session.runtime, "in_other": " in the reference evaluator"}
        parity = compare_output(shown(name), output, expected, **names)
    floats = output.dtype.kind == "f"
    first = tuple(f"{number:.6g}" if floats else str(number)[:40] for number in output.flat[:PREVIEW])
    return Given(shown(name), str(output.dtype), output.shape, first, parity)
