"""The end of a zip against where `zipfile` finds the directory."""

import io
import zipfile

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


def test_a_comment_belongs_to_the_end() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"1")
        archive.comment = b"x" * 1000
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
