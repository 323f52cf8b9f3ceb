"""What ONNX Runtime could run a model on here, and why it cannot on the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.machine import find_gpus, why_no_gpu

_WHAT: Final = {
    "CPUExecutionProvider": ("processor", ""),
    "CUDAExecutionProvider": ("NVIDIA GPU, by CUDA", "onnxruntime-gpu"),
    "TensorrtExecutionProvider": ("NVIDIA GPU, by TensorRT", "onnxruntime-gpu"),
    "MIGraphXExecutionProvider": ("AMD GPU, by MIGraphX", "onnxruntime-migraphx"),
    "CoreMLExecutionProvider": ("Apple's chips", "onnxruntime on macOS"),
    "OpenVINOExecutionProvider": ("Intel's processors and GPUs", "onnxruntime-openvino"),
    "DmlExecutionProvider": ("any GPU on Windows", "onnxruntime-directml"),
    "AzureExecutionProvider": ("a model on Azure, over the network", ""),
}
_AZURE: Final = "AzureExecutionProvider"
_NVIDIA: Final = frozenset({"CUDAExecutionProvider", "TensorrtExecutionProvider"})


@dataclass(frozen=True)
class Provider:
    """One of ONNX Runtime's execution providers.

    Attributes:
        name: ONNX Runtime's.
        runs_on: what it needs, in words.
        available: whether this build of ONNX Runtime has it.
        reason: why it cannot be used here; empty if it can.
    """

    name: str
    runs_on: str
    available: bool
    reason: str


def providers() -> tuple[Provider, ...]:
    """The execution providers that are in wide use, those available first."""
    import onnxruntime as ort

    there = set(ort.get_available_providers())
    found = [
        Provider(name, runs_on, name in there, _reason(name, package, name in there))
        for name, (runs_on, package) in _WHAT.items()
    ]
    found += [Provider(name, "", True, "") for name in sorted(there - _WHAT.keys())]
    return tuple(sorted(found, key=lambda each: not each.available))


def _reason(name: str, package: str, there: bool) -> str:
    if name == _AZURE and there:
        return "It sends the inputs to a service elsewhere, which this app never does."
    no_gpu = name in _NVIDIA and not find_gpus()
    gpu = f"No GPU here: {why_no_gpu()}." if no_gpu else ""
    return gpu if there else f"This build of ONNX Runtime does not have it; {package} does. {gpu}".rstrip()
