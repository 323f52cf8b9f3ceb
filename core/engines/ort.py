"""Engines of ONNX Runtime: the model as an ONNX file, on a processor or by another execution provider."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import Tensor

from core.engines.engine import (
    Array,
    EngineError,
    EngineKind,
    EngineOptions,
    Fact,
    InferenceEngine,
    Optimization,
    Spin,
    one_line,
)
from core.export import ExportError, ExportPlan, export, to_onnx
from core.zoo import ZooError, ZooModel

PROVIDERS: Final[Mapping[EngineKind, str]] = MappingProxyType({
    EngineKind.ORT: "CPUExecutionProvider",
    EngineKind.ORT_INT8_DYNAMIC: "CPUExecutionProvider",
    EngineKind.ORT_INT8_STATIC: "CPUExecutionProvider",
    EngineKind.ORT_FLOAT16: "CPUExecutionProvider",
    EngineKind.ORT_CUDA: "CUDAExecutionProvider",
    EngineKind.ORT_TENSORRT: "TensorrtExecutionProvider",
    EngineKind.ORT_MIGRAPHX: "MIGraphXExecutionProvider",
    EngineKind.ORT_COREML: "CoreMLExecutionProvider",
    EngineKind.ORT_OPENVINO: "OpenVINOExecutionProvider",
    EngineKind.ORT_DIRECTML: "DmlExecutionProvider",
})  # fmt: skip
"""ONNX Runtime's name for what runs each of its engines."""
OPSET: Final = 20
"""Of the file that is exported here: PyTorch's default."""
SHORT_SPIN_MICROSECONDS: Final = 1_000

_CPU: Final = "CPUExecutionProvider"
_BEHIND: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    _CPU: (),
    "TensorrtExecutionProvider": ("CUDAExecutionProvider", _CPU),
})  # fmt: skip
"""What runs the operators that a provider does not have."""
_SETTINGS: Final[Mapping[str, dict[str, str]]] = MappingProxyType({
    "CUDAExecutionProvider": {"use_tf32": "0"},
})  # fmt: skip
"""Matrix products in all bits of float32, as PyTorch computes them unless told otherwise."""
_MEMORY: Final[Mapping[str, str]] = MappingProxyType({
    "CUDAExecutionProvider": "cuda",
    "TensorrtExecutionProvider": "cuda",
    "DmlExecutionProvider": "dml",
})  # fmt: skip
"""Where inputs and outputs can stay beside a provider; the others take them from the processor's memory."""


