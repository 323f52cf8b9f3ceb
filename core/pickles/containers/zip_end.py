"""The end of a zip: the record that tells where its directory lies. PKWARE's APPNOTE, 4.3.14 to 4.3.16."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from core.pickles.span import Span

_END: Final = struct.Struct("<4s4H2LH")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
END_SIGNATURE: Final = b"PK\x05\x06"
_SIGNATURE64: Final = b"PK\x06\x06"
_LOCATOR_SIGNATURE: Final = b"PK\x06\x07"
_CENTRAL: Final = b"PK\x01\x02"
_FARTHEST: Final = _END.size + 2**16 + 4096
"""How far from the end readers look for the record: miniz, which torch uses, goes a block farther."""
_NEAR: Final = 1_024
"""Where it is nearly always: few archives have a comment."""
_TRIED: Final = 8


@dataclass(frozen=True)
class End:
    """Where a zip's directory lies, from the start of the bytes that were searched.

    Attributes:
        directory: its first byte.
        size: its size.
        entries: how many entries it says it has.
        prefix: bytes before the archive: what it says of its own offsets counts from there. Negative if its
            offsets are too large by so much.
        stated: where it says that the directory lies: what a reader that allows no prefix takes.
        record: the first byte of the end record, or of the zip64 one where there is one.
        comment: the first byte of the comment.
        end: the byte after the comment.
        zip64: whether 64-bit sizes are used.
        disks: whether it says that it is spread over several files.
        doubts: why readers may find another directory, one line each.
        rivals: the other directories that they may find.
    """

    directory: int
    size: int
    entries: int
    prefix: int
    stated: int
    record: int
    comment: int
    end: int
    zip64: bool
    disks: bool
    doubts: tuple[str, ...] = ()
    rivals: tuple[End, ...] = ()


@dataclass(frozen=True)
class _Said:
    """What an end record says."""

    record: int
    size: int
    entries: int
    stated: int
    zip64: bool
    disks: bool


def find_end(span: Span) -> End | None:
    """The last end record that fits a directory, as CPython's `zipfile` searches; None if there is none."""
    # The last one is what readers take; an earlier one is tried where that one fits nothing.
    return _search(span, _NEAR, 1) or _search(span, _FARTHEST, _TRIED)


def _search(span: Span, reach: int, tries: int) -> End | None:
    """The same, of so many records that lie within reach of the end."""
    lowest = max(0, len(span) - reach)
    tail = span.read(lowest, reach)
    found = max(0, len(tail) - _END.size + len(END_SIGNATURE))
    for tried in range(tries):
        found = tail.rfind(END_SIGNATURE, 0, found)
        if found < 0:
            return None
        end = _read(span, lowest + found)
        if end is not None and tried:
            return replace(end, doubts=("there is an end record behind its own", *end.doubts))
        if end is not None:
            return end
    return None


def _read(span: Span, offset: int) -> End | None:
    raw = span.read(offset, _END.size)
    _, disk, start_disk, here, entries, size, stated, comment = _END.unpack(raw)
    said = [_Said(offset, size, entries, stated, False, bool(disk or start_disk or here != entries))]
    locator = span.read(offset - _LOCATOR.size, _LOCATOR.size) if offset >= _LOCATOR.size else b""
    beside = located = 0
    if locator.startswith(_LOCATOR_SIGNATURE):
        beside, located = offset - _LOCATOR.size - _END64.size, _LOCATOR.unpack(locator)[2]
        larger = [each for place in dict.fromkeys((beside, located)) if (each := _read64(span, place))]
        # zipfile takes a zip64 record only from right before its locator, and else what the plain one says.
        said = larger if larger and larger[0].record == beside else [*larger, *said]
    ends: dict[tuple[int, int], End] = {}
    for each in said:
        for directory in _directories(span, each):
            end = End(
                directory=directory,
                size=each.size,
                entries=each.entries,
                prefix=directory - each.stated,
                stated=each.stated,
                record=each.record,
                comment=offset + _END.size,
                end=min(offset + _END.size + comment, len(span)),
                zip64=each.zip64,
                disks=each.disks,
            )
            ends.setdefault((directory, end.prefix), end)
    if not ends:
        return None
    first, *rivals = ends.values()
    doubts = tuple(_doubts(first, rivals, beside, located))
    return replace(first, doubts=doubts, rivals=tuple(rivals)) if doubts or rivals else first


def _read64(span: Span, place: int) -> _Said | None:
    raw = span.read(place, _END64.size) if place >= 0 else b""
    if len(raw) < _END64.size or not raw.startswith(_SIGNATURE64):
        return None
    _, _, _, _, disk, start_disk, here, entries, size, stated = _END64.unpack(raw)
    return _Said(place, size, entries, stated, True, bool(disk or start_disk or here != entries))


def _directories(span: Span, said: _Said) -> Iterator[int]:
    """Where readers take the directory to be: right before its end record, or where that states it."""
    directory = said.record - said.size
    if not said.size:
        if not said.entries and said.stated <= said.record:
            yield directory
        return
    if directory >= 0 and span.read(directory, 4) == _CENTRAL:
        yield directory
    if directory != said.stated and span.read(said.stated, 4) == _CENTRAL:
        yield said.stated


def _doubts(end: End, rivals: list[End], beside: int, located: int) -> Iterator[str]:
    if end.prefix < 0:
        yield f"its directory lies {-end.prefix:,} bytes before the place that it states"
    if end.directory + end.size > end.record:
        yield "its directory does not end before its end record"
    if end.zip64 and (end.record != beside or located + end.prefix != beside):
        yield "its zip64 locator points elsewhere than to the record before it"
    if rivals:
        yield f"there is a second directory at byte {rivals[0].directory:,}"
