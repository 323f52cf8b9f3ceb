"""Which bytes of a file are pickles that can be stepped through: in the file as they are, or unpacked."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

from core.pickles.formats import Format
from core.pickles.member import Member
from core.pickles.report import ScanReport

_NPY_MAGIC: Final = b"\x93NUMPY"
_MOST: Final = 200
_STEPPED: Final = frozenset({Format.PICKLE, Format.TORCH_LEGACY, Format.JOBLIB, Format.NPY})


@dataclass(frozen=True)
class Stretch:
    """A stream of pickles in a file.

    Attributes:
        member: the name of the part of the file; empty for the file itself.
        offset: where the stream begins in the file; in its member if that was unpacked.
        data: its bytes.
        arrays: whether raw numbers lie between its opcodes, as joblib writes them: only joblib can load it.
        unpacked: whether its member is compressed in the file: then no offset is one of the file.
    """

    member: str
    offset: int
    data: bytes
    arrays: bool = False
    unpacked: bool = False


def stretches(data: bytes, report: ScanReport) -> tuple[Stretch, ...]:
    """The streams of pickles that lie in a file without compression, in the order of its members, each once.

    Args:
        data: the file.
        report: of its scan.
    """
    found: dict[tuple[int, int], Stretch] = {}
    for member in report.members[:_MOST]:
        stretch = _stretch(data, member)
        if stretch is not None:
            found.setdefault((stretch.offset, len(stretch.data)), stretch)
    return tuple(found.values())


def packed(report: ScanReport) -> tuple[Member, ...]:
    """The members with pickles that have to be unpacked before they can be stepped through."""
    return tuple(
        member
        for member in report.members
        if member.offset is None and member.pickles and member.format in _STEPPED
    )


def unpacked(data: bytes, member: Member) -> Stretch | None:
    """The stream of pickles in a member that was unpacked; None if it has none.

    Args:
        data: what was unpacked.
        member: what the scan says of it.
    """
    found = _stretch(data, replace(member, offset=0, size=len(data)))
    return None if found is None else replace(found, unpacked=True)


def _stretch(data: bytes, member: Member) -> Stretch | None:
    if member.offset is None or not member.pickles:
        return None
    start, end = member.offset, member.offset + member.size
    match member.format:
        case Format.PICKLE | Format.TORCH_LEGACY:
            return Stretch(member.name, start, data[start:end])
        case Format.JOBLIB:
            return Stretch(member.name, start, data[start:end], arrays=True)
        case Format.NPY:
            first = start + _npy_header(data[start : start + 12])
            return Stretch(member.name, first, data[first:end])
    return None


def _npy_header(head: bytes) -> int:
    """How long the header of an npy file is, its magic bytes included."""
    if not head.startswith(_NPY_MAGIC) or len(head) < 12:
        return 0
    if head[6] == 1:
        return 10 + int(struct.unpack_from("<H", head, 8)[0])
    return 12 + int(struct.unpack_from("<I", head, 8)[0])