class OnnxRuntimeEngine(InferenceEngine):
    """A model's ONNX file in ONNX Runtime.

    Args:
        kind: one of ONNX Runtime's ways.
        model: stays as it is.
        options: all of them reach ONNX Runtime.
        onnx_data: the file, its inputs in the model's order; None to export the model when it is loaded.
    """

    def __init__(
        self, kind: EngineKind, model: ZooModel, options: EngineOptions, onnx_data: bytes | None = None
    ) -> None:
        self.kind = kind
        self._model = model
        self._options = options
        self._given = onnx_data
        self._provider = PROVIDERS[kind]
        self._facts: dict[str, Fact] = {}
        self._session: Any = None
        self._binding: Any = None

    def load(self) -> None:
        """Exports the model unless a file was given, and opens a session."""
        import onnxruntime as ort

        data = self._rewrite(export_onnx(self._model) if self._given is None else self._given)
        names = (self._provider, *_BEHIND.get(self._provider, (_CPU,)))
        try:
            session = ort.InferenceSession(
                data,
                session_options(self._options),
                providers=[(name, _SETTINGS.get(name, {})) for name in names],
                enable_fallback=0,  # else it prints, and goes on without the provider
            )
        except Exception as error:  # it has an exception class per status, none of them public
            raise self._refusal(error) from error
        used = session.get_providers()[0]
        if used != self._provider:
            raise EngineError(
                f"ONNX Runtime could not start {self._provider} and took {used}: its libraries or its device "
                "are missing."
            )
        self._session = session
        self._facts |= {"file_bytes": len(data)}

    def predict(self, inputs: Sequence[Tensor]) -> tuple[Array, ...]:
        """The outputs in the graph's order, which is the model's."""
        feeds = self._feeds(inputs)
        try:
            return tuple(self._session.run(None, feeds))
        except Exception as error:
            raise self._refusal(error) from error

    def prepare(self, inputs: Sequence[Tensor]) -> Callable[[], Any]:
        """A run on arrays made once; they and the outputs stay in the provider's memory if it has any."""
        feeds = self._feeds(inputs)
        names = [each.name for each in self._session.get_outputs()]
        memory = _MEMORY.get(self._provider)
        given: tuple[Any, ...]
        if memory is None:
            run, given = self._session.run, (names, feeds)
        else:
            self._binding = self._bind(feeds, names, memory)
            run, given = self._session.run_with_iobinding, (self._binding,)

        def call() -> Any:  # noqa: ANN401 - arrays, or nothing where they stay on the device
            try:
                return run(*given)
            except Exception as error:
                raise self._refusal(error) from error

        return call

    def metadata(self) -> Mapping[str, Fact]:
        """What runs it, and with which settings; the bytes of the file once it is loaded."""
        import onnxruntime as ort

        return {
            "library": "ONNX Runtime",
            "version": str(ort.__version__),
            "device": _MEMORY.get(self._provider, "cpu" if self._provider == _CPU else self._provider),
            "dtype": "float32",
            "threads": self._options.threads,
            "provider": self._provider,
            "optimization": str(self._options.optimization),
            "spin": str(self._options.spin),
            "copies": self._provider != _CPU and self._provider not in _MEMORY,
            **self._facts,
        }

    def close(self) -> None:
        """Lets go of the session."""
        self._session = self._binding = None

    def synchronize(self) -> None:
        """Waits for what was asked for last, where a device works beside the processor."""
        if self._binding is not None:
            self._binding.synchronize_outputs()

    def _rewrite(self, data: bytes) -> bytes:
        """The file that is run in place of the model's; the same, unless a subclass changes it."""
        return data

    def _feeds(self, inputs: Sequence[Tensor]) -> dict[str, Array]:
        if self._session is None:
            raise EngineError(f"The engine {self.kind} is not loaded: load it first.")
        names = [each.name for each in self._session.get_inputs()]
        given = self._model.input_names
        if len(inputs) != len(given):
            raise EngineError(
                f"{self._model.name} got {len(inputs)} inputs and takes {len(given)} ({', '.join(given)}): "
                "give one tensor each."
            )
        # Copies, as PyTorch's engines make, with one number after the other: else each run would make them.
        layout = torch.contiguous_format
        arrays = [each.detach().clone(memory_format=layout).numpy(force=True) for each in inputs]
        by_name = dict(zip(given, arrays, strict=True))
        if set(names) <= set(given):
            # One that does not matter may have left the graph.
            return {name: by_name[name] for name in names}
        if len(names) != len(given):
            raise EngineError(
                f"The file has {len(names)} inputs ({', '.join(names)[:80]}) and {self._model.name} "
                f"{len(given)} ({', '.join(given)}): export it from this model."
            )
        return dict(zip(names, arrays, strict=True))

    def _bind(self, feeds: Mapping[str, Array], outputs: Sequence[str], memory: str) -> Any:  # noqa: ANN401
        from onnxruntime import OrtValue

        try:
            binding = self._session.io_binding()
            for name, array in feeds.items():
                binding.bind_ortvalue_input(name, OrtValue.ortvalue_from_numpy(array, memory, 0))
            for name in outputs:
                binding.bind_output(name, memory, 0)
        except Exception as error:
            raise self._refusal(error) from error
        return binding

    def _refusal(self, error: Exception) -> EngineError:
        """Whatever ONNX Runtime raises, as what an engine raises."""
        return EngineError(f"The engine {self.kind} cannot run {self._model.name}: {one_line(error)}")


def export_onnx(model: ZooModel) -> bytes:
    """The model's ONNX file, in evaluation mode, its batch open: what `create` takes as `onnx_data`.

    PyTorch patches itself while it exports: do it in a process of its own, never in a server.

    Raises:
        EngineError: if PyTorch's exporter refuses the model.
    """
    try:
        module = copy.deepcopy(model.module).eval()
        if any(each.keyword for each in model.inputs):
            # The plan's own model is not built: it is given.
            return export(ExportPlan(opset=OPSET), dataclasses.replace(model, module=module)).data
        # By position, because what `forward` calls its arguments may be others than the model's names.
        inputs = model.example_inputs()
        names, axes = model.input_names, model.batch_axes
        return to_onnx(module, inputs, input_names=names, batch_axes=axes, opset=OPSET).data
    except (ExportError, ZooError) as error:
        raise EngineError(str(error)) from error


def session_options(options: EngineOptions) -> Any:  # noqa: ANN401 - ONNX Runtime ships no types
    """ONNX Runtime's own form of the options: one operator at a time, errors as exceptions only."""
    import onnxruntime as ort

    level = ort.GraphOptimizationLevel
    found = ort.SessionOptions()
    found.intra_op_num_threads = options.threads
    found.inter_op_num_threads = 1
    found.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    found.log_severity_level = 4
    found.graph_optimization_level = {
        Optimization.DISABLE: level.ORT_DISABLE_ALL,
        Optimization.BASIC: level.ORT_ENABLE_BASIC,
        Optimization.EXTENDED: level.ORT_ENABLE_EXTENDED,
        Optimization.ALL: level.ORT_ENABLE_ALL,
    }[options.optimization]
    if options.spin is Spin.SHORT:
        found.add_session_config_entry("session.intra_op.spin_duration_us", str(SHORT_SPIN_MICROSECONDS))
    elif options.spin is Spin.OFF:
        found.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return found
