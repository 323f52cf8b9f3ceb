"""What would have to be allowed for a file to load, as a program; or why nothing should be.

torch's `weights_only` unpickler refuses every name that it does not know: `torch.serialization.safe_globals`
tells it more. Whether to do so is for whoever knows the code; what runs programs is for nobody to allow.
"""

from __future__ import annotations

import importlib
import io
import keyword
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from core.pickles.formats import Format
from core.pickles.globals import ALLOWED, GlobalUse, classify
from core.pickles.lab import programs, wrappers
from core.pickles.lab.assembler import Assembler, Name
from core.pickles.member import shown
from core.pickles.report import ScanReport
from core.pickles.rules.torch_types import LOAD_FROM_BYTES
from core.pickles.verdict import Verdict

MOST_NAMES: Final = 200
_TORCH: Final = frozenset({Format.TORCH_ZIP, Format.TORCH_LEGACY})
_BARE: Final = frozenset({Format.PICKLE})
_NO_CODE: Final = frozenset({Format.SAFETENSORS, Format.ONNX, Format.NPY, Format.NPZ})
_LONGEST_NAME: Final = 200
_DTYPE: Final = re.compile(r"\('(b1|[iu][1248]|f[248]|c8|c16|[mM]8|O8?|[SUV][0-9]{1,6})', ")
"""The codes that NumPy writes for its own types."""
_OWN_LIST: Final = "`pickle` has no list: this unpickler gives exactly these names and refuses every other."
_INNER_LOAD: Final = (
    " `torch.storage._load_from_bytes` loads a file within the file, with no list at all: use this on this "
    "very file only, which was looked through to its end."
)


class Standing(StrEnum):
    """What stands to be said of a name."""

    KNOWN = "known"
    """`weights_only=True` takes it as it is."""
    ASKED = "asked"
    """It has to be allowed, by someone who knows its code."""
    FORBIDDEN = "forbidden"
    """It must never be allowed."""


@dataclass(frozen=True)
class NamedGlobal:
    """A name that a file uses.

    Attributes:
        full: module and name.
        standing: what stands to be said of it.
        reason: why, in words that follow the name.
    """

    full: str
    standing: Standing
    reason: str


@dataclass(frozen=True)
class Allowance:
    """What would have to be allowed.

    Attributes:
        names: all that the file names, those to be decided on first.
        program: loads the file with exactly that allowed; empty if there is none.
        refusal: why there is no program, in one line; empty if there is.
        note: one line to read with it; often empty.
    """

    names: tuple[NamedGlobal, ...]
    program: str
    refusal: str
    note: str = ""

    @property
    def asked(self) -> tuple[str, ...]:
        """The names that have to be allowed."""
        return tuple(each.full for each in self.names if each.standing is Standing.ASKED)


@dataclass(frozen=True)
class Conversion:
    """Programs that write a file in a format that cannot name code.

    Attributes:
        safetensors: for its tensors; empty if there is none.
        onnx: for the model; empty if there is none.
        note: why one is missing, in one line; empty if none is.
    """

    safetensors: str
    onnx: str
    note: str


def allowance(report: ScanReport) -> Allowance:
    """What would have to be allowed for a file to load, by its scan. Nothing of the file's is imported.

    Args:
        report: of the scan. A file that could not be read wholly, or that is dangerous, gets no program.
    """
    uses = list({(each.use.module, each.use.name): each.use for each in report.globals}.values())
    names = tuple(sorted(_standings(uses, report), key=lambda each: _ORDER.index(each.standing)))
    refusal = _refusal(report, names)
    if refusal:
        return Allowance(names, "", refusal)
    file_name = _file_name(report.name)
    asked = [
        use for use in uses if _full(use) in {each.full for each in names if each.standing is Standing.ASKED}
    ]
    if report.format in _TORCH:
        references = [*map(_reference, asked), *_dtype_classes(report)]
        return Allowance(names, programs.torch_load(file_name, references), "", _note(asked))
    references = [programs.Reference(use.module, use.name, use.written) for use in uses]
    within = _INNER_LOAD if any(_full(use) == LOAD_FROM_BYTES for use in uses) else ""
    return Allowance(names, programs.bare_load(file_name, references), "", f"{_OWN_LIST}{within}")


def conversion(
    report: ScanReport, allowed: Allowance, *, shape: Sequence[int] = (10,), model: str = "", source: str = ""
) -> Conversion:
    """Programs that load a file with its list of what is allowed and write it in another format.

    Args:
        report: of the scan.
        allowed: what `allowance` gives for it.
        shape: of one example of the model's input, without the batch.
        model: the expression that makes the model, for a file that has its weights only.
        source: the import that the expression needs.
    """
    if allowed.refusal:
        return Conversion("", "", f"There is no program to convert it. {allowed.refusal}")
    stem = PurePosixPath(_file_name(report.name)).stem or "model"
    if not any(each.full.startswith(("torch.", "numpy.")) for each in allowed.names):
        return Conversion("", "", "It names no tensor and no array: there is nothing to convert.")
    tensors = programs.to_safetensors(allowed.program, f"{stem}.safetensors")
    graph = any(each.full.startswith("torch.nn.modules.") for each in allowed.names)
    if not graph and not model:
        return Conversion(
            tensors, "", "It has tensors and no model: ONNX is a graph, and needs the model's code."
        )
    load_into, needs = ("", "") if graph else (model, source)
    return Conversion(tensors, programs.to_onnx(allowed.program, f"{stem}.onnx", shape, load_into, needs), "")


