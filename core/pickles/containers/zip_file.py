"""Zips: what torch.save, TorchScript, NumPy, Keras and everybody else write, each entry by its content."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter
from typing import Final

from core.pickles.containers import torch_export, zip_directory
from core.pickles.containers.compressed import unpack_deflated
from core.pickles.containers.zip_directory import ZipEntry, ZipError
from core.pickles.containers.zip_end import End, find_end
from core.pickles.formats import TORCH_ZIPS, Format
from core.pickles.member import inside, shown
from core.pickles.span import Span
from core.pickles.verdict import Verdict
from core.pickles.walk import CHUNK, Part, Walk

_HEADER: Final = b"PK\x03\x04"
_RECORDS: Final = (b"PK\x01\x02", _HEADER, b"PK\x05\x06", b"PK\x06\x06")
_STORAGE: Final = re.compile(
    r"(?:.*/)?(?:data|constants|tensors)/[^/.]+|(?:.*/)?\.data/[^/.]+(?:\.storage)?"
    r"|(?:.*/)?data/(?:weights|constants)/(?:weight|tensor)_\d+"
)
_CODE: Final = re.compile(r"(?:.*/)?code/.+\.py|.+\.(?:py|pyc|pyo|so|dll|dylib)", re.IGNORECASE)
_PROGRAM: Final = re.compile(r"(?:.*/)?models/[^/]+\.json|(?:.*/)?serialized_exported_program\.json")
_CHECKED: Final = 2**24
"""Up to what size a member's checksum is compared where it decides nothing."""
_TAIL: Final = 64
_LISTED: Final = 20


def read(part: Part, walk: Walk) -> Format:
    """Reads the directory, holds it against the local headers, and examines every entry."""
    end = find_end(part.span)
    if end is None:
        _without_end(part, walk)
        return Format.ZIP
    found = _entries(part, walk, end)
    _check_directory(part, walk, end, found)
    kind = kind_of([entry.name for entry in found])
    if kind is Format.TORCH_PACKAGE:
        reason = "torch.package imports the modules that this file names, and runs those that it brings"
        walk.find(part, 0, reason, Verdict.NEEDS_TRUST, subject="torch.package")
    if kind is Format.TORCH_EXPORT:
        reason = (
            "torch.export.load looks up the functions that its program names, and evaluates its expressions"
        )
        walk.find(part, 0, reason, Verdict.NEEDS_TRUST, subject="torch.export")
    _examine_all(part, walk, kind, found)
    if kind is Format.TORCH_ZIP:
        _check_storages(part, walk, found)
    for rival in end.rivals:
        known = {entry.header for entry in found}
        more = [entry for entry in _entries(part, walk, rival) if entry.header not in known]
        for entry in more:
            _examine(part, walk, Format.ZIP, entry, f"{entry.name}@{entry.header}")
        found += more
    _gaps(part, walk, end, found)
    last = min(end.directory + end.size, len(part.span))
    walk.read(part, end.directory, last, f"zip directory of {len(found):,} entries")
    walk.read(part, end.record, end.end, "the end record of a zip")
    return kind


def _entries(part: Part, walk: Walk, end: End) -> list[ZipEntry]:
    found: list[ZipEntry] = []
    try:
        for entry in zip_directory.entries(part.span, end):
            found.append(entry)
            if len(found) > walk.bounds.members or (len(found) % 1024 == 0 and walk.late):
                raise ZipError("its directory is longer than the bounds of this scan allow")
    except ZipError as error:
        walk.unread(part, 0, len(part.span), str(error))
    return found


def kind_of(names: Sequence[str]) -> Format:
    """What a zip is, by its entries' names."""
    ends = {name.rpartition("/")[2] for name in names if name.count("/") <= 1}
    if "constants.pkl" in ends:
        return Format.TORCHSCRIPT
    if "data.pkl" in ends:
        return Format.TORCH_ZIP
    if "archive_format" in ends:
        return Format.TORCH_EXPORT
    if any(name.endswith("/.data/extern_modules") for name in names):
        return Format.TORCH_PACKAGE
    files = [name for name in names if not name.endswith("/")]
    if files and all(name.endswith(".npy") for name in files):
        return Format.NPZ
    return Format.ZIP


