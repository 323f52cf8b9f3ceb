"""Stretches of bytes against slices of the same bytes."""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.span import MappedFile, Span

DATA = bytes(range(256)) * 4


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mmap.mmap]:
    path: Path = tmp_path_factory.mktemp("mapped") / "data"
    path.write_bytes(DATA)
    os.truncate(path, 2**24 + 1)
    descriptor = os.open(path, os.O_RDONLY)
    with MappedFile.of(descriptor) as found:
        yield found
    os.close(descriptor)


@given(st.integers(0, 1100), st.integers(0, 1100), st.integers(-5, 1100), st.integers(0, 1100))
def test_a_mapped_file_reads_as_its_bytes_do(
    mapped: mmap.mmap, start: int, end: int, first: int, size: int
) -> None:
    assert type(mapped) is MappedFile
    read = Span.of(mapped).part(0, len(DATA)).part(start, end).read(first, size)
    assert read == Span.of(DATA).part(start, end).read(first, size)
    assert type(read) is bytes
    with Span.of(mapped).part(0, len(DATA)).part(start, end).view() as view:
        assert view == DATA[start : max(start, end)]


def test_much_of_a_mapped_file_is_copied_from_its_pages(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(DATA * 2**14 + b"end")
    with path.open("rb") as file, MappedFile.of(file.fileno()) as mapped:
        span = Span.of(mapped)
        assert type(mapped) is MappedFile
        for size in (2**20, 2**20 + 1):
            assert span.read(3, size) == (DATA * 1025)[3 : size + 3]
            with span.part(3, size + 3).view() as view:
                assert view == (DATA * 1025)[3 : size + 3]
        assert span.read(len(span) - 2, 2**21) == b"nd"


def test_a_small_file_is_read_from_its_pages(tmp_path: Path) -> None:
    path = tmp_path / "small"
    path.write_bytes(DATA)
    with path.open("rb") as file, MappedFile.of(file.fileno()) as mapped:
        assert type(mapped) is mmap.mmap
        assert Span.of(mapped).read(3, 5) == DATA[3:8]


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
