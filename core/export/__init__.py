"""From a PyTorch model to an ONNX file that other languages run: export, check, look inside."""

from core.export.exporter import ExportedModel, export, to_onnx
from core.export.parity import Parity, check_parity
from core.export.plan import Exporter, ExportError, ExportPlan

__all__ = [
    "ExportError",
    "ExportPlan",
    "ExportedModel",
    "Exporter",
    "Parity",
    "check_parity",
    "export",
    "to_onnx",
]
