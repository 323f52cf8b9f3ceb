"""Containers around a pickle, as the usual writers lay them out: the same bytes every time."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from typing import Final

from core.pickles.lab.assembler import Assembler, Call, Dictionary, Expression, Name, New, assemble

CLEAN: Final = Dictionary((("epoch", 3), ("loss", 0.25)))
"""What a clean pickle holds."""
LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL: Final = 1001
"""The first two pickles of torch's format before 1.6."""
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_ALIGNMENT: Final = 16


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip of stored members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), data)
    return file.getvalue()


def torch_zip(pickle: bytes) -> bytes:
    """A checkpoint as `torch.save` writes it, with this `data.pkl` and no tensors."""
    return zipped({"model/data.pkl": pickle, "model/byteorder": b"little", "model/version": b"3\n"})


def torch_legacy(pickle: bytes) -> bytes:
    """A checkpoint as torch before 1.6 wrote it, with this object and no tensors."""
    sizes = Dictionary((("short", 2), ("int", 4), ("long", 4)))
    system = Dictionary(
        (("protocol_version", LEGACY_PROTOCOL), ("little_endian", True), ("type_sizes", sizes))
    )
    keys = Assembler(2)
    keys.op("EMPTY_LIST")
    keys.stop()
    parts = (
        assemble(LEGACY_MAGIC, 2), assemble(LEGACY_PROTOCOL, 2), assemble(system, 2), pickle, keys.data,
    )  # fmt: skip
    return b"".join(parts)


def npy(pickle: bytes) -> bytes:
    """An array of objects as `numpy.save` writes it, with this pickle behind the header."""
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    size = 64 - 10 - 1
    padded = f"{header:<{size}}\n".encode("latin1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + pickle


def tar(pickle: bytes) -> bytes:
    """A tar with the pickle in it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo("model/weights.pkl")
        info.size = len(pickle)
        archive.addfile(info, io.BytesIO(pickle))
    return file.getvalue()


def nested_zip(pickle: bytes) -> bytes:
    """A zip with a zip in it that holds the pickle."""
    return zipped({"README.txt": b"Weights of a model.\n", "weights.zip": zipped({"model/data.pkl": pickle})})


def gzipped(data: bytes) -> bytes:
    """Bytes compressed by gzip, with no time in the header."""
    return gzip.compress(data, mtime=0)


def joblib_array(assembler: Assembler, numbers: Sequence[float]) -> None:
    """Writes an array of float64 as joblib does: its description, then its bytes between the opcodes.

    Source: the layout of `joblib/numpy_pickle.py`: one byte with the size of the padding, the padding, the
    numbers, which so begin at a multiple of 16 in the file.
    """
    state: tuple[tuple[Expression, Expression], ...] = (
        ("subclass", Name("numpy", "ndarray")),
        ("shape", (len(numbers),)),
        ("order", "C"),
        ("dtype", _float64()),
        ("allow_mmap", True),
        ("numpy_array_alignment_bytes", _ALIGNMENT),
    )
    assembler.put(New(Name("joblib.numpy_pickle", "NumpyArrayWrapper"), (), Dictionary(state)))
    padding = _ALIGNMENT - (len(assembler) + 1) % _ALIGNMENT
    assembler.raw(bytes((padding,)) + b"\xff" * padding, "the size of the padding, and the padding")
    assembler.raw(struct.pack(f"<{len(numbers)}d", *numbers), "the numbers of an array")


def _float64() -> Expression:
    """`numpy.dtype('f8')`, as it is pickled; the state that says its byte order is left at the default."""
    return Call(Name("numpy", "dtype"), ("f8", False, True))
