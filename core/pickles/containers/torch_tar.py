"""torch's oldest format, a tar of three members. The order is that of `torch.serialization._legacy_load`.

`storages` and `tensors` are a pickled count and then, for each, a pickle and numbers; `pickle` is the object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.pickles.containers import stream
from core.pickles.containers.storages import ELEMENT_BYTES
from core.pickles.value import Global
from core.pickles.walk import Part, Walk

NAMES: Final = frozenset({"storages", "tensors", "pickle"})


def read(walk: Walk, members: Mapping[str, Part]) -> None:
    """Reads the three members in the order in which torch does."""
    _storages(members["storages"], walk)
    _tensors(members["tensors"], walk)
    walk.examine(members["pickle"])
    walk.note("torch.load reads a tar only with weights_only=False.")


def _storages(part: Part, walk: Walk) -> None:
    position = 0
    count, position = _count(part, walk)
    for _ in range(count):
        found = walk.pickle(part, position)
        size = _element_bytes(found.values[0] if found.values else None)
        if size is None:
            walk.unread(part, position, len(part.span), "a storage's description is not known")
            return
        elements = int.from_bytes(part.span.read(found.end, 8), "little")
        end = found.end + 8 + elements * size
        if end > len(part.span):
            walk.unread(part, found.end, len(part.span), "a storage is cut off")
            return
        walk.read(part, position, found.end, "the pickle that describes a storage")
        walk.raw(part, found.end, end, "numbers of a storage")
        position = end
    if position < len(part.span):
        # The views of storages, and whatever follows.
        stream.read(Part(part.name, part.span.part(position), part.depth), walk)


def _tensors(part: Part, walk: Walk) -> None:
    count, position = _count(part, walk)
    for _ in range(count):
        found = walk.pickle(part, position)
        dimensions = int.from_bytes(part.span.read(found.end, 4), "little")
        end = found.end + 8 + 16 * dimensions + 8
        if not found.values or end > len(part.span):
            walk.unread(part, position, len(part.span), "a tensor's description is cut off")
            return
        walk.read(part, position, found.end, "the pickle that describes a tensor")
        walk.raw(part, found.end, end, "sizes and strides of a tensor")
        position = end
    if position < len(part.span):
        stream.read(Part(part.name, part.span.part(position), part.depth), walk)


def _count(part: Part, walk: Walk) -> tuple[int, int]:
    found = walk.pickle(part)
    count = found.values[0] if found.values else None
    if type(count) is not int or not 0 <= count <= walk.bounds.members:
        walk.unread(part, 0, len(part.span), "it does not begin with a number of parts")
        return 0, len(part.span)
    walk.read(part, 0, found.end, "the pickle with the number of parts")
    return count, found.end


def _element_bytes(description: object) -> int | None:
    if not isinstance(description, tuple) or len(description) != 3:
        return None
    kind = description[2]
    return ELEMENT_BYTES.get(kind.name) if isinstance(kind, Global) else None
