"""Engines that call the module itself: as it is, in another dtype or layout, or on another device."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import Tensor, nn

from core.engines.engine import (
    Array,
    EngineError,
    EngineKind,
    EngineOptions,
    Fact,
    InferenceEngine,
    one_line,
)
from core.export.parity import flatten
from core.zoo import ZooModel

JIT_IS_DEPRECATED: Final = r"`torch\.jit\.\w+` is (deprecated|not supported)"
"""What PyTorch warns of, wherever it is used."""


@dataclass(frozen=True)
class _Way:
    """What becomes of the module and its inputs.

    Attributes:
        dtype: of weights and floating inputs.
        device: where they are.
        channels_last: whether images keep the channels of a pixel beside each other.
        grad: whether a call records what a backward pass would need.
    """

    dtype: torch.dtype = torch.float32
    device: str = "cpu"
    channels_last: bool = False
    grad: bool = False


_WAYS: Final[Mapping[EngineKind, _Way]] = MappingProxyType({
    EngineKind.EAGER: _Way(),
    EngineKind.EAGER_GRAD: _Way(grad=True),
    EngineKind.CHANNELS_LAST: _Way(channels_last=True),
    EngineKind.BFLOAT16: _Way(dtype=torch.bfloat16),
    EngineKind.FLOAT16: _Way(dtype=torch.float16),
    EngineKind.CUDA: _Way(device="cuda"),
    EngineKind.MPS: _Way(device="mps"),
})  # fmt: skip


class PyTorchEngine(InferenceEngine):
    """A copy of a model's module, in evaluation mode, called by PyTorch.

    Args:
        kind: one of PyTorch's ways.
        model: stays as it is.
        options: `threads` must be what PyTorch has in this process.
    """

    def __init__(self, kind: EngineKind, model: ZooModel, options: EngineOptions) -> None:
        self.kind = kind
        self._model = model
        self._options = options
        self._way = _WAYS.get(kind, _Way())
        self._run: Callable[..., Any] | None = None

    def load(self) -> None:
        """Copies the module and makes of it what this engine calls."""
        threads = torch.get_num_threads()
        if threads != self._options.threads:
            raise EngineError(
                f"PyTorch computes with {threads} threads in this process and {self._options.threads} were "
                f"asked for: start it with OMP_NUM_THREADS={self._options.threads}."
            )
        if self._way.channels_last and not any(len(each.shape) == 3 for each in self._model.inputs):
            raise EngineError(
                f"No input of {self._model.name} is a batch of images, which alone can be channels-last: "
                "choose a convolutional network."
            )
        try:
            module = copy.deepcopy(self._model.module).eval()
            if self._way.dtype is not torch.float32:
                module.to(self._way.dtype)
            module.to(self._way.device)
            if self._way.channels_last:
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # not in its stubs
            self._run = self._make(module)
        except Exception as error:  # a module raises what it likes, and so do compilers
            raise self._refusal(error) from error

    def predict(self, inputs: Sequence[Tensor]) -> tuple[Array, ...]:
        """The outputs, as float32 where this engine computes with fewer bits."""
        try:
            return tuple(
                (each.float() if each.dtype is self._way.dtype else each).numpy(force=True)
                for each in flatten(self.prepare(inputs)())
            )
        except TypeError as error:  # NumPy has no such dtype
            raise self._refusal(error) from error

    def prepare(self, inputs: Sequence[Tensor]) -> Callable[[], Any]:
        """A call of the module on copies of these inputs, made once."""
        run = self._run
        if run is None:
            raise EngineError(f"The engine {self.kind} is not loaded: load it first.")
        args, kwargs = self._arguments(inputs)
        # One object for all calls: making it takes as long as a small layer does.
        mode = torch.enable_grad() if self._way.grad else torch.inference_mode()

        def call() -> Any:  # noqa: ANN401 - whatever the model gives
            try:
                with mode:
                    return run(*args, **kwargs)
            except Exception as error:
                raise self._refusal(error) from error

        return call

    def metadata(self) -> Mapping[str, Fact]:
        """What computes, where and with what."""
        way = self._way
        facts: dict[str, Fact] = {
            "library": "PyTorch",
            "version": str(torch.__version__),
            "device": way.device,
            "dtype": str(way.dtype).removeprefix("torch."),
            "threads": self._options.threads,
            "layout": "channels last" if way.channels_last else "as given",
            "gradients": way.grad,
        }
        if way.device == "cuda":
            facts["device_name"] = torch.cuda.get_device_name()
            facts["float32_precision"] = torch.get_float32_matmul_precision()
        return facts

    def close(self) -> None:
        """Lets go of the copy, and of an accelerator's memory."""
        self._run = None
        if self._way.device == "cuda":
            torch.cuda.empty_cache()
        elif self._way.device == "mps":
            torch.mps.empty_cache()

    def synchronize(self) -> None:
        """Waits for the accelerator, if there is one."""
        if self._way.device == "cuda":
            torch.cuda.synchronize()
        elif self._way.device == "mps":
            torch.mps.synchronize()

    def _make(self, module: nn.Module) -> Callable[..., Any]:
        """What is called in place of the module: itself, unless a subclass makes something of it."""
        return module

    def _arguments(self, inputs: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        try:
            return self._model.arguments([self._converted(each) for each in inputs])
        except (ValueError, RuntimeError) as error:
            raise EngineError(one_line(error)) from error

    def _converted(self, tensor: Tensor) -> Tensor:
        dtype = self._way.dtype if tensor.is_floating_point() else tensor.dtype
        images = self._way.channels_last and tensor.dim() == 4
        layout = torch.channels_last if images else torch.preserve_format
        return tensor.detach().to(self._way.device, dtype, copy=True, memory_format=layout)

    def _refusal(self, error: Exception) -> EngineError:
        """Whatever the module or PyTorch raises, as what an engine raises."""
        return EngineError(f"The engine {self.kind} cannot run {self._model.name}: {one_line(error)}")
