"""The end of a zip: the record that tells where its directory lies. PKWARE's APPNOTE, 4.3.14 to 4.3.16."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from core.pickles.span import Span

_END: Final = struct.Struct("<4s4H2LH")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_SIGNATURE: Final = b"PK\x05\x06"
_SIGNATURE64: Final = b"PK\x06\x06"
_LOCATOR_SIGNATURE: Final = b"PK\x06\x07"
_CENTRAL: Final = b"PK\x01\x02"
_FARTHEST: Final = _END.size + 0xFFFF


@dataclass(frozen=True)
class End:
    """Where a zip's directory lies, from the start of the bytes that were searched.

    Attributes:
        directory: its first byte.
        size: its size.
        entries: how many entries it says it has.
        prefix: bytes before the archive: what it says of its own offsets counts from there.
        stated: where it says that the directory lies: what a reader that allows no prefix takes.
        record: the first byte of the end record, or of the zip64 one where there is one.
        end: the byte after the comment.
        zip64: whether 64-bit sizes are used.
        disks: whether it says that it is spread over several files.
    """

    directory: int
    size: int
    entries: int
    prefix: int
    stated: int
    record: int
    end: int
    zip64: bool
    disks: bool


def find_end(span: Span) -> End | None:
    """The last end record that fits a directory, as CPython's `zipfile` searches; None if there is none."""
    lowest = max(0, len(span) - _FARTHEST)
    tail = span.read(lowest, _FARTHEST)
    found = len(tail)
    # The last one is what readers take; an earlier one is tried where that one fits nothing.
    for _ in range(8):
        found = tail.rfind(_SIGNATURE, 0, found)
        if found < 0:
            return None
        end = _read(span, lowest + found)
        if end is not None:
            return end
    return None


def _read(span: Span, offset: int) -> End | None:
    raw = span.read(offset, _END.size)
    if len(raw) < _END.size:
        return None
    _, disk, start_disk, here, entries, size, stated, comment = _END.unpack(raw)
    record, zip64 = offset, False
    locator = span.read(offset - _LOCATOR.size, _LOCATOR.size) if offset >= _LOCATOR.size else b""
    if locator.startswith(_LOCATOR_SIGNATURE):
        place = offset - _LOCATOR.size - _END64.size
        raw64 = span.read(place, _END64.size) if place >= 0 else b""
        if not raw64.startswith(_SIGNATURE64):
            place = _LOCATOR.unpack(locator)[2]
            raw64 = span.read(place, _END64.size)
        if raw64.startswith(_SIGNATURE64) and len(raw64) == _END64.size:
            _, _, _, _, disk, start_disk, here, entries, size, stated = _END64.unpack(raw64)
            record, zip64 = place, True
    directory = record - size
    if directory < 0 or directory < stated:
        return None
    if size and span.read(directory, 4) != _CENTRAL:
        # Bytes between the directory and its end record: then only what it states itself can be right.
        if span.read(stated, 4) != _CENTRAL:
            return None
        directory = stated
    if not size and entries:
        return None
    return End(
        directory=directory,
        size=size,
        entries=entries,
        prefix=directory - stated,
        stated=stated,
        record=record,
        end=min(offset + _END.size + comment, len(span)),
        zip64=zip64,
        disks=bool(disk or start_disk or here != entries),
    )
