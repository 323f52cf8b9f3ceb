"""Stretches of bytes against slices of the same bytes."""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.span import LargeFile, Span

DATA = bytes(range(256)) * 4


@contextmanager
def opened(path: Path) -> Iterator[mmap.mmap | LargeFile]:
    with path.open("rb") as file:
        yield (found := LargeFile.of(file.fileno(), path.stat().st_size))
        found.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mmap.mmap | LargeFile]:
    path: Path = tmp_path_factory.mktemp("large") / "data"
    path.write_bytes(DATA)
    os.truncate(path, 2**24 + 1)
    with opened(path) as found:
        yield found


@given(st.integers(0, 1100), st.integers(0, 1100), st.integers(-5, 1100), st.integers(0, 1100))
def test_a_large_file_reads_as_its_bytes_do(
    large: mmap.mmap | LargeFile, start: int, end: int, first: int, size: int
) -> None:
    assert type(large) is LargeFile
    read = Span.of(large).part(0, len(DATA)).part(start, end).read(first, size)
    assert read == Span.of(DATA).part(start, end).read(first, size)
    assert type(read) is bytes
    with Span.of(large).part(0, len(DATA)).part(start, end).view() as view:
        assert view == DATA[start : max(start, end)]


def test_much_of_a_large_file_is_copied_from_its_pages(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(DATA * 2**14 + b"end")
    with opened(path) as found:
        span = Span.of(found)
        assert type(found) is LargeFile
        for size in (2**20, 2**20 + 1):
            assert span.read(3, size) == (DATA * 1025)[3 : size + 3]
            with span.part(3, size + 3).view() as view:
                assert view == (DATA * 1025)[3 : size + 3]
        assert span.read(len(span) - 2, 2**21) == b"nd"
        assert (span.find(b"end"), span.rfind(b"\0\1"), span.find(b"dne")) == (2**24, 2**24 - 256, -1)


def test_a_large_file_cannot_be_closed_while_its_pages_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(DATA * 2**14 + b"end")
    with opened(path) as found:
        with Span.of(found).view(), pytest.raises(BufferError):
            found.close()
        found.close()


def test_a_small_file_is_read_from_its_pages(tmp_path: Path) -> None:
    path = tmp_path / "small"
    path.write_bytes(DATA)
    with opened(path) as found:
        assert type(found) is mmap.mmap
        assert Span.of(found).read(3, 5) == DATA[3:8]


@given(
    st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(-5, 100), st.integers(0, 100)
)
def test_what_was_read_already_is_read_no_other_way(a: int, b: int, kept: int, first: int, size: int) -> None:
    known = Span.of(DATA).part(a, b, DATA[a : max(a, b)][:kept])
    assert known.read(first, size) == Span.of(DATA).part(a, b).read(first, size)


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
