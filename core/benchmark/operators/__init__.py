"""Where the time goes: ONNX Runtime's own profile and PyTorch's, operator by operator, on the graph."""

from core.benchmark.operators.measurement import OperatorsPlan, operators
from core.benchmark.operators.profile import (
    Clock,
    EagerSide,
    GraphNode,
    Kernel,
    ModuleTime,
    NodeState,
    OnnxSide,
    Operator,
    OperatorProfile,
    Part,
)

__all__ = [
    "Clock",
    "EagerSide",
    "GraphNode",
    "Kernel",
    "ModuleTime",
    "NodeState",
    "OnnxSide",
    "Operator",
    "OperatorProfile",
    "OperatorsPlan",
    "Part",
    "operators",
]
