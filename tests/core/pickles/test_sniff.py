"""What bytes are, by their content; the name says nothing about it."""

import bz2
import gzip
import lzma
import pickle
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pickles.formats import Format
from core.pickles.opcodes import OPCODES
from core.pickles.sniff import OPENING, breaks_off, is_text, sniff, try_pickle
from core.pickles.span import Span
from core.pickles.verdict import Verdict
from tests.core.pickles.programs import OBJECTS
from tests.core.pickles.samples import array, benign, planted, saved, tarred, tensors, zipped


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        *((benign(protocol), Format.PICKLE) for protocol in range(6)),
        *((pickle.dumps(value, 0), Format.PICKLE) for value in (None, 1, "text", [1.5], {"a": ()})),
        (saved(tensors()), Format.ZIP),
        (saved(tensors(), legacy=True), Format.TORCH_LEGACY),
        (tarred({"a": b"1"}), Format.TAR),
        (zipped({"a": b"1"}), Format.ZIP),
        (array(np.arange(3)), Format.NPY),
        (gzip.compress(b"a"), Format.GZIP),
        (bz2.compress(b"a"), Format.BZ2),
        (lzma.compress(b"a"), Format.XZ),
        (lzma.compress(b"a", lzma.FORMAT_ALONE), Format.LZMA),
        *((zlib.compress(b"a" * 50, level), Format.ZLIB) for level in (0, 1, 6, 9)),
        (b"\x7fELF\x02\x01\x01", Format.PROGRAM),
        (b"7z\xbc\xaf\x27\x1c\0\4", Format.ARCHIVE),
        (b"", Format.EMPTY),
        (b"Some words about a model.\n", Format.TEXT),
        ('{"weights": "größer"}'.encode(), Format.TEXT),
        (bytes(100), Format.UNKNOWN),
        (b"\xff\xd8\xff\xe0 picture", Format.UNKNOWN),
    ],
)
def test_formats_are_known_by_their_content(data: bytes, expected: Format) -> None:
    found = sniff(Span.of(data))
    assert found.format is expected
    assert found.also == ()


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_in_front_of_a_zip_is_both(protocol: int) -> None:
    found = sniff(Span.of(planted(protocol) + zipped({"a.txt": b"words"})))
    assert found.format is Format.PICKLE
    assert found.also == (Format.ZIP,)


def test_a_pickle_that_begins_like_gguf_is_both() -> None:
    # BINFLOAT is the letter G: it takes the next eight bytes for a number.
    found = sniff(Span.of(b"GGUF\x03\0\0\0\0" + b"cos\nsystem\n(S'echo never'\ntR."))
    assert {found.format, *found.also} == {Format.GGUF, Format.PICKLE}


@given(st.binary(max_size=300))
def test_any_bytes_are_something(data: bytes) -> None:
    assert sniff(Span.of(data)).format in Format


@given(st.text(max_size=50))
def test_a_text_without_control_characters_is_one(text: str) -> None:
    plain = "".join(sign for sign in text if sign.isprintable() or sign in "\t\n\r")
    raw = plain.encode("utf-8", "ignore")
    assert is_text(raw)
    assert is_text(raw[:-1], cut=True)
    assert not is_text(raw + b"\0")


@pytest.mark.parametrize("name", ["cevil-mod\nthing\n.", "cevilmod\nthing\n."])
def test_a_tar_whose_first_name_is_a_pickle_is_both(name: str) -> None:
    assert set(sniff(Span.of(tarred({name: b""}))).also) == {Format.PICKLE}


@pytest.mark.parametrize("name", ["cevil-mod", "c.", "cat.dog.txt"])
def test_a_tar_of_usual_names_is_a_tar_alone(name: str) -> None:
    assert sniff(Span.of(tarred({name: b"thing\n."}))).also == ()


@given(st.text("abhqrstuvwxyz0123456789", min_size=1, max_size=16), st.sampled_from(["", "\n"]))
def test_a_word_is_a_text_and_nothing_else(word: str, end: str) -> None:
    found = sniff(Span.of((word + end).encode()))
    assert (found.format, found.also) == (Format.TEXT, ())
    # The long way says the same.
    assert sniff(Span.of((word + end).encode() + b" " * 20)).format is Format.TEXT


OPCODE_BYTES = st.sampled_from([bytes([code]) for code in OPCODES])


@settings(max_examples=500)
@given(st.lists(OPCODE_BYTES | st.binary(min_size=1, max_size=5), max_size=30).map(b"".join))
def test_where_a_glance_sees_that_a_machine_stops_it_stops_and_asks_for_nothing(data: bytes) -> None:
    for glance in (3, 10, 64):
        if breaks_off(data[:glance], len(data)):
            found = try_pickle(Span.of(data))
            assert not found.values
            assert not found.calls
            assert not found.globals
            assert found.verdict is Verdict.COULD_NOT_READ
            assert found.opcodes < OPENING


@given(OBJECTS, st.integers(0, 5), st.integers(1, 64))
def test_no_pickle_breaks_off_at_a_glance(value: object, protocol: int, glance: int) -> None:
    data = pickle.dumps(value, protocol)
    assert not breaks_off(data[:glance], len(data))


@pytest.mark.parametrize("protocol", range(6))
def test_no_pickle_that_calls_breaks_off_at_a_glance(protocol: int) -> None:
    data = planted(protocol)
    assert not any(breaks_off(data[:glance], len(data)) for glance in range(65))


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"N\xff",
        b"]q\x01)\xee",
        b"X\xff\xff\xff\x7fa",
        b"\x8e\0\0\0\0\1\0\0\0",
        b"L\x1b\n.",
        b"F\x80\n.",
        b"PK\x03\x04\xff\n.",
        b"NP\xff",
    ],
)
def test_numbers_break_off_at_a_glance(data: bytes) -> None:
    assert breaks_off(data, len(data))
