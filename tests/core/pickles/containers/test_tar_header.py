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


@pytest.mark.parametrize("block", [b"", bytes(512), bytes(511), b"x" * 512])
def test_other_bytes_are_none(block: bytes) -> None:
    assert not is_header(block)


@pytest.mark.parametrize(
    ("field", "value"), [(b"", 0), (b"0000644\0", 420), (b" 12 \0", 10), (b"99", None), (b"\x80\0\0\1", 1)]
)
def test_numbers(field: bytes, value: int | None) -> None:
    assert number(field) == value
