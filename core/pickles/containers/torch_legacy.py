"""torch's format before 1.6: five pickles one after another, then the storages' numbers.

The order is that of `torch.serialization._legacy_load`: a magic number, a protocol, facts about the system,
the object, the storages' keys; then for each key its number of elements (8 bytes) and its bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.pickles.containers import stream
from core.pickles.containers.storages import Storage, StorageError, storages_of
from core.pickles.formats import Format
from core.pickles.member import shown
from core.pickles.value import render
from core.pickles.walk import Part, Walk

MAGIC: Final = 0x1950A86A20F9469CFC6C
_COUNT: Final = 8
_NAMES: Final = (
    "the magic number",
    "the protocol",
    "facts about the system",
    "the object",
    "the storages' keys",
)


def read(part: Part, walk: Walk) -> Format:
    """Reads the five pickles, and finds where the storages that they ask for end."""
    position = 0
    keys: object = None
    wanted: dict[str, Storage] = {}
    for index, name in enumerate(_NAMES):
        found = walk.try_pickle(part, position)
        if index == 0 and found.values[:1] != (MAGIC,):
            # The number is somewhere in the first bytes, and is not what the first pickle gives.
            return stream.read(part, walk)
        walk.adopt(part, found)
        if not found.values:
            walk.unread(part, found.end, len(part.span), f"the pickle with {name} has no end")
            return Format.TORCH_LEGACY
        keys = found.values[0]
        wanted |= storages_of(found.persistent_ids)
        walk.read(part, position, found.end, f"the pickle with {name}")
        position = found.end
    try:
        end = _storages_end(part, keys, wanted, position)
    except StorageError as error:
        walk.unread(part, position, len(part.span), str(error))
        walk.evidence(part, position)
        return Format.TORCH_LEGACY
    if end > position:
        walk.raw(part, position, end, f"numbers of {len(wanted):,} storages")
    if end < len(part.span):
        stream.appended(part, walk, end, Format.TORCH_LEGACY)
    return Format.TORCH_LEGACY


def _storages_end(part: Part, keys: object, wanted: Mapping[str, Storage], position: int) -> int:
    """Where the storages end: one after the other, each with its number of elements before it.

    Raises:
        StorageError: they are not what the object asks for, and torch would stop.
    """
    if not isinstance(keys, list):
        raise StorageError("the storages' keys are no list")
    for key in keys:
        storage = wanted.get(key) if isinstance(key, str) else None
        if storage is None:
            raise StorageError(f"the object asks for no storage {render(key, 60)}")
        count = part.span.read(position, _COUNT)
        if storage.size is None or int.from_bytes(count, "little") != storage.elements:
            raise StorageError(f"the storage {shown(key, 60)} is not of the size that the object asks for")
        position += _COUNT + storage.size
        if len(count) < _COUNT or position > len(part.span):
            raise StorageError(f"the storage {shown(key, 60)} is cut off")
    return position
