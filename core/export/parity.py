"""Whether an ONNX file computes what its module computes: number by number, at batches it never saw."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.export.graph import describe
from core.zoo import InputKind, ZooModel

BATCHES: Final = (1, 2, 3, 8, 64)
SEEDS: Final = (0, 1)
KINDS: Final = (InputKind.NORMAL, InputKind.ZEROS, InputKind.RAMP)
ABSOLUTE: Final = 1e-5
RELATIVE: Final = 1e-4
"""Two numbers agree when they differ by at most `ABSOLUTE + RELATIVE * |eager|`."""
SMALL_NODES: Final = 200
SMALL_NUMBERS: Final = 200_000
"""Up to how many nodes and weights ONNX's reference evaluator, in pure Python, is asked too."""
_SAID: Final = 240
_READ: Final = 4_000
_SOURCE: Final = re.compile(
    r"/\S*onnxruntime/\S+:\d+ +"
    r"(?:(?:[\w:<>,*&~=\[\]{}]+ +){0,9}[\w:<>,*&~=\[\]{}]+(?:\((?:[^()]|\([^()]*\))*\))+(?: const)?"
    r"(?:::<lambda\([^()]*\)>)?(?: \[with [^\]]*\])? +)?"
    r"|\b\w+\.(?:h|cc):\d+ \w+ +"
)
"""A place in ONNX Runtime's source, and the C++ function there."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Deviation:
    """How far two arrays of one shape are from each other.

    Attributes:
        absolute: the largest difference; nan where one is nan and the other is not.
        relative: the largest difference by the size of the eager number.
        ulp: the largest distance in representable numbers of the dtype; None if they are not floats.
        index: where the largest absolute difference is; empty for an array without numbers.
        eager, other: the two numbers there.
        agree: whether all numbers are within the tolerance; nan agrees with nan.
    """

    absolute: float
    relative: float
    ulp: int | None
    index: tuple[int, ...]
    eager: float
    other: float
    agree: bool


@dataclass(frozen=True)
class OutputParity:
    """One output of both.

    Attributes:
        name: in the graph.
        shape, dtype: of the eager output.
        deviation: None if the two cannot be compared, and then `problem` says why.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    deviation: Deviation | None
    problem: str = ""

    @property
    def agree(self) -> bool:
        """Whether the two agree."""
        return self.deviation is not None and self.deviation.agree


@dataclass(frozen=True)
class Parity:
    """One comparison over all outputs.

    Attributes:
        outputs: in the graph's order; empty if the runtime refused to run, and then `problem` says why.
    """

    outputs: tuple[OutputParity, ...]
    problem: str = ""

    @property
    def agree(self) -> bool:
        """Whether it ran and all outputs agree."""
        return not self.problem and all(output.agree for output in self.outputs)

    @property
    def absolute(self) -> float:
        """The largest absolute difference of all outputs; nan if one is, or if there is none to tell."""
        found = [output.deviation.absolute for output in self.outputs if output.deviation is not None]
        return max(found, key=lambda each: (math.isnan(each), each), default=math.nan)


@dataclass(frozen=True)
class Case:
    """One comparison of a sweep.

    Attributes:
        batch, seed, kind: the inputs.
        runtime: `ONNX Runtime` or `reference`, ONNX's own evaluator.
    """

    batch: int
    seed: int
    kind: str
    runtime: str
    parity: Parity


class Session:
    """An ONNX file in ONNX Runtime, on the CPU with one thread.

    Raises:
        ValueError: if the runtime does not take the file: one line.
    """

    runtime: Final = "ONNX Runtime"

    def __init__(self, data: bytes, *, optimize: bool = True, external_folder: str = "") -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what is wrong comes as an exception
        if external_folder:
            options.add_session_config_entry(
                "session.model_external_initializers_file_folder_path", external_folder
            )
        if not optimize:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime has an exception class per status, none of them public
            raise ValueError(_one_line(error)) from error
        self.inputs: tuple[str, ...] = tuple(each.name for each in self._session.get_inputs())
        self.outputs: tuple[str, ...] = tuple(each.name for each in self._session.get_outputs())
        self.types: tuple[str, ...] = tuple(each.type for each in self._session.get_outputs())

    def run(self, feeds: Mapping[str, Array], names: Sequence[str] | None = None) -> list[Array]:
        """The outputs, in the graph's order.

        Args:
            feeds: an array for each input.
            names: the outputs that are wanted, if not all: NumPy has no arrays for some `types`.

        Raises:
            ValueError: if the runtime refuses to run: one line.
        """
        try:
            if names is not None and not names:
                self._run_only(feeds)
                return []
            found: list[Array] = self._session.run(names, dict(feeds))
        except Exception as error:
            raise ValueError(_one_line(error)) from error
        return found

    def _run_only(self, feeds: Mapping[str, Array]) -> None:
        from onnxruntime import OrtValue

        given = {name: OrtValue.ortvalue_from_numpy(array) for name, array in feeds.items()}
        self._session.run_with_ort_values(None, given)


