"""The command that builds and times a TensorRT engine: `trtexec`."""

from __future__ import annotations

import shlex
from typing import Final

from core.export.snippets.run import Input, Run, UnfitError, shown

_TYPES: Final = frozenset({"float", "float16", "bfloat16", "int8", "int32", "int64", "uint8", "bool"})
_LARGEST: Final = 8
"""How many times larger than in the other programs an open size may be."""

_NOTE: Final = "It fills the inputs at random, so its outputs differ from those of the other programs."


def write(run: Run) -> tuple[str, str]:
    """The command, for a POSIX shell, and a note.

    Raises:
        UnfitError: if TensorRT has not the type of an input, or `trtexec` cannot be told a name.
    """
    run = run.limited("TensorRT", _TYPES)
    if not run.file_name.isprintable():
        raise UnfitError(
            f"The file name {shown(run.file_name)} holds what a terminal does not show: rename it."
        )
    options = [f"--onnx={run.file_name}", "--saveEngine=model.plan"]
    dynamic = [each for each in run.inputs if any(each.open_axes)]
    if dynamic:
        options += [
            f"--minShapes={','.join(_shape(each, low=True) for each in dynamic)}",
            f"--optShapes={','.join(_shape(each) for each in dynamic)}",
            f"--maxShapes={','.join(_shape(each, times=_LARGEST) for each in dynamic)}",
        ]
    options.append("--dumpOutput")
    code = " \\\n    ".join(["trtexec", *map(shlex.quote, options)]) + "\n"
    return code, " ".join(part for part in (run.note, _NOTE) if part)


def _shape(each: Input, *, low: bool = False, times: int = 1) -> str:
    """An input as `trtexec` takes it, `name:2x10`; a name with a colon in quotes of its own."""
    if not each.name.isprintable() or any(character in each.name for character in "',"):
        raise UnfitError(
            f"`trtexec` cannot be told the shape of input {shown(each.name)}: it splits its list at commas "
            "and quotes. Rename the input."
        )
    name = f"'{each.name}'" if ":" in each.name else each.name
    sizes = [
        min(1, size) if is_open and low else size * times if is_open else size
        for size, is_open in zip(each.shape, each.open_axes, strict=True)
    ]
    return f"{name}:{'x'.join(map(str, sizes))}"