def _check_directory(part: Part, walk: Walk, end: End, found: Sequence[ZipEntry]) -> None:
    def differ(offset: int, reason: str, verdict: Verdict = Verdict.NEEDS_TRUST) -> None:
        walk.find(part, offset, f"readers of zips disagree: {reason}", verdict, subject="zip")

    if end.disks:
        differ(end.record, "it says that it is spread over several files")
    if end.entries != len(found):
        differ(end.record, f"it says {end.entries:,} entries, and its directory has {len(found):,}")
    if end.prefix > 0 and part.span.read(0, end.prefix).strip(b"\0"):
        differ(0, f"there are {end.prefix:,} bytes before it")
    for doubt in end.doubts:
        differ(end.record, doubt, Verdict.DANGEROUS)
    if _hides(part.span, end):
        differ(end.comment, "its comment holds records of a zip", Verdict.DANGEROUS)
    names = [entry.name for entry in found]
    if len(set(names)) < len(names):
        differ(end.directory, "several entries have the same name")
    by_place = sorted(found, key=attrgetter("header"))
    for before, after in pairwise(by_place):
        if after.header < before.end:
            differ(after.header, f"{shown(after.name)} lies within {shown(before.name)}")
            break
    for entry in found:
        for remark in entry.remarks:
            differ(entry.header, f"{shown(entry.name)}: {remark}")


def _examine_all(part: Part, walk: Walk, kind: Format, found: Sequence[ZipEntry]) -> None:
    code = []
    seen: dict[str, int] = {}
    for entry in found:
        count = seen[entry.name] = seen.get(entry.name, 0) + 1
        name = entry.name if count == 1 else f"{entry.name}#{count}"
        if entry.name.endswith("/") and not entry.size:
            continue
        if "." in entry.name and _CODE.fullmatch(entry.name):
            code.append(entry)
        _examine(part, walk, kind, entry, name)
    if code:
        names = ", ".join(shown(entry.name) for entry in code[:3])
        more = f" and {len(code) - 3:,} more" if len(code) > 3 else ""
        reason = (
            f"TorchScript code that torch.jit.load compiles and runs: {names}{more}"
            if kind is Format.TORCHSCRIPT
            else f"files of code: {names}{more}"
        )
        walk.find(part, code[0].header, reason, Verdict.NEEDS_TRUST, subject=shown(code[0].name))


def _check_storages(part: Part, walk: Walk, found: Sequence[ZipEntry]) -> None:
    """Says so where the numbers that the object asks for are not there: torch stops then."""
    sizes = {entry.name: entry.size for entry in found}
    for name in sizes:
        if not name.endswith("data.pkl"):
            continue
        folder = name.removesuffix("data.pkl")
        for key, storage in walk.storages.get(inside(part.name, name), {}).items():
            there = sizes.get(f"{folder}data/{key}")
            if storage.size is None or there == storage.size:
                continue
            reason = "is not in it" if there is None else f"has {there:,} bytes, and not {storage.size:,}"
            walk.unread(part, 0, len(part.span), f"the storage {shown(key, 60)} {reason}: torch stops there")
            return


def _examine(part: Part, walk: Walk, kind: Format, entry: ZipEntry, name: str) -> None:
    if entry.data is None:
        _unread(part, walk, entry, name, "its data were not found")
        return
    if entry.encrypted:
        # It is looked at all the same: some readers do not believe the flag.
        _unread(part, walk, entry, name, "it is encrypted")
    stored = entry.method == zip_directory.STORED
    # torch reads as many bytes of a stored entry as it has unpacked, and CPython as many as it has packed.
    last = entry.data + entry.size if stored and entry.size > entry.packed else entry.end
    content = part.span.part(entry.data, last, entry.head)
    if not stored:
        data, problem = unpack_deflated(content, walk, entry.method)
        content = Span.of(data, unpacked=True)
        if problem:
            _unread(part, walk, entry, name, problem)
            if not data:
                return
        elif len(data) != entry.size:
            sizes = f"{len(data):,} bytes, and the directory says {entry.size:,}"
            reason = f"{shown(entry.name)} unpacks to {sizes}"
            walk.find(part, entry.header, reason, Verdict.NEEDS_TRUST, subject="zip")
    raw = is_storage(kind, entry.name)
    member = part.inner(name, content, raw=raw)
    walk.examine(member)
    if kind is Format.TORCH_EXPORT and _PROGRAM.fullmatch(entry.name):
        torch_export.read(member, walk)
    if kind not in TORCH_ZIPS:
        if checksum(content) != entry.crc:
            _unread(part, walk, entry, name, "its checksum does not fit")
    elif not raw and len(content) <= _CHECKED and checksum(content) != entry.crc:
        walk.note(f"{shown(member.name)}: its checksum does not fit. torch reads it all the same.")


