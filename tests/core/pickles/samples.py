"""Files for the scanner's tests: made by the real writers where there are any, and with a call planted.

The planted call never happens: nothing here is loaded.
"""

import io
import os
import pickle
import tarfile
import warnings
import zipfile
from collections.abc import Mapping

import numpy as np
import torch

COMMAND = "echo never"


class Planted:
    """Pickled, it is a call of `os.system`."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (COMMAND,)


def planted(protocol: int = 2) -> bytes:
    return pickle.dumps({"weights": [1.0, 2.0], "extra": Planted()}, protocol=protocol)


def benign(protocol: int = 2) -> bytes:
    return pickle.dumps({"weights": [1.0, 2.0], "names": ("a", "b")}, protocol=protocol)


def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {"layer.weight": torch.rand(3, 4, generator=generator), "layer.bias": torch.zeros(3)}


def saved(value: object, *, legacy: bool = False) -> bytes:
    """What `torch.save` writes."""
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def array(value: np.ndarray) -> bytes:
    """What `numpy.save` writes."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stored array in format")
        np.save(file, value, allow_pickle=True)
    return file.getvalue()


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(members: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def rewritten(data: bytes, replace: Mapping[str, bytes]) -> bytes:
    """A zip with other content for some of its members, by the ends of their names."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    for ending, content in replace.items():
        (name,) = [each for each in members if each.endswith(ending)]
        members[name] = content
    return zipped(members)