class Reference:
    """The same in ONNX's reference evaluator: each operator as its definition has it, in NumPy.

    Raises:
        ValueError: if it does not take the file.
    """

    runtime: Final = "reference"

    def __init__(self, data: bytes) -> None:
        from onnx.reference import ReferenceEvaluator

        model = onnx.load_model_from_string(data)
        try:
            self._evaluator = ReferenceEvaluator(model)
        except Exception as error:
            raise ValueError(_one_line(error)) from error
        filled = {tensor.name for tensor in model.graph.initializer}
        self.inputs: tuple[str, ...] = tuple(n for n in self._evaluator.input_names if n not in filled)
        self.outputs: tuple[str, ...] = tuple(self._evaluator.output_names)

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """The outputs, in the graph's order.

        Raises:
            ValueError: if an operator is not there or refuses its input: one line.
        """
        try:
            with np.errstate(all="ignore"):
                found = self._evaluator.run(None, dict(feeds))
        except Exception as error:
            raise ValueError(_one_line(error)) from error
        return [np.asarray(each) for each in found]


Runtime = Session | Reference


def check_parity(module: nn.Module, data: bytes, inputs: Sequence[Tensor]) -> Parity:
    """Runs a module and an ONNX file on the same inputs.

    Args:
        module: called in the mode that it is in, and left as it is; put it into evaluation mode for what
            users of the file expect.
        data: the file.
        inputs: one tensor per input of both, in order.
    """
    # A copy: batch norm in training mode moves its averages, and dropout draws random numbers.
    with torch.random.fork_rng(devices=[]):
        return compare_run(copy.deepcopy(module), tuple(inputs), {}, _open(data), inputs)


