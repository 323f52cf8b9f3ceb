"""LZ4 blocks and frames put together by hand from the format's description."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.containers.lz4_frame import Lz4Error, block, unpack
from core.pickles.span import Span


def frame(content: bytes, *, stored: bool = True, flags: int = 0x60) -> bytes:
    """A frame of one block; its header's checksum is not looked at."""
    body = content if stored else literal_block(content)
    size = len(body) | (1 << 31 if stored else 0)
    blocks = size.to_bytes(4, "little") + body if content else b""
    return b"\x04\x22\x4d\x18" + bytes([flags, 0x70, 0]) + blocks + bytes(4)


def literal_block(content: bytes) -> bytes:
    """A compressed block that is one run of literals."""
    if len(content) < 15:
        return bytes([len(content) << 4]) + content
    rest = len(content) - 15
    return b"\xf0" + b"\xff" * (rest // 255) + bytes([rest % 255]) + content


def unpacked(data: bytes) -> bytes:
    return b"".join(piece for piece, _ in unpack(Span.of(data)))


@given(st.binary(max_size=2000), st.booleans())
def test_a_frame_gives_what_was_put_in(content: bytes, stored: bool) -> None:
    assert unpacked(frame(content, stored=stored)) == content


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_frames_one_after_another_give_both(first: bytes, second: bytes) -> None:
    assert unpacked(frame(first) + frame(second, stored=False)) == first + second


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        # Two literals; then 4 bytes from 2 back, which repeat what they write; then the last literals.
        (b"\x20ab\x02\x00\x50vwxyz", b"abababvwxyz"),
        (b"\x10a\x01\x00\x00", b"aaaaa"),
        (b"\x1fa\x01\x00\x05\x00", b"a" + b"a" * 24),
    ],
)
def test_a_repetition_may_overlap_itself(raw: bytes, expected: bytes) -> None:
    assert block(raw, 1000) == expected


def test_a_block_may_refer_to_the_one_before() -> None:
    assert block(b"\x00\x03\x00\x00", 1000, history=b"xyz") == b"xyzx"


@pytest.mark.parametrize(
    "raw",
    [
        b"\x20a",
        b"\x10a\x02\x00\x00",
        b"\x10a\x00\x00\x00",
        b"\xf0\xff",
        b"\x10a\x01\x00\x0f\xff\xff\xff\xff\x00",
    ],
)
def test_a_block_that_lies_is_refused(raw: bytes) -> None:
    with pytest.raises(Lz4Error):
        block(raw, 1000)


@given(st.binary(max_size=200))
def test_no_bytes_end_otherwise_than_with_the_one_error(data: bytes) -> None:
    found = b""
    with suppress(Lz4Error):
        found = block(data, 5000)
    assert len(found) <= 5000


@pytest.mark.parametrize(
    "data", [b"", b"\x04\x22\x4d\x18", frame(b"abc")[:-6], b"\x04\x22\x4d\x18\x61\x70\0" + bytes(8)]
)
def test_a_frame_that_is_cut_off_or_needs_a_dictionary_is_refused(data: bytes) -> None:
    with pytest.raises(Lz4Error):
        unpacked(data)
