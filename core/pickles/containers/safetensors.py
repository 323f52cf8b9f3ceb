"""safetensors: a JSON header and numbers. The rules are those of the format's own documentation."""

from __future__ import annotations

import json
import math
from typing import Final

from core.pickles.containers.npy import MOST_DIMENSIONS
from core.pickles.formats import Format
from core.pickles.walk import Part, Walk

_BITS: Final = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


class HeaderError(ValueError):
    """A header that breaks the format's rules. The text is one line."""


def read(part: Part, walk: Walk) -> Format:
    """Checks that the header describes all of the file's bytes, as numbers and nothing else."""
    size = int.from_bytes(part.span.read(0, 8), "little")
    start = 8 + size
    try:
        if size > walk.bounds.header_bytes:
            raise HeaderError(f"it says {size:,} bytes for itself")
        end = start + check(part.span.read(8, size), len(part.span) - start)
    except HeaderError as error:
        walk.unread(part, 0, len(part.span), f"no safetensors header: {error}")
        return Format.SAFETENSORS
    walk.read(part, 0, start, "safetensors header")
    walk.raw(part, start, end, "numbers of tensors")
    if end < len(part.span):
        walk.unread(part, end, len(part.span), "bytes that belong to no tensor")
    return Format.SAFETENSORS


def check(raw: bytes, room: int) -> int:
    """The number of bytes that a header's tensors take.

    Raises:
        HeaderError: if tensors overlap, leave gaps, or lie outside `room` bytes.
    """
    try:
        said = json.loads(raw.decode("utf-8"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise HeaderError("it is not UTF-8") from None
    except HeaderError:
        raise
    except (ValueError, RecursionError):
        raise HeaderError("it is no JSON") from None
    if not isinstance(said, dict):
        raise HeaderError("it is no JSON object")
    metadata = said.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise HeaderError("its metadata are no texts")
    position = 0
    for start, end in sorted(_tensor(value) for value in said.values()):
        if start != position:
            raise HeaderError("its tensors overlap or leave gaps")
        position = end
    if position > room:
        raise HeaderError(f"its tensors need {position:,} bytes, and there are {room:,}")
    return position


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise HeaderError("a name is there twice")
    return said


def _tensor(value: object) -> tuple[int, int]:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise HeaderError("a tensor has not exactly dtype, shape and data_offsets")
    shape, offsets = value["shape"], value["data_offsets"]
    bits = _BITS.get(value["dtype"]) if isinstance(value["dtype"], str) else None
    if bits is None:
        raise HeaderError("a tensor's dtype is not known")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise HeaderError("a tensor's shape or offsets are no sizes")
    if len(shape) > MOST_DIMENSIONS:
        raise HeaderError(f"a tensor has {len(shape):,} dimensions, where {MOST_DIMENSIONS} are the most")
    start, end = offsets
    if (end - start) * 8 != math.prod(shape) * bits:
        raise HeaderError("a tensor's offsets do not fit its shape")
    return start, end


def _are_sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(each) is int and 0 <= each < 2**63 for each in value)
