"""safetensors: a length, a JSON header, and the tensors' numbers. No name in it can be code.

Source: https://huggingface.co/docs/safetensors/index#format. The app does not need the package: a writer and
a reader are this short.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_TYPES: Final = MappingProxyType({
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
})  # fmt: skip
"""torch's dtypes by the format's names for them."""
_ALIGNMENT: Final = 8


def write(tensors: Mapping[str, Tensor]) -> bytes:
    """A file of tensors, in the order of their names. What several of them share is written for each.

    Raises:
        ValueError: if a tensor's type is none of the format's.
    """
    import torch

    names = {getattr(torch, dtype): name for name, dtype in _TYPES.items()}
    header: dict[str, dict[str, object]] = {}
    parts: list[bytes] = []
    end = 0
    for name, tensor in sorted(tensors.items()):
        if tensor.dtype not in names:
            raise ValueError(f"{name} is of {tensor.dtype}, which a safetensors file cannot hold here.")
        data = _bytes(tensor)
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [end, end + len(data)],
        }
        parts.append(data)
        end += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return b"".join((struct.pack("<Q", len(text)), text, *parts))


def read(data: bytes) -> dict[str, Tensor]:
    """The tensors of a file that `write` made: our own, not a stranger's.

    Raises:
        ValueError: if it is no such file.
    """
    if len(data) < 8:
        raise ValueError("It has fewer than 8 bytes: it is no safetensors file.")
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    numbers = bytearray(data[8 + size :])
    return {name: _tensor(numbers, about) for name, about in header.items() if name != "__metadata__"}


def _tensor(numbers: bytearray, about: Mapping[str, object]) -> Tensor:
    import torch

    dtype: torch.dtype = getattr(torch, _TYPES[str(about["dtype"])])
    shape, offsets = about["shape"], about["data_offsets"]
    assert isinstance(shape, list)
    assert isinstance(offsets, list)
    start, end = offsets
    if start == end:
        return torch.empty(shape, dtype=dtype)
    flat = torch.frombuffer(numbers, dtype=torch.uint8, offset=start, count=end - start)
    # A copy: where the bytes lie need not suit the type, and the tensor must not keep the whole file.
    return flat.clone().view(dtype).reshape(shape)


def _bytes(tensor: Tensor) -> bytes:
    import torch

    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
