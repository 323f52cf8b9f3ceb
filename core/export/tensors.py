"""One tensor of a model: whether what it holds is what it declares, from its protobuf alone."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Final

from onnx import TensorProto

MAX_RANK: Final = 64
"""How many dimensions a tensor may have: NumPy's bound."""
FEW: Final = 64
"""How many elements a constant may have to be read as a shape."""

BITS: Final[dict[int, int]] = {
    TensorProto.FLOAT: 32,
    TensorProto.UINT8: 8,
    TensorProto.INT8: 8,
    TensorProto.UINT16: 16,
    TensorProto.INT16: 16,
    TensorProto.INT32: 32,
    TensorProto.INT64: 64,
    TensorProto.STRING: 64,
    TensorProto.BOOL: 8,
    TensorProto.FLOAT16: 16,
    TensorProto.DOUBLE: 64,
    TensorProto.UINT32: 32,
    TensorProto.UINT64: 64,
    TensorProto.COMPLEX64: 64,
    TensorProto.COMPLEX128: 128,
    TensorProto.BFLOAT16: 16,
    TensorProto.FLOAT8E4M3FN: 8,
    TensorProto.FLOAT8E4M3FNUZ: 8,
    TensorProto.FLOAT8E5M2: 8,
    TensorProto.FLOAT8E5M2FNUZ: 8,
    TensorProto.UINT4: 4,
    TensorProto.INT4: 4,
    TensorProto.FLOAT4E2M1: 4,
    TensorProto.FLOAT8E8M0: 8,
    TensorProto.UINT2: 2,
    TensorProto.INT2: 2,
    TensorProto.FLOAT6E2M3: 6,
    TensorProto.FLOAT6E3M2: 6,
}
"""Bits of one element of each type, packed; of a string, of the pointer to it."""

_LISTS: Final = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")
_LIST_OF: Final[dict[int, str]] = {
    TensorProto.FLOAT: "float_data",
    TensorProto.COMPLEX64: "float_data",
    TensorProto.DOUBLE: "double_data",
    TensorProto.COMPLEX128: "double_data",
    TensorProto.INT64: "int64_data",
    TensorProto.UINT32: "uint64_data",
    TensorProto.UINT64: "uint64_data",
    TensorProto.STRING: "string_data",
}
_FORMATS: Final[dict[int, str]] = {
    TensorProto.FLOAT: "f",
    TensorProto.DOUBLE: "d",
    TensorProto.INT32: "i",
    TensorProto.INT64: "q",
    TensorProto.BOOL: "?",
}


def problem(tensor: TensorProto) -> str | None:
    """What is wrong with a tensor, in one line; None if it holds what it declares.

    Args:
        tensor: with its numbers in the model, not in another file.
    """
    bits = BITS.get(tensor.data_type)
    if bits is None:
        return f"a tensor has the element type {tensor.data_type}, which ONNX does not have."
    if (wrong := shape_problem(tensor.dims)) is not None:
        return wrong
    if tensor.HasField("segment"):
        return "a tensor is only a segment of one, which no runtime puts together."
    count = math.prod(tensor.dims)
    if tensor.HasField("raw_data"):
        expected = (count * bits + 7) // 8
        if tensor.data_type == TensorProto.STRING or any(len(getattr(tensor, name)) for name in _LISTS):
            return "a tensor holds its elements in two ways, or strings as raw bytes."
        if len(tensor.raw_data) != expected:
            return _mismatch(expected, len(tensor.raw_data), "bytes")
        return None
    own = _LIST_OF.get(tensor.data_type, "int32_data")
    if any(len(getattr(tensor, name)) for name in _LISTS if name != own):
        return "a tensor holds elements of another type than it declares."
    expected = _entries(count, tensor.data_type, bits)
    if len(getattr(tensor, own)) != expected:
        return _mismatch(expected, len(getattr(tensor, own)), "entries")
    return None


def shape_problem(dims: Sequence[int]) -> str | None:
    """What is wrong with a tensor's dimensions, in one line; None if nothing is."""
    if len(dims) > MAX_RANK:
        return f"a tensor has more than {MAX_RANK} dimensions."
    if any(size < 0 for size in dims):
        return f"a tensor has the negative dimension {min(dims)}."
    if math.prod(dims) >= 2**63:
        return "a tensor's dimensions multiply to more than 64 bits hold."
    return None


def numbers(tensor: TensorProto) -> tuple[float, ...] | None:
    """The elements of a small constant, as a shape or a scalar needs them; None for any other.

    Args:
        tensor: one that has no `problem`.
    """
    count = math.prod(tensor.dims)
    letter = _FORMATS.get(tensor.data_type)
    if count > FEW or letter is None:
        return None
    found: Sequence[float]
    if tensor.HasField("raw_data"):
        found = struct.unpack(f"<{count}{letter}", tensor.raw_data)
    else:
        found = getattr(tensor, _LIST_OF.get(tensor.data_type, "int32_data"))
    return tuple(found) if all(math.isfinite(number) for number in found) else None


def _entries(count: int, element: int, bits: int) -> int:
    if element in {TensorProto.COMPLEX64, TensorProto.COMPLEX128}:
        return 2 * count
    return (count * bits + 7) // 8 if bits in {2, 4} else count


def _mismatch(expected: int, got: int, unit: str) -> str:
    return f"a tensor's dimensions need {expected:,} {unit}, and it holds {got:,}."
