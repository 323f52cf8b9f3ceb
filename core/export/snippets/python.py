"""The program in Python, for ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from core.export.snippets import quoting
from core.export.snippets.run import Input, Run

_TYPES: Final = MappingProxyType({
    "float": "np.float32", "double": "np.float64", "float16": "np.float16", "int8": "np.int8",
    "int16": "np.int16", "int32": "np.int32", "int64": "np.int64", "uint8": "np.uint8", "uint16": "np.uint16",
    "uint32": "np.uint32", "uint64": "np.uint64", "bool": "np.bool_", "string": "np.str_",
})  # fmt: skip

_PROGRAM: Final = '''\
import math

import numpy as np
import onnxruntime as ort


def filled(dtype, *shape):
    """Simple numbers, the same in every language: 64ths are exact in every floating-point type."""
    i = np.arange(math.prod(shape))
    numbers = i % 61 / 64 if issubclass(dtype, np.floating) else i % 2
    return numbers.astype(dtype).reshape(shape)


def shown(number):
    if isinstance(number, str):
        return number
    return f"{number:.6g}" if isinstance(number, float) else f"{number:d}"


session = ort.InferenceSession(«FILE», providers=«PROVIDERS»)
inputs = «INPUTS»
outputs = «OUTPUTS»
for name, array in zip(outputs, session.run(outputs, inputs)):
    print(name, array.shape, *(shown(number) for number in array.ravel()[:8].tolist()))
'''


def write(run: Run, providers: Sequence[str] = ("CPUExecutionProvider",)) -> tuple[str, str]:
    """The program and a note.

    Args:
        run: what it does.
        providers: where ONNX Runtime runs it, the first choice first.

    Raises:
        UnfitError: if an input is of a type that NumPy does not have.
    """
    run = run.limited("Python", _TYPES, c_names=False)
    inputs = "".join(f"    {quoting.python(each.name)}: {_tensor(each)},\n" for each in run.inputs)
    parts = {
        "FILE": quoting.python(run.file_name),
        "PROVIDERS": quoting.listed(providers, quoting.python),
        "INPUTS": f"{{\n{inputs}}}" if inputs else "{}",
        "OUTPUTS": quoting.listed([each.name for each in run.outputs], quoting.python),
    }
    return quoting.fill(_PROGRAM, parts), run.note


def _tensor(each: Input) -> str:
    return f"filled({', '.join([_TYPES[each.dtype], *map(str, each.shape)])})"
