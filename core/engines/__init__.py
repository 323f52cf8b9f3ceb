"""Many ways to run one model, behind one interface: eager, compiled, ONNX Runtime and its kin."""

from core.engines.catalog import EngineInfo, available, create, title
from core.engines.engine import (
    Array,
    EngineError,
    EngineKind,
    EngineOptions,
    Fact,
    InferenceEngine,
    Optimization,
    Spin,
)
from core.engines.ort import export_onnx

__all__ = [
    "Array",
    "EngineError",
    "EngineInfo",
    "EngineKind",
    "EngineOptions",
    "Fact",
    "InferenceEngine",
    "Optimization",
    "Spin",
    "available",
    "create",
    "export_onnx",
    "title",
]
