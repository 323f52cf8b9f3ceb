"""A zip's directory, entry by entry, held against the local headers: readers differ in which they believe.

torch's reader takes names and sizes from the central directory and ignores checksums; CPython's `zipfile`
refuses an entry whose local header has another name. Whoever reads a stream sees the local headers alone.
PKWARE's APPNOTE, 4.3.7 to 4.3.12 and 4.5.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from core.pickles.containers.zip_end import End
from core.pickles.span import Span

STORED: Final = 0
DEFLATED: Final = 8
BZIP2: Final = 12
LZMA: Final = 14
_ENTRY: Final = struct.Struct("<8x2H4x3L3H8xL")
"""Flags, method, checksum, packed and unpacked size, sizes of name, extra field and comment, place."""
_LOCAL: Final = struct.Struct("<6x2H4x3L2H")
"""Flags, method, checksum, packed and unpacked size, sizes of name and extra field."""
_CENTRAL: Final = b"PK\x01\x02"
_HEADER: Final = b"PK\x03\x04"
_ZIP64: Final = 0x0001
_UTF8: Final = 0x800
_DESCRIPTOR: Final = 0x8
_ENCRYPTED: Final = 0x1 | 0x40
_MAX32: Final = 0xFFFFFFFF
_NAME: Final = 4_096
_READ: Final = 256
"""How many bytes of a header are read at first: usually all of it."""
_BEFORE: Final = 32
"""How many bytes before it are read with it: a data descriptor has at most 24."""
_BLOCK: Final = 2**16
"""How many bytes of a directory are read at once."""


class ZipError(ValueError):
    """A directory that cannot be read. The text is one line."""


class ZipEntry(NamedTuple):
    """One entry, as the directory has it.

    Attributes:
        name: its name in the directory.
        method: how it is compressed.
        crc: the checksum that it states.
        packed: its size in the file, bytes.
        size: its size unpacked, bytes.
        header: where its local header begins.
        data: where its data begin; None if there is no local header.
        end: the byte after its data.
        encrypted: whether a password is needed.
        local_name: the name in the local header.
        remarks: in what the two differ, one line each.
        head: the first bytes of its data, as many as were read with its header.
        before: the last bytes before its header, as many as were read with it.
    """

    name: str
    method: int
    crc: int
    packed: int
    size: int
    header: int
    data: int | None
    end: int
    encrypted: bool
    local_name: str
    remarks: tuple[str, ...]
    head: bytes = b""
    before: bytes = b""


def entries(span: Span, end: End) -> Iterator[ZipEntry]:
    """The directory's entries in its order.

    Raises:
        ZipError: where it breaks off.
    """
    position, last = end.directory, end.directory + end.size
    block, begins = b"", position
    while position < last:
        if position - begins + _READ > len(block) and begins + len(block) < len(span):
            block, begins = span.read(position, min(last - position + _READ, _BLOCK)), position
        at = position - begins
        if len(block) < at + _ENTRY.size or not block.startswith(_CENTRAL, at):
            raise ZipError(f"its directory breaks off at byte {position:,}")
        fields = _ENTRY.unpack_from(block, at)
        flags, method, crc, packed, size, name_size, extra_size, comment_size, header = fields
        at += _ENTRY.size
        name = _field(span, begins, block, at, min(name_size, _NAME))
        sizes = size, packed, header
        if _MAX32 in sizes:
            sizes = _sizes64(_field(span, begins, block, at + name_size, extra_size), *sizes)
        position += _ENTRY.size + name_size + extra_size + comment_size
        yield _entry(span, end.prefix, name, (flags, method), crc, sizes)


def _field(span: Span, begins: int, block: bytes, start: int, size: int) -> bytes:
    """A field of a header: of a block that was read, if it is in it.

    Args:
        span: the zip.
        begins: where the block begins in it.
        block: some of its bytes.
        start: where the field begins in the block.
        size: of the field, bytes.
    """
    return block[start : start + size] if start + size <= len(block) else span.read(begins + start, size)


def local(span: Span, offset: int, limit: int) -> ZipEntry | None:
    """What a local header says that no directory mentions; None if there is none at an offset.

    Args:
        span: the zip.
        offset: where the header may be.
        limit: where its data end at the latest.
    """
    raw = span.read(offset, _READ)
    if len(raw) < _LOCAL.size or not raw.startswith(_HEADER):
        return None
    flags, method, crc, packed, size, name_size, extra_size = _LOCAL.unpack_from(raw)
    if not 0 < name_size <= _NAME or method > 99:
        return None
    name = _decode(_field(span, offset, raw, _LOCAL.size, name_size), flags)
    behind = _LOCAL.size + name_size
    if _MAX32 in (size, packed):
        size, packed, _ = _sizes64(_field(span, offset, raw, behind, extra_size), size, packed, 0)
    data = offset + behind + extra_size
    if not packed and flags & _DESCRIPTOR:
        packed = size = limit - data
    if data > limit or data + packed > limit:
        return None
    locked = bool(flags & _ENCRYPTED)
    return ZipEntry(name, method, crc, packed, size, offset, data, data + packed, locked, name, ())


def _entry(
    span: Span, prefix: int, written: bytes, flags: tuple[int, int], crc: int, sizes: tuple[int, int, int]
) -> ZipEntry:
    (flag, method), (size, packed, stated) = flags, sizes
    name = _decode(written, flag)
    header = stated + prefix
    begins = max(0, header - _BEFORE)
    at = header - begins
    block = span.read(begins, at + _READ) if header >= 0 else b""
    encrypted = bool(flag & _ENCRYPTED)
    if len(block) < at + _LOCAL.size or not block.startswith(_HEADER, at):
        remark = "there is no local header where the directory says"
        end = header + packed
        return ZipEntry(name, method, crc, packed, size, header, None, end, encrypted, "", (remark,))
    fields = _LOCAL.unpack_from(block, at)
    local_flags, local_method, _, local_packed, local_size, name_size, extra_size = fields
    named = at + _LOCAL.size
    behind = named + name_size
    local_name = name
    if block[named:behind] != written or local_flags != flag:
        local_name = _decode(_field(span, begins, block, named, min(name_size, _NAME)), local_flags)
    if _MAX32 in (local_size, local_packed):
        extra = _field(span, begins, block, behind, extra_size)
        local_size, local_packed, _ = _sizes64(extra, local_size, local_packed, 0)
    remarks = []
    if local_name != name:
        remarks.append(f"its local header calls it {local_name}")
    if local_method != method:
        remarks.append("its local header names another compression")
    if not local_flags & _DESCRIPTOR and (local_size, local_packed) != (size, packed):
        remarks.append("its local header states other sizes")
    if (local_flags ^ flag) & _ENCRYPTED:
        encrypted = True
        remarks.append("only one of its headers says that it is encrypted")
    if method == STORED and packed != size:
        remarks.append("it is stored, and its two sizes differ")
    behind += extra_size
    data = begins + behind
    end = data + packed
    if end > len(span):
        remarks.append("it ends after the file")
    return ZipEntry(
        name,
        method,
        crc,
        packed,
        size,
        header,
        data,
        end,
        encrypted,
        local_name,
        tuple(remarks),
        block[behind : behind + packed],
        block[:at],
    )


def _decode(raw: bytes, flags: int) -> str:
    """A name, as `zipfile` decodes it; what follows a null byte is not part of it."""
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        name = raw.decode("latin-1")
    return name.split("\0", 1)[0]


def _sizes64(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """Sizes that do not fit 32 bits lie in an extra field, in this order, only where they are needed."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == _ZIP64:
            numbers = [
                int.from_bytes(extra[at : at + 8], "little")
                for at in range(position + 4, min(position + 4 + length, len(extra)) - 7, 8)
            ]
            if size == _MAX32 and numbers:
                size = numbers.pop(0)
            if packed == _MAX32 and numbers:
                packed = numbers.pop(0)
            if header == _MAX32 and numbers:
                header = numbers.pop(0)
            break
        position += 4 + length
    return size, packed, header
