"""A zip's directory against `zipfile`, and headers that disagree."""

import io
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.containers.zip_directory import ZipError, entries, local
from core.pickles.containers.zip_end import find_end
from core.pickles.span import Span
from tests.core.pickles.samples import saved, tensors, zipped

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=9
)


@given(
    st.dictionaries(NAMES, st.binary(max_size=200), max_size=5),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_entries_are_what_zipfile_reads(members: dict[str, bytes], compression: int) -> None:
    data = zipped(members, compression)
    span = Span.of(data)
    end = find_end(span)
    assert end is not None
    found = list(entries(span, end))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry, info in zip(found, archive.infolist(), strict=True):
            assert (entry.name, entry.size, entry.crc) == (info.orig_filename, info.file_size, info.CRC)
            assert entry.header == info.header_offset
            assert entry.remarks == ()
            assert entry.data is not None
            assert entry.head == data[entry.data : entry.end][: len(entry.head)]
            assert data[: entry.header].endswith(entry.before)
            if compression == zipfile.ZIP_STORED:
                assert data[entry.data : entry.end] == members[info.orig_filename]


def test_what_torch_writes_has_no_disagreement() -> None:
    span = Span.of(saved(tensors()))
    end = find_end(span)
    assert end is not None
    assert all(entry.remarks == () for entry in entries(span, end))


def test_another_name_in_the_local_header_is_remarked() -> None:
    data = zipped({"good.pkl": b"abc"}).replace(b"good.pkl", b"evil.pkl", 1)
    span = Span.of(data)
    end = find_end(span)
    assert end is not None
    (entry,) = entries(span, end)
    assert entry.remarks == ("its local header calls it evil.pkl",)


def test_no_header_lies_before_the_first_byte() -> None:
    data = zipped({"a": b"1" * 100, "b": b"2" * 100})
    span = Span.of(data)
    end = find_end(span)
    assert end is not None
    first, second = entries(span, replace(end, prefix=-1))
    assert (first.header, first.data, first.head) == (-1, None, b"")
    assert first.remarks == second.remarks == ("there is no local header where the directory says",)


def test_a_directory_that_breaks_off_is_refused() -> None:
    data = bytearray(zipped({"a": b"1", "b": b"2"}))
    data[data.rindex(b"PK\x01\x02")] = 0
    span = Span.of(bytes(data))
    end = find_end(span)
    assert end is not None
    with pytest.raises(ZipError):
        list(entries(span, end))


def test_a_local_header_alone_tells_its_entry() -> None:
    data = zipped({"a": b"123"})
    entry = local(Span.of(data), 0, len(data))
    assert entry is not None
    assert (entry.name, entry.size) == ("a", 3)
    assert local(Span.of(data), 1, len(data)) is None
    assert local(Span.of(data), 0, 20) is None


def test_a_zip64_entry_is_read() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open("big", "w", force_zip64=True) as member:
        member.write(b"abc")
    span = Span.of(file.getvalue())
    end = find_end(span)
    assert end is not None
    (entry,) = entries(span, end)
    assert (entry.size, entry.remarks) == (3, ())
