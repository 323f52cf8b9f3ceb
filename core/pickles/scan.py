"""The scan of a file: what it is, what loading it would do, and what could not be read."""

from __future__ import annotations

import gc
import mmap
import os
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final

from core.pickles.bounds import DEFAULT, Bounds
from core.pickles.containers import (
    compressed,
    gguf,
    hdf5,
    npy,
    onnx,
    safetensors,
    stream,
    tar_file,
    text,
    torch_legacy,
    zip_file,
)
from core.pickles.containers.zip_end import End, find_end
from core.pickles.formats import COMPRESSED, Format, misnamed, promises, unloadable
from core.pickles.ledger import Reading
from core.pickles.member import Member, shown, writable
from core.pickles.report import ScanReport, failed
from core.pickles.sniff import GLANCE, sniff
from core.pickles.span import LargeFile, Span
from core.pickles.verdict import Verdict
from core.pickles.walk import Part, Walk

_READERS: Final[Mapping[Format, Callable[[Part, Walk], Format]]] = MappingProxyType({
    Format.PICKLE: stream.read,
    Format.TORCH_LEGACY: torch_legacy.read,
    Format.ZIP: zip_file.read,
    Format.TAR: tar_file.read,
    Format.NPY: npy.read,
    Format.SAFETENSORS: safetensors.read,
    Format.ONNX: onnx.read,
    Format.GGUF: gguf.read,
    Format.HDF5: hdf5.read,
    Format.TEXT: text.read,
    Format.PROGRAM: text.read_program,
    Format.ARCHIVE: text.read_archive,
    Format.EMPTY: text.read_empty,
    Format.UNKNOWN: text.read_unknown,
})  # fmt: skip
_TARS: Final = frozenset({Format.TAR, Format.TORCH_TAR})
_NPY: Final = b"\x93NUMPY"
_OF_VALUES: Final = frozenset(
    {Format.PICKLE, Format.JOBLIB, Format.TORCH_LEGACY, Format.NPY, Format.SAFETENSORS, Format.ONNX}
)
"""Formats of which every byte has its place: what lies in a value there was put there as one."""


def scan(data: bytes | mmap.mmap | LargeFile, name: str = "", bounds: Bounds = DEFAULT) -> ScanReport:
    """What loading bytes would do, without loading them. Never raises, whatever they are.

    Args:
        data: the file's content. What is no `bytes` is read in place.
        name: the file's name: what it says is held against the content, and never believed.
        bounds: what the scan may take.
    """
    start = time.perf_counter()
    name = writable(name)
    if len(data) > bounds.bytes:
        return failed(name, len(data), f"it has {len(data):,} bytes; at most {bounds.bytes:,} are read")
    walk = Walk(bounds, examine, name)
    part = Part("", Span.of(data))
    # What a scan makes it keeps: the collector would look at all of it again and again.
    collects = gc.isenabled()
    gc.disable()
    try:
        member = walk.examine(part)
    finally:
        if collects:
            gc.enable()
    kind = Format.UNKNOWN if member is None else member.format
    _hold_against_name(part, walk, kind, name)
    return ScanReport(
        name=name,
        format=kind,
        verdict=walk.worst,
        findings=tuple(walk.findings),
        members=tuple(each for each in walk.members if each is not None),
        ledger=walk.ledger,
        globals=tuple(walk.globals),
        calls=tuple(walk.calls),
        size=len(data),
        seconds=time.perf_counter() - start,
        notes=tuple(walk.notes),
        left_out=walk.findings_left_out,
    )


def scan_file(path: str | os.PathLike[str], name: str | None = None, bounds: Bounds = DEFAULT) -> ScanReport:
    """The same for a file, which is read in place and not into memory. Never raises.

    Args:
        path: the file.
        name: what it is called; by default as the path ends.
        bounds: what the scan may take.
    """
    called = writable(os.path.basename(path) if name is None else name)  # noqa: PTH119 - a str has no name
    try:
        # Not to wait for a pipe that nobody writes to.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        return failed(called, 0, f"it cannot be opened: {_reason(error)}")
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            return failed(called, 0, "it is no regular file")
        if not about.st_size:
            return scan(b"", called, bounds)
        file = LargeFile.of(descriptor, about.st_size)
        try:
            return scan(file, called, bounds)
        finally:
            # Something may still look at it; then it is closed with that.
            with suppress(BufferError):
                file.close()
    except (OSError, ValueError) as error:
        return failed(called, 0, f"it cannot be read: {_reason(error)}")
    finally:
        os.close(descriptor)