def known_to_torch(names: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Which of some names `weights_only=True` takes as they are.

    Asked of the installed torch itself: a checkpoint is written that has these names in it, and torch says
    which of them it would refuse. Nothing is unpickled, and nothing imported.
    """
    from torch.serialization import get_unsafe_globals_in_checkpoint

    asked = [pair for pair in names if _is_written(*pair)]
    assembler = Assembler(2)
    assembler.op("MARK")
    for module, name in asked:
        assembler.put(Name(module, name))
    assembler.op("TUPLE")
    assembler.stop()
    refused = get_unsafe_globals_in_checkpoint(io.BytesIO(wrappers.torch_zip(assembler.data)))
    return frozenset(f"{module}.{name}" for module, name in asked) - frozenset(refused)


_ORDER: Final = (Standing.FORBIDDEN, Standing.ASKED, Standing.KNOWN)


def _standings(uses: Sequence[GlobalUse], report: ScanReport) -> Iterable[NamedGlobal]:
    known = known_to_torch((use.module, use.name) for use in uses[:MOST_NAMES])
    for use in uses[:MOST_NAMES]:
        full = shown(_full(use), _LONGEST_NAME)
        verdict, why = classify(use.module, use.name)
        if Verdict.DANGEROUS in (verdict, use.verdict):
            yield NamedGlobal(full, Standing.FORBIDDEN, why)
        elif not _is_importable(use.module, use.name):
            yield NamedGlobal(full, Standing.FORBIDDEN, "is no name that Python can import")
        elif _full(use) == LOAD_FROM_BYTES and report.format in _TORCH:
            yield NamedGlobal(full, Standing.FORBIDDEN, "loads a file within the file, with no list at all")
        elif _full(use) in known and report.format in _TORCH:
            yield NamedGlobal(full, Standing.KNOWN, "is on torch's own list")
        elif verdict is Verdict.DATA_ONLY:
            beyond = ", and not on torch's list" if report.format in _TORCH else ""
            yield NamedGlobal(full, Standing.ASKED, f"{why}{beyond}")
        else:
            yield NamedGlobal(full, Standing.ASKED, "is somebody's code: read it before it is allowed")


def _refusal(report: ScanReport, names: Sequence[NamedGlobal]) -> str:
    if report.verdict is Verdict.COULD_NOT_READ:
        return "Not all of the file was understood: whatever is allowed would be a guess."
    forbidden = [each for each in names if each.standing is Standing.FORBIDDEN]
    if forbidden:
        return f"Never allow {forbidden[0].full}: it {forbidden[0].reason}. Do not load this file."
    if report.verdict is Verdict.DANGEROUS:
        return "It is dangerous whatever is allowed: do not load this file."
    if len(names) >= MOST_NAMES:
        return f"It names {MOST_NAMES} things or more: nobody would read the list."
    if report.format not in _TORCH | _BARE:
        if report.format in _NO_CODE and not report.globals:
            return f"{report.format.value} names no code: there is nothing to allow."
        return (
            f"What loads {report.format.value} has no list of what is allowed: take out the pickle in it, "
            "and look at that."
        )
    return ""


def _note(asked: Sequence[GlobalUse]) -> str:
    if not asked:
        return "There is nothing to allow: `weights_only=True` loads the file as it is."
    return "To allow a class is to trust its code: what makes it and sets its state runs when the file loads."


def _reference(use: GlobalUse) -> programs.Reference:
    """How the program names a global: with the name in the file, where the object calls itself otherwise."""
    own = ""
    if _full(use) in ALLOWED:
        # On our own list: of Python, NumPy or torch, and imported to see what it calls itself.
        try:
            found = getattr(importlib.import_module(use.module), use.name)
            own = f"{found.__module__}.{found.__qualname__}"
        except (ImportError, AttributeError):
            own = _full(use)
        own = "" if own == _full(use) else _full(use)
    return programs.Reference(use.module, use.name, own)


def _dtype_classes(report: ScanReport) -> list[programs.Reference]:
    """The classes of NumPy's dtypes: `numpy.dtype('f4')` gives an object of another class than it names."""
    import numpy as np

    found: dict[str, programs.Reference] = {}
    for each in report.calls:
        code = _DTYPE.match(each.call.arguments) if each.call.function == "numpy.dtype" else None
        if code is not None:
            kind = type(np.dtype(code[1]))
            found[kind.__name__] = programs.Reference(kind.__module__, kind.__name__)
    return list(found.values())


def _full(use: GlobalUse) -> str:
    return f"{use.module}.{use.name}"


def _is_written(module: str, name: str) -> bool:
    return all(part.isidentifier() for part in (*module.split("."), *name.split(".")))


def _is_importable(module: str, name: str) -> bool:
    parts = (*module.split("."), name)
    return all(part.isidentifier() and part.isascii() and not keyword.iskeyword(part) for part in parts)


def _file_name(name: str) -> str:
    """The name that a program opens: a plain one, whatever the file is called."""
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "_" for sign in last)
    return plain[-100:].lstrip("-") or "model.pt"
