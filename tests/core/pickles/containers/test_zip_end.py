"""The end of a zip against where `zipfile` finds the directory."""

import io
import struct
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.containers.zip_end import find_end
from core.pickles.span import Span
from tests.core.pickles.samples import zipped


@given(
    st.binary(max_size=100).filter(lambda data: b"PK" not in data),
    st.dictionaries(st.text("abc/", min_size=1, max_size=5), st.binary(max_size=50)),
)
def test_the_directory_is_where_zipfile_finds_it(prefix: bytes, members: dict[str, bytes]) -> None:
    data = prefix + zipped(members)
    end = find_end(Span.of(data))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert end is not None
        assert end.directory == archive.start_dir
        assert end.entries == len(archive.infolist())
        assert end.prefix == len(prefix)
        assert end.end == len(data)


@pytest.mark.parametrize("size", [0, 1, 980, 1_002, 1_003, 65_535])
def test_a_comment_belongs_to_the_end(size: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"1")
        archive.comment = b"x" * size
    end = find_end(Span.of(file.getvalue()))
    assert end is not None
    assert end.end == len(file.getvalue())


def test_the_last_of_two_is_taken() -> None:
    first, second = zipped({"a": b"1"}), zipped({"b": b"2", "c": b"3"})
    end = find_end(Span.of(first + second))
    assert end is not None
    assert end.entries == 2
    assert end.prefix == len(first)


@pytest.mark.parametrize(
    "data", [b"", b"PK\x05\x06", b"x" * 100, b"PK\x05\x06" + b"\xff" * 18, b"PK\x05\x06" + bytes(17)]
)
def test_other_bytes_have_none(data: bytes) -> None:
    assert find_end(Span.of(data)) is None


def test_an_empty_zip_has_one() -> None:
    end = find_end(Span.of(zipped({})))
    assert end is not None
    assert end.entries == 0


def parts(data: bytes) -> tuple[bytes, bytes, int]:
    """A zip's members with their headers, its directory, and how many entries it has."""
    count, size, start = struct.unpack_from("<HLL", data, data.rindex(b"PK\5\6") + 10)
    return data[:start], data[start : start + size], count


def shifted(directory: bytes, by: int) -> bytes:
    """A directory of entries that lie farther back."""
    raw, position = bytearray(directory), 0
    while position < len(raw):
        lengths = struct.unpack_from("<HHH", raw, position + 28)
        (offset,) = struct.unpack_from("<L", raw, position + 42)
        struct.pack_into("<L", raw, position + 42, offset + by)
        position += 46 + sum(lengths)
    return bytes(raw)


def plain_end(count: int, size: int, stated: int, comment: bytes = b"") -> bytes:
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, stated, len(comment)) + comment


def zip64_end(count: int, size: int, stated: int) -> bytes:
    return struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, stated)


def locator(stated: int) -> bytes:
    return struct.pack("<4sLQL", b"PK\6\7", 0, stated, 1)


def in_a_comment(benign: bytes, hidden: bytes, *, by: int) -> bytes:
    """A zip with a whole other one in its comment, whose offsets are too large by a number."""
    first, directory, count = parts(benign)
    start = len(first) + len(directory) + 22
    members, inner, number = parts(hidden)
    comment = members + shifted(inner, start + by)
    comment += plain_end(number, len(inner), start + len(members) + by)
    return first + directory + plain_end(count, len(directory), len(first), comment)


def behind_its_end(benign: bytes, hidden: bytes) -> bytes:
    """A zip with another one in its comment, whose directory lies in the comment of that one's end record."""
    first, directory, count = parts(benign)
    start = len(first) + len(directory) + 22
    members, inner, number = parts(hidden)
    end = start + len(members)
    comment = members + plain_end(number, len(inner), end + 22, shifted(inner, start))
    return first + directory + plain_end(count, len(directory), len(first), comment)


def located_elsewhere(build: Callable[[bytes], bytes], hidden: bytes) -> bytes:
    """A zip64 whose locator points at another end record, which lies in a member."""
    members, inner, number = parts(hidden)
    raw = bytes(64) + members + inner + zip64_end(number, len(inner), 0)
    at = build(raw).index(raw) + 64
    raw = bytes(64) + members + shifted(inner, at) + zip64_end(number, len(inner), at + len(members))
    first, directory, count = parts(build(raw))
    end = zip64_end(count, len(directory), len(first)) + locator(at + len(members) + len(inner))
    return first + directory + end + plain_end(count, len(directory), len(first))


def with_zip64(data: bytes, prefix: bytes = b"") -> bytes:
    """The same zip with the records of zip64, as large ones have them."""
    first, directory, count = parts(data)
    end = zip64_end(count, len(directory), len(first)) + locator(len(first) + len(directory))
    return prefix + first + directory + end + plain_end(count, len(directory), len(first))


@pytest.mark.parametrize("prefix", [b"", b"\0" * 100])
def test_a_zip64_of_one_mind_has_no_doubts(prefix: bytes) -> None:
    end = find_end(Span.of(with_zip64(zipped({"a": b"1"}), prefix)))
    assert end is not None
    assert (end.zip64, end.prefix, end.doubts, end.rivals) == (True, len(prefix), (), ())


def test_offsets_that_are_too_large_count_as_zipfile_counts_them() -> None:
    data = in_a_comment(zipped({"a": b"1"}), zipped({"b": b"2"}), by=10**6)
    end = find_end(Span.of(data))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["b"]
        assert end is not None
        assert (end.directory, end.prefix) == (archive.start_dir, -(10**6))
    assert end.doubts


def test_a_directory_behind_its_end_record_is_a_doubt() -> None:
    data = behind_its_end(zipped({"a": b"1"}), zipped({"b": b"2"}))
    end = find_end(Span.of(data))
    assert end is not None
    assert end.directory > end.record
    assert end.doubts


def test_an_end_record_that_fits_nothing_is_a_doubt_about_the_one_before_it() -> None:
    end = find_end(Span.of(zipped({"a": b"1"}) + plain_end(1, 500, 10**6)))
    assert end is not None
    assert (end.entries, len(end.doubts)) == (1, 1)


def test_both_records_of_a_locator_that_points_elsewhere_are_given() -> None:
    data = located_elsewhere(lambda raw: zipped({"a": b"1", "raw": raw}), zipped({"b": b"2"}))
    end = find_end(Span.of(data))
    assert end is not None
    assert end.doubts
    assert [(rival.entries, data[rival.directory + 46 :][:1]) for rival in end.rivals] == [(1, b"b")]
    assert end.entries == 2


def test_the_record_is_searched_as_far_back_as_torch_does() -> None:
    data = zipped({"a": b"1"}) + bytes(65_600)
    assert find_end(Span.of(data)) is not None
