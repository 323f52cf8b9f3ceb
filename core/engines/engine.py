"""What every engine is: one way to run one model, with one number of threads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Array: TypeAlias = NDArray[np.generic]
Fact: TypeAlias = str | int | float | bool
_SAID: Final = 240


class EngineError(ValueError):
    """An engine that cannot be had, or a model that it cannot run: one line for a visitor."""


class EngineKind(StrEnum):
    """The ways to run a model."""

    EAGER = "eager"
    EAGER_GRAD = "eager-grad"
    CHANNELS_LAST = "eager-channels-last"
    BFLOAT16 = "eager-bfloat16"
    FLOAT16 = "eager-float16"
    COMPILED = "compiled"
    TORCHSCRIPT = "torchscript"
    CUDA = "eager-cuda"
    MPS = "eager-mps"
    ORT = "ort"
    ORT_INT8_DYNAMIC = "ort-int8-dynamic"
    ORT_INT8_STATIC = "ort-int8-static"
    ORT_FLOAT16 = "ort-float16"
    ORT_CUDA = "ort-cuda"
    ORT_TENSORRT = "ort-tensorrt"
    ORT_MIGRAPHX = "ort-migraphx"
    ORT_COREML = "ort-coreml"
    ORT_OPENVINO = "ort-openvino"
    ORT_DIRECTML = "ort-directml"


class Optimization(StrEnum):
    """How much ONNX Runtime changes the graph before it runs it, in its own words."""

    DISABLE = "disable"
    BASIC = "basic"
    EXTENDED = "extended"
    ALL = "all"


class Spin(StrEnum):
    """What ONNX Runtime's idle threads do: wait busily for long, for a millisecond, or not at all."""

    DEFAULT = "default"
    SHORT = "short"
    OFF = "off"


@dataclass(frozen=True)
class EngineOptions:
    """The settings that an engine is made with.

    Attributes:
        threads: how many compute one operator; PyTorch and ONNX Runtime alike.
        optimization: of ONNX Runtime's graph.
        spin: of ONNX Runtime's threads.

    Raises:
        EngineError: if there is no thread to compute with.
    """

    threads: int = 1
    optimization: Optimization = Optimization.ALL
    spin: Spin = Spin.SHORT

    def __post_init__(self) -> None:
        """Refuses what the libraries would take for "as many as you like"."""
        if self.threads < 1:
            raise EngineError(f"{self.threads} threads were asked for: give 1 or more.")


class InferenceEngine(ABC):
    """One way to run one model. Used as a context manager, it is loaded inside and closed after.

    Attributes:
        kind: which way.
    """

    kind: EngineKind

    @abstractmethod
    def load(self) -> None:
        """Makes ready to predict; what that takes is the engine's load time.

        Raises:
            EngineError: if this machine or this model does not allow it.
        """

    @abstractmethod
    def predict(self, inputs: Sequence[Tensor]) -> tuple[Array, ...]:
        """The model's outputs, in order, as arrays in memory.

        Args:
            inputs: float32 tensors on the CPU, one per input of the model.

        Raises:
            EngineError: if it is not loaded, or cannot run this input.
        """

    @abstractmethod
    def metadata(self) -> Mapping[str, Fact]:
        """Facts to print beside every number: library and version, device, dtype, threads, settings."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of the model and all memory; it may be called twice."""

    def prepare(self, inputs: Sequence[Tensor]) -> Callable[[], Any]:
        """A call without arguments that runs the model once on these inputs: what a benchmark times.

        An engine with a form of its own for inputs converts them here, once, and leaves the outputs as they
        come. Where an accelerator works beside the processor, the call returns before it is done: see
        `synchronize`.
        """
        return partial(self.predict, inputs)

    def synchronize(self) -> None:  # noqa: B027 - most have nothing to wait for
        """Waits until all that was asked for is computed."""

    def __enter__(self) -> Self:
        self.load()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


def one_line(error: BaseException) -> str:
    """What an error says, on one line of moderate length; of a traceback in it, the last line."""
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    said = " ".join(lines[-1:] if any("Traceback" in line for line in lines) else lines)
    return f"{said[: _SAID - 1]}…" if len(said) > _SAID else said or type(error).__name__
