"""LZ4 frames, unpacked in plain Python: the LZ4 frame format 1.6.1 and the LZ4 block format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.pickles.span import Span

_MAGIC: Final = b"\x04\x22\x4d\x18"
_SKIPPABLE: Final = 0x184D2A50
_HISTORY: Final = 65_536
_BLOCK_SIZES: Final = {4: 2**16, 5: 2**18, 6: 2**20, 7: 2**22}


class Lz4Error(ValueError):
    """Bytes that are no LZ4 frame. The text is one line."""


def unpack(span: Span) -> Iterator[tuple[bytes, int]]:
    """The content of one frame or several, block by block, each with how many bytes were read up to there.

    Checksums are not compared: what they cover is examined by its content.

    Raises:
        Lz4Error: if it is none, or is cut off.
    """
    position = 0
    while True:
        yield from _frame(span, position)
        position = _end(span, position)
        yield b"", position
        head = span.read(position, 8)
        while len(head) == 8 and int.from_bytes(head[:4], "little") & 0xFFFFFFF0 == _SKIPPABLE:
            position += 8 + int.from_bytes(head[4:], "little")
            head = span.read(position, 8)
        if head[:4] != _MAGIC:
            return


def _header(span: Span, position: int) -> tuple[int, int, int]:
    """Where the blocks begin, the frame's flags, and the size that a block may have."""
    head = span.read(position, 7)
    if head[:4] != _MAGIC or len(head) < 7:
        raise Lz4Error("the magic number is missing")
    flags, description = head[4], head[5]
    if flags >> 6 != 1:
        raise Lz4Error(f"version {flags >> 6} is not known")
    if flags & 1:
        raise Lz4Error("it needs a dictionary that is not in it")
    size = _BLOCK_SIZES.get(description >> 4 & 7)
    if size is None:
        raise Lz4Error("its block size is not known")
    return position + 6 + (8 if flags & 8 else 0) + 1, flags, size


def _end(span: Span, position: int) -> int:
    """Where a frame ends."""
    position, flags, _ = _header(span, position)
    while True:
        size = int.from_bytes(_exactly(span, position, 4), "little")
        position += 4
        if not size:
            return position + (4 if flags & 4 else 0)
        position += (size & 0x7FFFFFFF) + (4 if flags & 16 else 0)


def _frame(span: Span, position: int) -> Iterator[tuple[bytes, int]]:
    position, flags, most = _header(span, position)
    history = b""
    while True:
        size = int.from_bytes(_exactly(span, position, 4), "little")
        position += 4
        if not size:
            return
        stored, size = bool(size >> 31), size & 0x7FFFFFFF
        if size > most:
            raise Lz4Error("a block is longer than its frame allows")
        raw = _exactly(span, position, size)
        position += size + (4 if flags & 16 else 0)
        independent = bool(flags & 32)
        piece = raw if stored else block(raw, most, b"" if independent else history)
        history = (history + piece)[-_HISTORY:]
        yield piece, position


def block(raw: bytes, most: int, history: bytes = b"") -> bytes:
    """One compressed block.

    Args:
        raw: the block.
        most: how many bytes it may give.
        history: what came before it, where a block may refer to that.

    Raises:
        Lz4Error: if it is none.
    """
    out = bytearray(history)
    limit = len(history) + most
    position = 0
    while position < len(raw):
        token = raw[position]
        literals, position = _length(raw, position + 1, token >> 4)
        if position + literals > len(raw) or len(out) + literals > limit:
            raise Lz4Error("a run of bytes ends after its block")
        out += raw[position : position + literals]
        position += literals
        if position == len(raw):
            break
        distance = int.from_bytes(raw[position : position + 2], "little")
        length, position = _length(raw, position + 2, token & 15)
        length += 4
        if not 0 < distance <= len(out) or len(out) + length > limit:
            raise Lz4Error("a repetition refers to nothing")
        if distance >= length:
            out += out[len(out) - distance : len(out) - distance + length]
        else:
            pattern = bytes(out[-distance:])
            out += (pattern * (length // distance + 1))[:length]
    return bytes(out[len(history) :])


def _length(raw: bytes, position: int, start: int) -> tuple[int, int]:
    if start < 15:
        return start, position
    while position < len(raw):
        byte = raw[position]
        position += 1
        start += byte
        if byte < 255:
            return start, position
    raise Lz4Error("a length is cut off")


def _exactly(span: Span, position: int, size: int) -> bytes:
    data = span.read(position, size)
    if len(data) < size:
        raise Lz4Error("it is cut off")
    return data