def examine(part: Part, walk: Walk) -> Member:
    """Looks at a part by its content, and at all that lies in it."""
    index = len(walk.members)
    walk.members.append(None)
    outer, walk.worst = walk.worst, Verdict.DATA_ONLY
    pickles = walk.pickles
    kind = Format.UNKNOWN
    try:
        kind = _read_raw(part, walk) if part.raw else _read(part, walk)
    except MemoryError:
        walk.unread(part, 0, len(part.span), "it asks for too much memory")
    except Exception as error:  # noqa: BLE001 - no bytes may end a scan, and what is unread is said
        walk.unread(part, 0, len(part.span), f"the reader of this format failed: {type(error).__name__}")
    if part.depth and not part.raw and promises(part.name):
        _hold_against_name(part, walk, kind, part.name)
    member = Member(part.name, part.span.offset, len(part.span), kind, walk.worst, walk.pickles - pickles)
    walk.members[index] = member
    if outer is not Verdict.DATA_ONLY:
        walk.worst = Verdict.worst(outer, walk.worst)
    return member


def _hold_against_name(part: Part, walk: Walk, kind: Format, name: str) -> None:
    if wrong := misnamed(name, kind):
        walk.find(part, None, wrong, Verdict.NEEDS_TRUST, subject="name")
    if useless := unloadable(name, kind):
        walk.unread(part, 0, len(part.span), useless)


def _read_raw(part: Part, walk: Walk) -> Format:
    """What a loader only copies: numbers, unless they name code."""
    # A zip without its directory is one to nobody.
    head = part.span.read(0, GLANCE)
    if head.startswith(_NPY) or (head.startswith(b"PK\x03\x04") and find_end(part.span) is not None):
        return _read(part, walk)
    if walk.evidence(part, 0, head):
        reason = "a pickle where a tensor's numbers should be"
        walk.find(part, 0, reason, Verdict.DANGEROUS, subject="polyglot")
        return Format.PICKLE
    walk.raw(part, 0, len(part.span), "numbers of a tensor")
    return Format.NUMBERS


def _read(part: Part, walk: Walk) -> Format:
    sniffed = sniff(part.span, walk.bounds)
    opening = sniffed.opening
    if sniffed.format is Format.PICKLE and opening is not None and stream.is_whole(opening, len(part.span)):
        kind = stream.adopt_whole(part, walk, opening)
    else:
        kind = _read_as(part, walk, sniffed.format)
    if kind is Format.TEXT and opening is not None and (names := opening.globals):
        named = shown(f"{names[0].module}.{names[0].name}".strip("."))
        reason = f"its first lines, read as a pickle, ask for {named or 'something'} to be imported"
        walk.find(part, 0, reason, Verdict.NEEDS_TRUST, subject="text")
    for other in sniffed.also:
        _read_also(part, walk, kind, other)
    return kind


def _read_as(part: Part, walk: Walk, kind: Format) -> Format:
    if kind in COMPRESSED:
        return compressed.read(part, walk, kind)
    return _READERS[kind](part, walk)


def _read_also(part: Part, walk: Walk, kind: Format, other: Format) -> None:
    """What another loader would take the same bytes for."""
    end = find_end(part.span) if other is Format.ZIP else None
    if end is not None and kind in _TARS and _in_a_member(part, walk, end):
        return
    if end is not None and kind in _OF_VALUES and _in_a_value(part, walk, end):
        walk.note("A reader that starts at the end opens the zip that lies in the bytes of a value.")
        walk.examine(part.inner("zip", part.span.part(end.prefix, end.end)))
        return
    reason = f"it is {kind.value} and {other.value} at once: loaders disagree about what it is"
    walk.find(part, 0, reason, Verdict.DANGEROUS, subject="polyglot")
    _read_as(part, walk, other)


def _in_a_member(part: Part, walk: Walk, end: End) -> bool:
    """Whether a zip that a tar ends with lies in one of the tar's members, which was examined."""
    if end.doubts:
        return False
    for place in walk.places:
        first = place.start - part.span.start
        smaller = place.whole is part.span.whole and first >= 0 and len(place) < len(part.span)
        if smaller and first <= end.prefix and end.end <= first + len(place):
            return True
    return False


def _in_a_value(part: Part, walk: Walk, end: End) -> bool:
    """Whether a zip lies in a stretch that was read as one: a pickle, or the numbers of an array."""
    return not end.doubts and any(
        entry.member == part.name
        and entry.reading is not Reading.UNREAD
        and entry.start < end.prefix
        and end.end <= entry.end == len(part.span)
        for entry in walk.entries
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or "the path is not valid")
