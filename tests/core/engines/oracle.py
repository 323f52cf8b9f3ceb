"""What the engines are compared with: the same module in float64, called by hand."""

import copy
import inspect
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core import zoo
from core.engines import EngineKind, EngineOptions, available, export_onnx
from core.engines.engine import Array
from core.engines.ort import PROVIDERS
from core.zoo import Input, ZooModel

MODELS = ("scalar_linear", "simple_mlp", "cnn", "lstm", "transformer", "keywords", "dict_output")
QUICK = tuple(each.kind for each in available() if each.available and each.kind is not EngineKind.COMPILED)
"""Those that can be had here; the compiled one has a file of its own, because it takes seconds."""
ORT_KINDS = tuple(kind for kind in QUICK if kind in PROVIDERS)
TOLERANCES = {"float32": 1e-5, "float16": 2e-3, "bfloat16": 2e-2, "int8": 6e-2}
"""By dtype: of the largest number of an output, or of 1."""
ON_GPU = 2e-3
"""The same for accelerators, which may round the inputs of convolutions to TF32."""


def options() -> EngineOptions:
    """As many threads as PyTorch has here: it takes no others."""
    return EngineOptions(threads=torch.get_num_threads())


@cache
def onnx_of(name: str) -> bytes:
    """The file of a model of the zoo, exported once."""
    return export_onnx(zoo.build(name))


def given(kind: EngineKind, name: str) -> bytes | None:
    """The file, for an engine that wants one."""
    return onnx_of(name) if kind in ORT_KINDS else None


def expected(made: ZooModel, inputs: Sequence[Tensor]) -> list[NDArray[np.float64]]:
    """The outputs in float64."""
    module = copy.deepcopy(made.module).eval().double()
    args, kwargs = made.arguments([each.double() for each in inputs])
    with torch.no_grad():
        output = module(*args, **kwargs)
    found = list(output.values()) if isinstance(output, dict) else [output]
    return [each.numpy() for each in found]


def apart(outputs: Sequence[Array], others: Sequence[Array]) -> float:
    """The largest difference by the largest number of its output, or by 1."""
    assert len(outputs) == len(others)
    assert [each.shape for each in outputs] == [each.shape for each in others]
    pairs = [(np.float64(one), np.float64(other)) for one, other in zip(outputs, others, strict=True)]
    return max(float(np.abs(one - other).max() / max(1, np.abs(other).max())) for one, other in pairs)


def custom(module: nn.Module, *shapes: tuple[int, ...]) -> ZooModel:
    """A model of a test's own, with an input per shape."""
    names = inspect.signature(module.forward).parameters
    inputs = tuple(Input(name, shape) for name, shape in zip(names, shapes, strict=True))
    return ZooModel("custom", "Custom", "One of a test.", module, inputs)
