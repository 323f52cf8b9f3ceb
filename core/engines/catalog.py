"""Every engine there is: what it does, whether it can be had here, and how to make one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import torch

from core.engines.compiled import CompiledEngine, why_not_compiled
from core.engines.engine import EngineError, EngineKind, EngineOptions, InferenceEngine
from core.engines.ort import PROVIDERS, OnnxRuntimeEngine
from core.engines.pytorch import PyTorchEngine
from core.engines.quantized import QuantizedEngine
from core.engines.torchscript import TorchScriptEngine
from core.export.providers import providers
from core.zoo import ZooModel

_WORDS: Final[Mapping[EngineKind, tuple[str, str]]] = MappingProxyType({
    EngineKind.EAGER: (
        "Eager PyTorch", "The module called in inference mode, one operator after the other."
    ),
    EngineKind.EAGER_GRAD: (
        "Eager, recording gradients", "The same call without inference mode: what a forgotten one costs."
    ),
    EngineKind.CHANNELS_LAST: (
        "Eager, channels last", "Images with the channels of a pixel side by side, as convolutions like them."
    ),
    EngineKind.BFLOAT16: (
        "Eager, bfloat16", "Weights and inputs in 16 bits with the range of float32 and three digits."
    ),
    EngineKind.FLOAT16: (
        "Eager, float16", "Weights and inputs in 16 bits with four digits and numbers up to 65,504."
    ),
    EngineKind.COMPILED: (
        "torch.compile", "The module translated to C++ by its first call, which takes seconds to minutes."
    ),
    EngineKind.TORCHSCRIPT: (
        "TorchScript", "The module traced on an example and frozen: PyTorch's older graph, now deprecated."
    ),
    EngineKind.CUDA: ("Eager on a GPU", "The module on an NVIDIA or AMD GPU, its inputs there already."),
    EngineKind.MPS: ("Eager on Apple's GPU", "The module on Apple's GPU by Metal, its inputs there already."),
    EngineKind.ORT: ("ONNX Runtime", "The exported graph, optimized and run on the processor."),
    EngineKind.ORT_INT8_DYNAMIC: (
        "ONNX Runtime, int8 dynamic", "Weights in 8 bits; the ranges of what flows are found in each call."
    ),
    EngineKind.ORT_INT8_STATIC: (
        "ONNX Runtime, int8 static", "Weights and what flows in 8 bits, by ranges that examples have shown."
    ),
    EngineKind.ORT_FLOAT16: (
        "ONNX Runtime, float16", "The graph in 16 bits; a processor mostly computes it in 32 all the same."
    ),
    EngineKind.ORT_CUDA: ("ONNX Runtime, CUDA", "The graph on an NVIDIA GPU, its inputs and outputs there."),
    EngineKind.ORT_TENSORRT: (
        "ONNX Runtime, TensorRT", "The graph built into NVIDIA's own engine, which takes minutes to load."
    ),
    EngineKind.ORT_MIGRAPHX: ("ONNX Runtime, MIGraphX", "The graph on an AMD GPU, its inputs copied there."),
    EngineKind.ORT_COREML: ("ONNX Runtime, CoreML", "The graph on Apple's chips, wherever CoreML puts it."),
    EngineKind.ORT_OPENVINO: (
        "ONNX Runtime, OpenVINO", "The graph on Intel's processors and GPUs, by Intel's library."
    ),
    EngineKind.ORT_DIRECTML: (
        "ONNX Runtime, DirectML", "The graph on any GPU of Windows, its inputs and outputs there."
    ),
})  # fmt: skip


@dataclass(frozen=True)
class EngineInfo:
    """One engine of the list.

    Attributes:
        kind: what `create` takes.
        title: what a menu says.
        about: one sentence for a newcomer.
        available: whether it can be had here.
        reason: why not; empty if it can.
    """

    kind: EngineKind
    title: str
    about: str
    available: bool
    reason: str


def title(name: str) -> str:
    """What a menu calls an engine of this name; the name itself if there is no such engine."""
    return _WORDS[EngineKind(name)][0] if name in tuple(EngineKind) else name


def available() -> list[EngineInfo]:
    """Every engine, those that can be had here first, else in the order of `EngineKind`."""
    reasons = _reasons()
    found = [EngineInfo(kind, *_WORDS[kind], not reasons[kind], reasons[kind]) for kind in EngineKind]
    return sorted(found, key=lambda each: not each.available)


def create(
    kind: EngineKind | str,
    model: ZooModel,
    options: EngineOptions = EngineOptions(),  # noqa: B008 - it cannot be changed
    *,
    onnx_data: bytes | None = None,
) -> InferenceEngine:
    """An engine that is not loaded yet.

    Args:
        kind: which, by its name.
        model: what it shall run; it stays as it is.
        options: its settings.
        onnx_data: for ONNX Runtime, the float32 file of this model (see `export_onnx`); None to export it
            when the engine is loaded.

    Raises:
        EngineError: if there is no such engine, or it cannot be had here.
    """
    if kind not in tuple(EngineKind):
        raise EngineError(f"There is no engine {str(kind)[:40]!r}: choose one of {', '.join(EngineKind)}.")
    kind = EngineKind(kind)
    reason = _reasons()[kind]
    if reason:
        raise EngineError(f"{_WORDS[kind][0]} cannot be had here. {reason}")
    if kind in {EngineKind.ORT_INT8_DYNAMIC, EngineKind.ORT_INT8_STATIC, EngineKind.ORT_FLOAT16}:
        return QuantizedEngine(kind, model, options, onnx_data)
    if kind in PROVIDERS:
        return OnnxRuntimeEngine(kind, model, options, onnx_data)
    if kind is EngineKind.COMPILED:
        return CompiledEngine(kind, model, options)
    if kind is EngineKind.TORCHSCRIPT:
        return TorchScriptEngine(kind, model, options)
    return PyTorchEngine(kind, model, options)


def _reasons() -> dict[EngineKind, str]:
    """Why each engine cannot be had here; empty for one that can."""
    found = dict.fromkeys(EngineKind, "")
    found[EngineKind.COMPILED] = why_not_compiled()
    found[EngineKind.CUDA] = _why_no_cuda()
    found[EngineKind.MPS] = _why_no_mps()
    by_name = {each.name: each.reason for each in providers()}
    return found | {kind: by_name[name] for kind, name in PROVIDERS.items()}


def _why_no_cuda() -> str:
    if torch.cuda.is_available():
        return ""
    if torch.version.cuda is None and torch.version.hip is None:
        return "This build of PyTorch has neither CUDA nor ROCm."
    return "PyTorch sees no NVIDIA or AMD GPU: no card, no driver, or none that this process may use."


def _why_no_mps() -> str:
    if torch.backends.mps.is_available():
        return ""
    where = "This Mac has no GPU that PyTorch can use." if sys.platform == "darwin" else ""
    return where or "Metal is there on Apple's machines only."
