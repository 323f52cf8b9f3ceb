"""Stretches of bytes against slices of the same bytes."""

import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.span import Span

DATA = bytes(range(256)) * 4


@given(st.integers(0, 1100), st.integers(0, 1100), st.integers(0, 1100), st.integers(0, 1100))
def test_a_part_of_a_part_is_the_slice_of_the_slice(a: int, b: int, c: int, d: int) -> None:
    span = Span.of(DATA).part(a, b).part(c, d)
    expected = DATA[a : max(a, b)][c : max(c, d)]
    with span.view() as view:
        assert bytes(view) == expected
    assert len(span) == len(expected)
    assert span.read(0, len(DATA)) == expected


@given(st.integers(0, 1100), st.integers(0, 1100), st.binary(min_size=1, max_size=2))
def test_bytes_are_found_where_they_are_in_the_slice(a: int, b: int, needle: bytes) -> None:
    span = Span.of(DATA).part(a, b)
    expected = DATA[a : max(a, b)]
    assert span.find(needle) == expected.find(needle)
    assert span.rfind(needle) == expected.rfind(needle)


def test_nothing_is_read_beyond_the_end_of_a_part() -> None:
    assert Span.of(DATA).part(10, 20).read(8, 100) == DATA[18:20]


def test_a_part_knows_where_it_lies_in_the_file() -> None:
    assert Span.of(DATA).part(10).part(5).offset == 15
    assert Span.of(DATA, unpacked=True).part(10).offset is None


def test_a_mapped_file_can_be_closed_once_its_views_are_released() -> None:
    mapped = mmap.mmap(-1, 100)
    span = Span.of(mapped)
    view = span.part(10, 20).view()
    with pytest.raises(BufferError):
        mapped.close()
    view.release()
    mapped.close()
