"""Engines of ONNX Runtime whose file was rewritten to compute with fewer bits."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import onnx
from onnx import ModelProto, TensorProto

from core.engines.engine import EngineError, EngineKind, EngineOptions, one_line
from core.engines.ort import OnnxRuntimeEngine
from core.zoo import InputKind, ZooModel

CALIBRATION_SEEDS: Final = range(10_000, 10_016)
"""Of the inputs that the ranges of int8 are taken from: other numbers than those that are measured."""
CALIBRATION_BATCH: Final = 8

_WARNING: Final = 2
_FATAL: Final = 4
"""Of ONNX Runtime's own severities: the one that it has by default, and the highest."""

_DYNAMIC: Final = frozenset({
    "ConvInteger", "MatMulInteger", "DynamicQuantizeLSTM", "QAttention", "QEmbedLayerNormalization",
})  # fmt: skip
"""What computes in int8 and finds its ranges itself."""

_Rewrite: TypeAlias = Callable[[bytes, ZooModel], tuple[ModelProto, int]]


class QuantizedEngine(OnnxRuntimeEngine):
    """ONNX Runtime on a file whose numbers have fewer bits; what the rewriting takes is part of the load.

    Once it is loaded, the metadata says how many of the file's nodes compute with fewer bits.

    Args:
        kind: int8, dynamic or static, or float16.
        model: stays as it is.
        options: as for every engine.
        onnx_data: the float32 file; None to export the model.
    """

    def __init__(
        self, kind: EngineKind, model: ZooModel, options: EngineOptions, onnx_data: bytes | None = None
    ) -> None:
        super().__init__(kind, model, options, onnx_data)
        self._facts["dtype"] = "float16" if kind is EngineKind.ORT_FLOAT16 else "int8"

    def _rewrite(self, data: bytes) -> bytes:
        try:
            with _quiet():
                model, nodes = _REWRITES[self.kind](data, self._model)
        except Exception as error:  # tools of assertions, KeyErrors and the runtime's own
            raise EngineError(
                f"The file of {self._model.name} cannot be rewritten to {self._facts['dtype']}: "
                f"{one_line(error)}"
            ) from error
        if not nodes:
            raise EngineError(
                f"No operator of {self._model.name} can compute in {self._facts['dtype']}, so {self.kind} "
                "would be plain ONNX Runtime: choose that."
            )
        self._facts |= {"quantized_nodes": nodes, "nodes": len(model.graph.node)}
        rewritten: bytes = model.SerializeToString()
        return rewritten


def _int8_dynamic(data: bytes, _: ZooModel) -> tuple[ModelProto, int]:
    """Weights in int8; the ranges of what flows are found anew in each call."""
    from onnxruntime.quantization import quantize_dynamic

    with _prepared(data) as (source, target):
        quantize_dynamic(source, target)
        model = onnx.load_model(target)
    return model, sum(node.op_type in _DYNAMIC for node in model.graph.node)


def _int8_static(data: bytes, made: ZooModel) -> tuple[ModelProto, int]:
    """Weights and what flows in int8, by ranges that examples have shown."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    class Reader(CalibrationDataReader):  # type: ignore[misc] # it ships no types
        def __init__(self, names: list[str]) -> None:
            self._feeds = iter([_feed(made, names, seed) for seed in CALIBRATION_SEEDS])

        def get_next(self) -> Any:  # noqa: ANN401 - as its base has it
            return next(self._feeds, None)

    with _prepared(data) as (source, target):
        names = [each.name for each in onnx.load_model(source).graph.input]
        quantize_static(source, target, Reader(names), quant_format=QuantFormat.QDQ)
        model = onnx.load_model(target)
    can = QLinearOpsRegistry.keys() | QDQRegistry.keys()
    widened = {
        name for node in model.graph.node if node.op_type == "DequantizeLinear" for name in node.output
    }
    nodes = sum(
        node.op_type in can and bool(node.input) and node.input[0] in widened for node in model.graph.node
    )
    return model, nodes


def _float16(data: bytes, _: ZooModel) -> tuple[ModelProto, int]:
    """Weights and what flows in float16, inputs and outputs in float32."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(onnx.load_model_from_string(data), keep_io_types=True)
    inferred = onnx.shape_inference.infer_shapes(model)
    half = {
        each.name
        for each in inferred.graph.value_info
        if each.type.tensor_type.elem_type == TensorProto.FLOAT16
    }
    nodes = sum(
        node.op_type not in {"Cast", "Constant"} and any(name in half for name in node.output)
        for node in model.graph.node
    )
    return model, nodes


_REWRITES: Final[Mapping[EngineKind, _Rewrite]] = MappingProxyType({
    EngineKind.ORT_INT8_DYNAMIC: _int8_dynamic,
    EngineKind.ORT_INT8_STATIC: _int8_static,
    EngineKind.ORT_FLOAT16: _float16,
})  # fmt: skip


@contextmanager
def _prepared(data: bytes) -> Iterator[tuple[str, str]]:
    """A file with what ONNX Runtime wants done before quantization, and a path for what comes out."""
    from onnxruntime.quantization import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        source, ready, target = (str(Path(folder, f"{name}.onnx")) for name in ("source", "ready", "target"))
        Path(source).write_bytes(data)
        # Its inference with symbols needs SymPy, which is not installed with it.
        quant_pre_process(source, ready, skip_symbolic_shape=True)
        yield ready, target


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what ONNX Runtime's tools say out of the log: what is wrong comes as an exception."""
    import onnxruntime as ort

    was, handlers = logging.root.manager.disable, list(logging.root.handlers)
    logging.disable(logging.WARNING)
    # Their sessions take no options of ours.
    ort.set_default_logger_severity(_FATAL)
    try:
        yield
    finally:
        ort.set_default_logger_severity(_WARNING)
        logging.disable(was)
        # They log by functions of the module, which give the root a handler where it has none.
        logging.root.handlers[:] = handlers


def _feed(made: ZooModel, names: list[str], seed: int) -> dict[str, Any]:
    tensors = made.example_inputs(CALIBRATION_BATCH, InputKind.NORMAL, seed)
    if set(names) <= set(made.input_names):
        known = dict(zip(made.input_names, tensors, strict=True))
        return {name: known[name].numpy() for name in names}
    return {name: tensor.numpy() for name, tensor in zip(names, tensors, strict=True)}