def sweep(
    made: ZooModel,
    data: bytes,
    *,
    batches: Sequence[int] = BATCHES,
    seeds: Sequence[int] = SEEDS,
    kinds: Sequence[str] = KINDS,
) -> tuple[Case, ...]:
    """Compares over batches, seeds and kinds of input; on a small graph with the reference evaluator too.

    The first kind is tried at every batch and seed, the others at one batch and seed each: they are there for
    models that decide by their numbers.

    The module is put into evaluation mode, and left so.
    """
    made.module.eval()
    runtimes: list[Runtime | Parity] = [_open(data)]
    model = onnx.load_model_from_string(data)
    graph = describe(model, len(data))
    if graph.nodes <= SMALL_NODES and graph.numbers <= SMALL_NUMBERS:
        runtimes.append(_open(data, reference=True))
    cases = []
    for kind in kinds:
        first = kind == kinds[0]
        for batch in batches if first else batches[len(batches) // 2 :][:1]:
            for seed in seeds if first else seeds[:1]:
                inputs = made.example_inputs(batch, kind, seed)
                args, kwargs = made.arguments(inputs)
                # The reference evaluator is slow: one seed of each batch is enough.
                for place, runtime in enumerate(runtimes if seed == seeds[0] else runtimes[:1]):
                    name = (Session, Reference)[place].runtime
                    found = compare_run(made.module, args, kwargs, runtime, inputs)
                    cases.append(Case(batch, seed, str(kind), name, found))
    return tuple(cases)


def compare_run(
    module: nn.Module,
    args: tuple[Tensor, ...],
    kwargs: Mapping[str, Tensor],
    runtime: Runtime | Parity,
    inputs: Sequence[Tensor],
) -> Parity:
    """One comparison; a runtime that could not be opened is the answer itself."""
    if isinstance(runtime, Parity):
        return runtime
    with torch.no_grad():
        eager = flatten(module(*args, **kwargs))
    feeds = {name: tensor.numpy(force=True) for name, tensor in zip(runtime.inputs, inputs, strict=False)}
    if len(runtime.inputs) != len(inputs):
        # A weight or an input that does not matter may have left the graph.
        return Parity((), f"The graph has {len(runtime.inputs)} inputs, the model {len(inputs)}.")
    try:
        found = runtime.run(feeds)
    except ValueError as error:
        return Parity((), str(error))
    if len(found) != len(eager):
        return Parity((), f"The graph has {len(found)} outputs, the model {len(eager)}.")
    return Parity(
        tuple(
            compare_output(name, expected.numpy(force=True), given)
            for name, expected, given in zip(runtime.outputs, eager, found, strict=True)
        )
    )


def compare_output(
    name: str, eager: Array, other: Array, *, by: str = "eager", in_other: str = ""
) -> OutputParity:
    """One output of both.

    Args:
        name: in the graph.
        eager: what is expected.
        other: what is compared with it.
        by: what gave the expected one, as a problem says it.
        in_other: where the other is from, as a problem says it: ` in` and its name; nothing if it is clear.
    """
    problem = ""
    if eager.shape != other.shape:
        problem = f"The shape{in_other} is {other.shape}, and {by} gives {eager.shape}."
    elif eager.dtype != other.dtype:
        problem = f"The dtype{in_other} is {other.dtype}, and {by} gives {eager.dtype}."
    found = None if problem else deviation(eager, other)
    return OutputParity(name, eager.shape, str(eager.dtype), found, problem)


def deviation(eager: Array, other: Array) -> Deviation:
    """How far two arrays of one shape and dtype are from each other."""
    if not eager.size:
        return Deviation(0.0, 0.0, 0 if eager.dtype.kind == "f" else None, (), math.nan, math.nan, True)
    with np.errstate(all="ignore"):
        first, second = eager.astype(np.float64), other.astype(np.float64)
        # Equal infinities differ by nothing, and so do two nans.
        same = (first == second) | (np.isnan(first) & np.isnan(second))
        difference = np.where(same, 0.0, np.abs(first - second))
        relative = np.where(difference == 0, 0.0, difference / np.abs(first))
        agree = bool(
            np.all(difference <= ABSOLUTE + RELATIVE * np.where(np.isfinite(first), np.abs(first), 0))
        )
    worst = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
    index = tuple(int(place) for place in np.unravel_index(worst, eager.shape))
    return Deviation(
        absolute=float(difference.flat[worst]),
        relative=float(np.max(relative)),
        ulp=_ulp(eager, other) if eager.dtype.kind == "f" else None,
        index=index,
        eager=float(first.flat[worst]),
        other=float(second.flat[worst]),
        agree=agree,
    )


def flatten(output: object) -> list[Tensor]:
    """The tensors of a model's output in order, as the exporters write them."""
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, tuple | list):
        return [tensor for each in output for tensor in flatten(each)]
    return []


def _open(data: bytes, *, reference: bool = False) -> Runtime | Parity:
    try:
        return Reference(data) if reference else Session(data)
    except ValueError as error:
        return Parity((), str(error))


def _ulp(eager: Array, other: Array) -> int:
    """The largest distance in representable numbers, nan left out; 0 between the two zeros."""
    width = eager.dtype.itemsize
    least = -(2 ** (8 * width - 1))
    places = []
    for numbers in (eager, other):
        # Python's own integers for float64, whose distances fit no int64.
        whole = np.ascontiguousarray(numbers).view(f"i{width}").astype(object if width == 8 else np.int64)
        # Negative numbers are ordered backwards by their bits.
        places.append(np.where(whole < 0, least - whole, whole))
    known = ~(np.isnan(eager) | np.isnan(other))
    distance = np.abs(places[0] - places[1])[known]
    return int(distance.max()) if distance.size else 0


def _one_line(error: BaseException) -> str:
    said = _SOURCE.sub("", " ".join(str(error).split())[:_READ])
    return f"{said[: _SAID - 1]}…" if len(said) > _SAID else said or type(error).__name__
