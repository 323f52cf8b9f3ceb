"""The storages that a torch file's object asks for by persistent ids: how many numbers, how many bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core.pickles.value import Global, Value

ELEMENT_BYTES: Final = MappingProxyType({
    "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "LongStorage": 8, "IntStorage": 4,
    "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1, "BFloat16Storage": 2,
    "ComplexDoubleStorage": 16, "ComplexFloatStorage": 8, "QUInt8Storage": 1, "QInt8Storage": 1,
    "QInt32Storage": 4, "UntypedStorage": 1,
})  # fmt: skip
"""Bytes per element, by the name of the storage's class."""
_PARTS: Final = 5


class StorageError(ValueError):
    """Storages that are not what the object asks for. The text is one line."""


@dataclass(slots=True)
class Storage:
    """What a persistent id says of a storage. As members, nothing changes it.

    Attributes:
        elements: how many numbers it has.
        size: how many bytes; None if its class is not known.
    """

    elements: int
    size: int | None


def storages_of(ids: Iterable[Value]) -> dict[str, Storage]:
    """The storages that persistent ids ask for, by their keys: `("storage", class, key, place, elements)`."""
    found: dict[str, Storage] = {}
    for each in ids:
        if not isinstance(each, tuple) or len(each) < _PARTS or each[0] not in ("storage", b"storage"):
            continue
        kind, key, elements = each[1], each[2], each[4]
        if isinstance(key, bytes):
            key = key.decode("ascii", "replace")
        if isinstance(key, str) and type(elements) is int and elements >= 0:
            width = ELEMENT_BYTES.get(kind.name) if isinstance(kind, Global) else None
            found[key] = Storage(elements, None if width is None else width * elements)
    return found
