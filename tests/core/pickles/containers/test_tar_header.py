"""Tar headers against what `tarfile` writes and reads."""

import tarfile
from typing import Final, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.containers.tar_header import is_header, number

FORMS: Final[tuple[Literal[0, 1], ...]] = (0, 1)
"""ustar and GNU, as tarfile numbers them."""


@given(st.integers(0, 2**40), st.sampled_from(FORMS))
def test_a_header_of_tarfile_is_one_and_its_size_is_read(size: int, form: Literal[0, 1]) -> None:
    info = tarfile.TarInfo("weights")
    info.size = size if form else size % 8**11
    block = info.tobuf(form)
    assert is_header(block)
    assert number(block[124:136]) == info.size


@given(st.integers(0, 511), st.integers(1, 255))
def test_one_other_byte_makes_it_none(place: int, change: int) -> None:
    block = bytearray(tarfile.TarInfo("weights").tobuf())
    block[place] = (block[place] + change) % 256
    if 148 <= place < 156:
        # A checksum may be written in more than one way.
        return
    assert not is_header(bytes(block))


@given(st.binary(min_size=8, max_size=8) | st.text("\x1c\x1f\t 01237_o-", min_size=8, max_size=8))
def test_a_checksum_fits_where_tarfile_finds_that_it_does(stated: bytes | str) -> None:
    block = bytearray(tarfile.TarInfo("weights").tobuf())
    block[148:156] = stated.encode() if isinstance(stated, str) else stated
    try:
        tarfile.TarInfo.frombuf(bytes(block), "utf-8", "strict")
    except tarfile.HeaderError:
        assert not is_header(bytes(block))
    else:
        assert is_header(bytes(block))


@pytest.mark.parametrize("before", ["\x1c", "\x1d", "\x1f", " ", "\t", "+", "0o"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_checksum_counts_however_it_is_written(before: str, sign: int) -> None:
    # Bytes above 127 make the two sums differ, of which tarfile takes either.
    block = bytearray(tarfile.TarInfo("weights").tobuf())
    block[400:410] = b"\x80" * 10
    rest = block[:148] + block[156:]
    block[148:156] = f"{before}{256 + sum(rest) - (sign < 0) * 256 * 10:o}".encode().ljust(8, b"\0")
    assert tarfile.TarInfo.frombuf(bytes(block), "utf-8", "surrogateescape").name == "weights"
    assert is_header(bytes(block))


@pytest.mark.parametrize("stated", [b" \0      ", b"0\0      ", bytes(8)])
def test_a_checksum_of_zero_counts_where_the_signed_sum_is_zero(stated: bytes) -> None:
    block = bytearray(tarfile.TarInfo("weights").tobuf())
    block[148:156] = stated
    for place in range(345, 500):
        total = 256 + sum(each - 256 * (each > 127) for each in block[:148] + block[156:])
        block[place] = max(-128, -total) % 256
    assert tarfile.TarInfo.frombuf(bytes(block), "utf-8", "surrogateescape").name.endswith("weights")
    assert is_header(bytes(block))


@pytest.mark.parametrize("block", [b"", bytes(512), bytes(511), b"x" * 512])
def test_other_bytes_are_none(block: bytes) -> None:
    assert not is_header(block)


@pytest.mark.parametrize(
    ("field", "value"), [(b"", 0), (b"0000644\0", 420), (b" 12 \0", 10), (b"99", None), (b"\x80\0\0\1", 1)]
)
def test_numbers(field: bytes, value: int | None) -> None:
    assert number(field) == value