def _unread(part: Part, walk: Walk, entry: ZipEntry, name: str, reason: str) -> None:
    where = part.inner(name, part.span.part(entry.header, entry.end))
    walk.unread(where, 0, entry.packed, reason)


def checksum(content: Span) -> int:
    """The CRC-32 of some bytes, which `zipfile` and NumPy hold against the stated one."""
    found = 0
    for start in range(0, len(content), CHUNK):
        found = zlib.crc32(content.read(start, CHUNK), found)
    return found


def is_storage(kind: Format, name: str) -> bool:
    """Whether an entry's bytes are a tensor's numbers, which its loader only copies."""
    return kind in TORCH_ZIPS and _STORAGE.fullmatch(name) is not None


def _gaps(part: Part, walk: Walk, end: End, found: Sequence[ZipEntry]) -> None:
    """Looks at the bytes between the entries: a reader that believes local headers finds more of them."""
    position = listed = 0
    closing = end.comment if _hides(part.span, end) else end.end
    stretches = [(entry.header, entry.end, entry.before) for entry in found]
    stretches += [(end.directory, end.directory + end.size, b""), (end.record, closing, b"")]
    for start, after, before in [*sorted(stretches), (len(part.span), len(part.span), b"")]:
        # A data descriptor and padding are no longer than that; at both ends there is neither.
        least = _TAIL if 0 < position < closing else 0
        gap = start - position
        known = gap <= len(before)
        if gap > least or (
            gap > 0 and _HEADER in (before[-gap:] if known else part.span.read(position, gap))
        ):
            listed += 1
            if listed > _LISTED:
                walk.unread(part, position, start, "more gaps between the entries than are looked at")
                return
            _gap(part, walk, position, start)
        position = max(position, after)


def _hides(span: Span, end: End) -> bool:
    """Whether the comment, which no reader looks into, holds records of a zip."""
    comment = span.read(end.comment, end.end - end.comment)
    return bool(comment) and any(record in comment for record in _RECORDS)


def _gap(part: Part, walk: Walk, start: int, end: int) -> None:
    """Looks at one gap, entry by entry where there are hidden ones."""
    position = start
    while (place := part.span.find(_HEADER, position, end)) >= 0:
        entry = zip_directory.local(part.span, place, end)
        if entry is None:
            position = place + 1
            continue
        _stray(part, walk, start, place)
        reason = f"readers of zips disagree: {shown(entry.name)} is in no directory"
        walk.find(part, entry.header, reason, Verdict.NEEDS_TRUST, subject="zip")
        _examine(part, walk, Format.ZIP, entry, f"{entry.name}@{entry.header}")
        start = position = entry.end
        if walk.late:
            break
    _stray(part, walk, start, end)


def _stray(part: Part, walk: Walk, start: int, end: int) -> None:
    """Looks at bytes that belong to no entry."""
    gap = part.span.part(start, end)
    if any(gap.read(position, CHUNK).strip(b"\0") for position in range(0, len(gap), CHUNK)):
        walk.examine(part.inner(f"+{start}", gap))
    elif len(gap):
        walk.raw(part, start, end, "zeros between the entries")


def _without_end(part: Part, walk: Walk) -> None:
    """A zip that has lost its end: what its local headers show, for what a repairing reader would read."""
    walk.unread(part, 0, len(part.span), "the zip has no end record: no loader reads it as it is")
    position, count = 0, 0
    while (position := part.span.find(b"PK\x03\x04", position)) >= 0 and count < walk.bounds.members:
        entry = zip_directory.local(part.span, position, len(part.span))
        count += 1
        if entry is not None:
            _examine(part, walk, Format.ZIP, entry, f"{entry.name}@{entry.header}")
            position = max(entry.end, position + 4) if entry.end < len(part.span) else position + 4
        else:
            position += 4
        if walk.late:
            return
