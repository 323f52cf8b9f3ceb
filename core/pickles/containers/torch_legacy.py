"""torch's format before 1.6: five pickles one after another, then the storages' numbers.

The order is that of `torch.serialization._legacy_load`: a magic number, a protocol, facts about the system,
the object, the storages' keys; then for each key its number of elements (8 bytes) and its bytes.
"""

from __future__ import annotations

from typing import Final

from core.pickles.containers import stream
from core.pickles.formats import Format
from core.pickles.walk import Part, Walk

MAGIC: Final = 0x1950A86A20F9469CFC6C
PICKLES: Final = 5
_NAMES: Final = (
    "the magic number",
    "the protocol",
    "facts about the system",
    "the object",
    "the storages' keys",
)


def read(part: Part, walk: Walk) -> Format:
    """Reads the five pickles, and looks whether the storages' bytes are numbers."""
    position = 0
    keys: object = None
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
        walk.read(part, position, found.end, f"the pickle with {name}")
        position = found.end
    count = len(keys) if isinstance(keys, list | tuple | set | dict) else None
    _storages(part, walk, position, count)
    return Format.TORCH_LEGACY


def _storages(part: Part, walk: Walk, position: int, count: int | None) -> None:
    rest = len(part.span) - position
    if count is None or rest < 8 * count:
        walk.unread(part, position, len(part.span), "the storages' keys do not fit what follows")
        return
    if not rest:
        return
    if walk.evidence(part, position):
        walk.unread(part, position, len(part.span), "a pickle where the storages should be")
        return
    if not count:
        walk.unread(part, position, len(part.span), "bytes after a file without storages")
        return
    walk.raw(part, position, len(part.span), f"numbers of {count:,} storages")
