"""Compressed files: unpacked piece by piece, never beyond the bounds, and then looked at by their content."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from core.pickles.containers import lz4_frame
from core.pickles.containers.stream import zeros_end
from core.pickles.formats import Format
from core.pickles.sniff import ZFILE_HEADER
from core.pickles.span import Span
from core.pickles.walk import CHUNK, Part, Walk

_INPUT: Final = 2**16
_LARGE: Final = 2**27
_MOST_RATIO: Final = 100
"""A content beyond `_LARGE` bytes may be so many times as long as it was packed."""
_BLOCK: Final = 512
_LZMA_BYTES: Final = 128 * 2**20


class UnpackError(ValueError):
    """Bytes that cannot be unpacked, or only beyond the bounds. The text is one line."""


UNPACKED: Final = "content"
"""What the one thing in a compressed file is called."""


def read(part: Part, walk: Walk, kind: Format) -> Format:
    """Unpacks a compressed file and examines what was in it."""
    start = 0
    if kind is Format.ZFILE:
        start = ZFILE_HEADER + (part.span.read(ZFILE_HEADER, 1) == b" ")
    data, used, problem = unpack(part.span.part(start), walk, kind)
    if problem:
        walk.unread(part, start, len(part.span), problem)
        if not data:
            return kind
    elif start + used < len(part.span):
        zeros = zeros_end(part, start + used)
        if zeros > start + used:
            walk.raw(part, start + used, zeros, "zeros after the compressed data")
        if zeros < len(part.span):
            walk.unread(part, zeros, len(part.span), "bytes after the compressed data")
    walk.read(part, 0, start + used, f"{kind.value}, {len(data):,} bytes unpacked")
    walk.examine(part.inner(UNPACKED, Span.of(data, unpacked=True)))
    return kind


def unpack_deflated(span: Span, walk: Walk, method: int) -> tuple[bytes, str]:
    """What an entry of a zip holds, by the number of its compression; and what went wrong in one line."""
    stream = _METHODS.get(method)
    if stream is None:
        return b"", f"its compression, number {method}, is not known"
    data, _, problem = _collect(span, walk, stream, "a zip's entry")
    return data, problem


def unpack(span: Span, walk: Walk, kind: Format) -> tuple[bytes, int, str]:
    """What compressed bytes hold.

    Returns:
        the content as far as it could be unpacked, how many bytes that took, and what went wrong in one line.
    """
    return _collect(span, walk, _STREAMS[kind], kind.value)


def _collect(
    span: Span, walk: Walk, stream: Callable[[Span], Iterator[tuple[bytes, int]]], called: str
) -> tuple[bytes, int, str]:
    limit = min(walk.bounds.member_bytes, walk.expansion_left, max(_LARGE, _MOST_RATIO * len(span)))
    # Its value is given without a copy, other than that of many pieces.
    content = io.BytesIO()
    size = used = 0
    problem = ""
    try:
        for piece, taken in stream(span):
            size, used = size + len(piece), taken
            if size > limit:
                raise UnpackError(f"it unpacks to more than {limit:,} bytes")
            content.write(piece)
            if walk.late:
                raise UnpackError(f"the {walk.bounds.seconds:g} s of this scan were over")
    except UnpackError as error:
        problem = str(error)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, lz4_frame.Lz4Error) as error:
        problem = f"it cannot be unpacked as {called}: {error}"
    except MemoryError:
        problem = "it asks for too much memory"
    walk.take_expansion(size)
    return content.getvalue(), used, problem


def _deflate(span: Span) -> Iterator[tuple[bytes, int]]:
    return _zlib(span, -15, several=False)


def _zip_lzma(span: Span) -> Iterator[tuple[bytes, int]]:
    """LZMA as zips have it: a version, the size of the properties, the properties, a raw stream."""
    head = span.read(0, 9)
    if len(head) < 9 or head[2:4] != b"\x05\0":
        raise UnpackError("its LZMA properties are not known")
    rest, lc = divmod(head[4], 9)
    pb, lp = divmod(rest, 5)
    properties = {
        "id": lzma.FILTER_LZMA1,
        "lc": lc,
        "lp": lp,
        "pb": pb,
        "dict_size": min(int.from_bytes(head[5:9], "little"), _LZMA_BYTES // 2),
    }
    machine = lzma.LZMADecompressor(lzma.FORMAT_RAW, None, [properties])
    position = 9
    # Without an end marker the stream ends with its bytes.
    while not machine.eof and (position < len(span) or not machine.needs_input):
        given = span.read(position, _INPUT) if machine.needs_input else b""
        position += len(given)
        yield machine.decompress(given, CHUNK), position


def _zlib(span: Span, window: int, *, several: bool) -> Iterator[tuple[bytes, int]]:
    position = 0
    while position < len(span):
        machine = zlib.decompressobj(window)
        waiting = b""
        while not machine.eof:
            if not waiting:
                waiting = span.read(position, _INPUT)
                position += len(waiting)
                if not waiting:
                    raise UnpackError("it is cut off")
            piece = machine.decompress(waiting, CHUNK)
            waiting = machine.unconsumed_tail
            yield piece, position - len(waiting)
        position -= len(machine.unused_data)
        yield machine.flush(), position
        # Python's gzip reads on behind any number of zeros.
        position = _behind_zeros(span, position) if several else position
        if not several or span.read(position, 2) != b"\x1f\x8b":
            return


def _behind_zeros(span: Span, position: int) -> int:
    size = _BLOCK
    while piece := span.read(position, size):
        if other := piece.lstrip(b"\0"):
            return position + len(piece) - len(other)
        # Many members with a few zeros each are not worth a large look each.
        position, size = position + len(piece), min(2 * size, CHUNK)
    return position


def _gzip(span: Span) -> Iterator[tuple[bytes, int]]:
    return _zlib(span, 31, several=True)


def _zlib_alone(span: Span) -> Iterator[tuple[bytes, int]]:
    return _zlib(span, 15, several=False)


def _bz2(span: Span) -> Iterator[tuple[bytes, int]]:
    return _streams(span, bz2.BZ2Decompressor, b"BZh")


def _xz(span: Span) -> Iterator[tuple[bytes, int]]:
    return _streams(span, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _LZMA_BYTES), b"\xfd7zXZ\0")


def _lzma(span: Span) -> Iterator[tuple[bytes, int]]:
    return _streams(span, lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, _LZMA_BYTES), b"")


def _streams(
    span: Span, make: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor], magic: bytes
) -> Iterator[tuple[bytes, int]]:
    position = 0
    while True:
        machine = make()
        while not machine.eof:
            given = b""
            if machine.needs_input:
                given = span.read(position, _INPUT)
                position += len(given)
                if not given:
                    raise UnpackError("it is cut off")
            yield machine.decompress(given, CHUNK), position
        position -= len(machine.unused_data)
        yield b"", position
        # An xz file may have zeros between its streams.
        if not magic or span.read(position, len(magic)) != magic:
            return


def _lz4(span: Span) -> Iterator[tuple[bytes, int]]:
    return lz4_frame.unpack(span)


_STREAMS: Final[dict[Format, Callable[[Span], Iterator[tuple[bytes, int]]]]] = {
    Format.GZIP: _gzip,
    Format.ZLIB: _zlib_alone,
    Format.ZFILE: _zlib_alone,
    Format.BZ2: _bz2,
    Format.XZ: _xz,
    Format.LZMA: _lzma,
    Format.LZ4: _lz4,
}
_METHODS: Final[dict[int, Callable[[Span], Iterator[tuple[bytes, int]]]]] = {
    8: _deflate,
    12: _bz2,
    14: _zip_lzma,
}
