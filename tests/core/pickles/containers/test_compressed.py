"""Compressed files: unpacked within bounds, and judged by what is in them."""

import bz2
import gzip
import lzma
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.bounds import DEFAULT
from core.pickles.formats import Format
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.containers.test_lz4_frame import frame
from tests.core.pickles.samples import benign, planted


def zfile(data: bytes) -> bytes:
    """joblib's own wrapping before 0.10: a prefix, the size in hexadecimal digits, zlib."""
    return b"ZF" + hex(len(data)).ljust(19).encode() + zlib.compress(data)


WRAPPINGS: dict[Format, Callable[[bytes], bytes]] = {
    Format.GZIP: gzip.compress,
    Format.BZ2: bz2.compress,
    Format.XZ: lzma.compress,
    Format.LZMA: lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    Format.ZLIB: zlib.compress,
    Format.LZ4: frame,
    Format.ZFILE: zfile,
}
KINDS = pytest.mark.parametrize("kind", list(WRAPPINGS))


@KINDS
def test_what_is_in_it_decides(kind: Format) -> None:
    wrap = WRAPPINGS[kind]
    good, bad = scan(wrap(benign())), scan(wrap(planted()))
    assert (good.format, good.verdict) == (kind, Verdict.DATA_ONLY)
    assert (bad.format, bad.verdict) == (kind, Verdict.DANGEROUS)
    assert [member.format for member in good.members] == [kind, Format.PICKLE]
    assert good.members[1].offset is None


@KINDS
def test_one_in_another_is_read(kind: Format) -> None:
    assert scan(gzip.compress(WRAPPINGS[kind](planted()))).verdict is Verdict.DANGEROUS


@KINDS
def test_what_is_cut_off_could_not_be_read(kind: Format) -> None:
    data = WRAPPINGS[kind](benign() * 50)
    assert scan(data[: len(data) * 2 // 3]).verdict is Verdict.COULD_NOT_READ


def test_a_call_is_found_even_where_the_compressed_data_break_off() -> None:
    data = gzip.compress(planted() + bytes(100), compresslevel=0)
    assert scan(data[:-40]).verdict is Verdict.DANGEROUS


@KINDS
def test_a_bomb_ends_at_the_bound(kind: Format) -> None:
    bounds = replace(DEFAULT, expansion=2**20, member_bytes=2**20)
    content = bytes(3 * 2**20)
    report = scan(WRAPPINGS[kind](content), bounds=bounds)
    assert report.verdict is Verdict.COULD_NOT_READ
    assert not report.ledger.complete


def test_compression_in_compression_ends_at_the_bound() -> None:
    data = benign()
    for _ in range(DEFAULT.nesting + 3):
        data = gzip.compress(data)
    report = scan(data)
    assert report.verdict is Verdict.COULD_NOT_READ
    assert "deep" in " ".join(entry.reason for entry in report.ledger.entries)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_streams_one_after_another_are_one_content(pack: Callable[[bytes], bytes]) -> None:
    data = planted()
    assert scan(pack(data[:30]) + pack(data[30:])).verdict is Verdict.DANGEROUS


def test_bytes_after_the_compressed_data_are_told() -> None:
    report = scan(zlib.compress(benign()) + b"more bytes")
    assert report.verdict is Verdict.COULD_NOT_READ
    assert scan(zlib.compress(benign()) + bytes(10)).verdict is Verdict.DATA_ONLY


@pytest.mark.parametrize("size", ["0x{:x}", "{:x}", "  {:X}", "+{:x}"])
@pytest.mark.parametrize("space", [b"", b" "])
def test_what_joblib_once_wrote_is_known_by_two_letters(size: str, space: bytes) -> None:
    for content, verdict in ((benign(), Verdict.DATA_ONLY), (planted(), Verdict.DANGEROUS)):
        head = b"ZF" + size.format(len(content)).ljust(19).encode() + space
        report = scan(head + zlib.compress(content))
        assert (report.format, report.verdict) == (Format.ZFILE, verdict)


@pytest.mark.parametrize("dictionary", [0, 256, 2048, 3072, 2**16, 2**24])
def test_old_lzma_is_known_whatever_its_dictionary(dictionary: int) -> None:
    data = bytearray(lzma.compress(planted(), lzma.FORMAT_ALONE))
    data[1:5] = struct.pack("<I", dictionary)
    assert lzma.decompress(bytes(data), lzma.FORMAT_ALONE) == planted()
    report = scan(bytes(data))
    assert (report.format, report.verdict) == (Format.LZMA, Verdict.DANGEROUS)


@pytest.mark.parametrize("first", range(0x50, 0x60))
def test_a_frame_that_zstandard_skips_is_an_archive(first: int) -> None:
    report = scan(bytes([first]) + b"\x2a\x4d\x18" + bytes(20))
    assert (report.format, report.verdict) == (Format.ARCHIVE, Verdict.COULD_NOT_READ)


def test_what_unpacks_to_far_more_than_it_is_could_not_be_read() -> None:
    packed = gzip.compress(bytes(2**27 + 1))
    report = scan(packed)
    assert report.verdict is Verdict.COULD_NOT_READ
    assert "134,217,728 bytes" in " ".join(entry.reason for entry in report.ledger.entries)


@pytest.mark.parametrize("zeros", [1, 2**20, 2**20 + 5, 2**21])
def test_gzip_goes_on_behind_any_number_of_zeros(zeros: int) -> None:
    for content, verdict in ((benign(), Verdict.DATA_ONLY), (planted(), Verdict.DANGEROUS)):
        data = gzip.compress(b"") + bytes(zeros) + gzip.compress(content)
        assert gzip.decompress(data) == content
        assert scan(data, "x.pkl.gz").verdict is verdict


@KINDS
def test_bytes_behind_many_zeros_are_told(kind: Format) -> None:
    data = WRAPPINGS[kind](benign()) + bytes(2**20 + 8)
    assert scan(data).verdict is Verdict.DATA_ONLY
    assert scan(data + b"more bytes").verdict is Verdict.COULD_NOT_READ


@given(st.data())
def test_changed_bytes_never_make_an_exception(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(WRAPPINGS)))
    raw = bytearray(WRAPPINGS[kind](planted()))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert scan(bytes(raw)).verdict in Verdict
