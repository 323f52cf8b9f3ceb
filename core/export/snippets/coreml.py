"""The program for Core ML: from PyTorch if we have the model, else ONNX Runtime's Core ML provider."""

from __future__ import annotations

from typing import Final

from core.export.snippets import python, quoting
from core.export.snippets.run import Run

_PROGRAM: Final = """\
import math

import coremltools as ct
import numpy as np
import torch

from core.export.specimens import build

model = build(«MODEL», seed=«SEED»)
arguments, keywords = model.arguments(model.example_inputs(«BATCH»))
with torch.no_grad():
    exported = torch.export.export(model.module.eval(), arguments, keywords)
package = ct.convert(exported.run_decompositions({}), compute_precision=ct.precision.FLOAT32)
package.save(«PACKAGE»)

# From here on it needs a Mac.
inputs = {}
for each in package.get_spec().description.input:
    shape = tuple(each.type.multiArrayType.shape)
    ramp = np.arange(math.prod(shape)) % 61 / 64
    inputs[each.name] = ramp.astype(np.float32).reshape(shape)
for name, array in package.predict(inputs).items():
    print(name, array.shape, *(f"{number:.6g}" for number in array.ravel()[:8]))
"""

_FROM_TORCH: Final = (
    "coremltools no longer converts ONNX files: it starts from torch.export. This starts from the same "
    "PyTorch model; run it in a copy of this app."
)
_FROM_ONNX: Final = (
    "coremltools no longer converts ONNX files: it starts from torch.export, so go back to the model in "
    "PyTorch if there is one. Otherwise ONNX Runtime on a Mac can hand the graph to Core ML, as this program "
    "does."
)


def write(run: Run, model: str, seed: int = 0) -> tuple[str, str]:
    """The program, in Python, and a note.

    Args:
        run: what it does.
        model: the short name of the model of this app that the graph comes from; empty if none.
        seed: of its weights.

    Raises:
        UnfitError: if an input is of a type that NumPy does not have.
    """
    if not model:
        code, note = python.write(run, ("CoreMLExecutionProvider", "CPUExecutionProvider"))
        return code, " ".join(part for part in (_FROM_ONNX, note) if part)
    code = quoting.fill(
        _PROGRAM,
        {
            "MODEL": quoting.python(model),
            "SEED": str(seed),
            "BATCH": str(_batch(run)),
            "PACKAGE": quoting.python(f"{model}.mlpackage"),
        },
    )
    return code, _FROM_TORCH


def _batch(run: Run) -> int:
    """The first size that the graph leaves open; 2 if it leaves none open."""
    sizes = [
        size
        for each in run.inputs
        for size, is_open in zip(each.shape, each.open_axes, strict=True)
        if is_open
    ]
    return max(1, sizes[0]) if sizes else 2
