"""The formats that files and their members have, and what the names of files promise."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Format(StrEnum):
    """What a file or a member is."""

    PICKLE = "pickle"
    JOBLIB = "joblib"
    TORCH_ZIP = "torch zip"
    TORCH_LEGACY = "torch legacy"
    TORCH_TAR = "torch tar"
    TORCHSCRIPT = "TorchScript"
    TORCH_EXPORT = "torch.export"
    TORCH_PACKAGE = "torch.package"
    TAR = "tar"
    ZIP = "zip"
    NPY = "npy"
    NPZ = "npz"
    GZIP = "gzip"
    BZ2 = "bz2"
    XZ = "xz"
    LZMA = "lzma"
    ZLIB = "zlib"
    LZ4 = "lz4"
    ZFILE = "zfile"
    SAFETENSORS = "safetensors"
    ONNX = "ONNX"
    GGUF = "GGUF"
    HDF5 = "HDF5"
    PROGRAM = "program"
    ARCHIVE = "other archive"
    NUMBERS = "numbers"
    TEXT = "text"
    EMPTY = "empty"
    UNKNOWN = "unknown"


COMPRESSED: Final = frozenset(
    {Format.GZIP, Format.BZ2, Format.XZ, Format.LZMA, Format.ZLIB, Format.LZ4, Format.ZFILE}
)
TORCH_ZIPS: Final = frozenset(
    {Format.TORCH_ZIP, Format.TORCHSCRIPT, Format.TORCH_EXPORT, Format.TORCH_PACKAGE}
)
ZIPS: Final = TORCH_ZIPS | {Format.ZIP, Format.NPZ}

_PICKLES: Final = (COMPRESSED | TORCH_ZIPS) | {
    Format.PICKLE, Format.JOBLIB, Format.TORCH_LEGACY, Format.TORCH_TAR, Format.ZIP, Format.TAR,
}  # fmt: skip
_TORCH: Final = TORCH_ZIPS | {Format.PICKLE, Format.TORCH_LEGACY, Format.TORCH_TAR, Format.ZIP}
_CODE: Final = _PICKLES | {Format.PROGRAM}
EXPECTED: Final[Mapping[str, frozenset[Format]]] = MappingProxyType({
    ".safetensors": frozenset({Format.SAFETENSORS}),
    ".onnx": frozenset({Format.ONNX}),
    ".gguf": frozenset({Format.GGUF}),
    ".h5": frozenset({Format.HDF5}),
    ".hdf5": frozenset({Format.HDF5}),
    ".npy": frozenset({Format.NPY}),
    ".npz": frozenset({Format.NPZ, Format.ZIP}),
    ".pkl": _PICKLES,
    ".pickle": _PICKLES,
    ".joblib": _PICKLES,
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".pt2": _TORCH,
    ".ckpt": _TORCH | {Format.HDF5},
    ".tar": frozenset({Format.TAR, Format.TORCH_TAR}),
    ".zip": ZIPS,
    ".keras": frozenset({Format.ZIP}),
    ".gz": frozenset({Format.GZIP}),
    ".tgz": frozenset({Format.GZIP}),
    ".bz2": frozenset({Format.BZ2}),
    ".xz": frozenset({Format.XZ}),
    ".lzma": frozenset({Format.LZMA, Format.XZ}),
    ".lz4": frozenset({Format.LZ4}),
    ".json": frozenset({Format.TEXT}),
    ".txt": frozenset({Format.TEXT, Format.EMPTY}),
    ".md": frozenset({Format.TEXT, Format.EMPTY}),
    ".yaml": frozenset({Format.TEXT, Format.EMPTY}),
    ".csv": frozenset({Format.TEXT, Format.EMPTY}),
})  # fmt: skip
"""The formats that a name's ending stands for."""


_MODELS: Final = frozenset(EXPECTED) - {".json", ".txt", ".md", ".yaml", ".csv"}
_TORCH_ENDINGS: Final = frozenset({".pt", ".pth", ".ckpt"})


def promises(name: str) -> bool:
    """Whether a file's name stands for any format."""
    return _ending(name) in EXPECTED


def _ending(name: str) -> str:
    return name[name.rfind(".") :].lower() if "." in name else ""


def unloadable(name: str, kind: Format) -> str:
    """Why no loader of such files reads it, in one line; empty if one may, or if it could be code."""
    ending = _ending(name)
    if ending in _TORCH_ENDINGS and kind is Format.ZIP:
        return f"it is named {ending}, and is a zip in which torch finds no data.pkl"
    if ending not in _MODELS or kind in EXPECTED[ending] or kind in _CODE:
        return ""
    return f"it is named {ending}, and is {kind.value}: no loader of such files reads it"


def misnamed(name: str, kind: Format) -> str:
    """What is wrong with a file's name, in one line; empty if nothing is."""
    ending = _ending(name)
    expected = EXPECTED.get(ending)
    if expected is None or kind in expected or kind not in _CODE:
        return ""
    return f"It is named {ending}, and is {kind.value}: a loader that trusts the content runs another format."
