"""Opcodes that push a value, against the C unpickler; and what is too long to be kept."""

from __future__ import annotations

import pickle
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.bounds import DEFAULT
from core.pickles.machine import run
from core.pickles.value import Long, Value
from core.pickles.verdict import Verdict
from tests.core.pickles.unpicklers import program

STOP = program("STOP")
COUNTED = {
    "SHORT_BINBYTES": "<B",
    "BINBYTES": "<I",
    "BINBYTES8": "<Q",
    "BYTEARRAY8": "<Q",
    "SHORT_BINUNICODE": "<B",
    "BINUNICODE": "<I",
    "BINUNICODE8": "<Q",
    "SHORT_BINSTRING": "<B",
    "BINSTRING": "<i",
    "LONG1": "<B",
    "LONG4": "<i",
}


def theirs(data: bytes) -> object:
    try:
        return pickle.loads(data)  # noqa: S301 - literals only
    except Exception as error:  # noqa: BLE001 - whatever it raises
        return error


@given(st.sampled_from(sorted(COUNTED)), st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
def test_a_counted_value_is_what_the_c_unpickler_reads(opcode: str, data: bytes) -> None:
    stream = program(opcode) + struct.pack(COUNTED[opcode], len(data)) + data + STOP
    found, value = run(stream), theirs(stream)
    if not isinstance(value, Exception):
        assert found.verdict is Verdict.DATA_ONLY
        assert found.values == (value,)
        assert type(found.values[0]) is type(value)
    elif not opcode.endswith("BINSTRING"):  # which another encoding can read
        assert found.verdict is Verdict.COULD_NOT_READ


@given(st.sampled_from(sorted(COUNTED)), st.binary(max_size=12))
def test_a_size_that_is_more_than_there_is_ends_the_stream(opcode: str, data: bytes) -> None:
    assert (
        run(program(opcode) + struct.pack(COUNTED[opcode], len(data) + 1) + data).verdict
        is not Verdict.DATA_ONLY
    )


@pytest.mark.parametrize("opcode", ["BINUNICODE8", "BINBYTES8", "BYTEARRAY8", "FRAME"])
def test_a_size_that_no_machine_has_ends_the_stream(opcode: str) -> None:
    assert run(program(opcode, b"\xff" * 8) + b"a" * 50).verdict is Verdict.COULD_NOT_READ


def test_a_number_of_a_negative_size_ends_the_stream() -> None:
    assert run(program("LONG4", b"\xff" * 4, "STOP")).findings[0].reason == "a number of a negative size"


NUMBERS = st.lists(
    st.integers(0, 255).map(lambda number: program("BININT1", number))
    | st.integers(0, 65_535).map(lambda number: program("BININT2", struct.pack("<H", number)))
    | st.integers(-(2**31), 2**31 - 1).map(lambda number: program("BININT", struct.pack("<i", number)))
    | st.floats(allow_nan=False).map(lambda number: program("BINFLOAT", struct.pack(">d", number))),
    max_size=60,
)


@given(NUMBERS, st.integers(1, 4))
def test_runs_of_numbers_are_read_as_one_by_one(numbers: list[bytes], times: int) -> None:
    stream = program("MARK", *[number * times for number in numbers], "LIST", "STOP")
    found, traced = run(stream), run(stream, trace=True)
    assert found.values == traced.values == (theirs(stream),)
    assert found.opcodes == len(traced.steps) == len(numbers) * times + 3
    assert run(memoryview(stream)).values == found.values


@given(NUMBERS.filter(bool), st.data())
def test_runs_of_numbers_end_where_the_stream_ends(numbers: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(numbers)
    cut = stream[: data.draw(st.integers(0, len(stream)))]
    found = run(cut)
    assert found.verdict is Verdict.COULD_NOT_READ
    assert found.findings[0].reason == "the stream ends here, before its STOP"


def test_a_run_of_numbers_does_not_hide_where_a_frame_ends() -> None:
    numbers = program("BININT", b"\1\0\0\0") * 10
    for size, verdict in ((25, Verdict.DATA_ONLY), (24, Verdict.DANGEROUS), (26, Verdict.DANGEROUS)):
        stream = program("PROTO", 4, "FRAME", size.to_bytes(8, "little"), "MARK") + numbers
        shifted = program("PROTO", 4, "MARK", "FRAME", size.to_bytes(8, "little")) + numbers
        assert run(shifted + program("LIST", "STOP")).verdict is verdict
        assert run(stream + program("LIST", "STOP")).verdict is (
            Verdict.DATA_ONLY if size == 26 else Verdict.DANGEROUS
        )


@pytest.mark.parametrize(
    ("stream", "kind", "size"),
    [
        (program("BINUNICODE", struct.pack("<I", 300), b"a" * 300), "str", 300),
        (program("UNICODE", b"a" * 300 + b"\n"), "str", 300),
        (program("STRING", b"'" + b"a" * 300 + b"'\n"), "str", 300),
        (program("BINSTRING", struct.pack("<i", 300), b"a" * 300), "str", 300),
        (program("BINBYTES", struct.pack("<I", 300), b"a" * 300), "bytes", 300),
        (program("BYTEARRAY8", struct.pack("<Q", 300), b"a" * 300), "bytearray", 300),
        (program("LONG4", struct.pack("<i", 300), b"a" * 300), "int", 300),
    ],
)
def test_what_is_too_long_stays_in_the_stream(stream: bytes, kind: str, size: int) -> None:
    bounds = replace(DEFAULT, text=270, long_bytes=270)
    found = run(stream + STOP, bounds=bounds)
    (value,) = found.values
    assert isinstance(value, Long)
    assert (value.kind, value.size) == (kind, size)
    assert stream[value.offset : value.offset + value.size] == b"a" * 300
    assert found.verdict is Verdict.DATA_ONLY


def test_a_long_string_that_is_not_quoted_ends_the_stream() -> None:
    for line in (b"a" * 20_000, b"'" + b"a" * 20_000, b"'" + b"a" * 20_000 + b'"'):
        found = run(program("STRING", line + b"\n", "STOP"))
        assert found.findings[0].reason == "a string that is not quoted"


def test_a_text_that_is_not_utf_8_ends_the_stream() -> None:
    found = run(program("SHORT_BINUNICODE", 1, b"\xff", "STOP"))
    assert found.findings[0].reason == "a text that is not encoded as it should be"
    assert run(program("SHORT_BINUNICODE", 3, b"\xed\xa0\x80", "STOP")).values == ("\ud800",)


@pytest.mark.parametrize(
    "parts",
    [
        ("MARK", "NONE", "NEWTRUE", "TUPLE"),
        ("NONE", "NEWFALSE", "EMPTY_TUPLE", "TUPLE3"),
        ("MARK", "NONE", "NEWTRUE", "DICT"),
        ("MARK", "NONE", "NEWTRUE", "FROZENSET"),
        ("EMPTY_LIST", "DUP", "TUPLE2"),
        ("MARK", "NONE", "POP", "POP", "NEWTRUE"),
        ("NONE", "MARK", "NEWTRUE", "POP_MARK"),
        ("NONE", "MARK", "NEWTRUE", "STOP", "POP"),
    ],
    ids=" ".join,
)
def test_containers_and_marks_are_those_of_the_c_unpickler(parts: tuple[str, ...]) -> None:
    stream = program(*parts, "STOP")
    assert run(stream, several=False).values == (theirs(stream),)


@pytest.mark.parametrize(
    "parts",
    [
        ("TUPLE",),
        ("NONE", "TUPLE2"),
        ("NONE", "MARK", "TUPLE1"),
        ("MARK", "NONE", "DICT"),
        ("MARK", "EMPTY_LIST", "NONE", "DICT"),
        ("MARK", "EMPTY_LIST", "FROZENSET"),
        ("POP",),
        ("POP_MARK",),
        ("DUP",),
        ("MARK", "MEMOIZE"),
        ("NONE", "MARK"),
        (),
    ],
    ids=lambda parts: " ".join(parts) or "nothing",
)
def test_what_takes_more_than_there_is_ends_the_stream_as_in_cpython(parts: tuple[str, ...]) -> None:
    stream = program(*parts, "STOP")
    value: Value = theirs(stream)
    assert isinstance(value, Exception)
    assert run(stream).verdict is Verdict.COULD_NOT_READ


@pytest.mark.parametrize("stream", [b"g5\n.", b"h\5.", b"j\5\0\0\0."])
def test_a_place_of_the_memo_with_nothing_in_it_ends_the_stream(stream: bytes) -> None:
    assert run(stream).findings[0].reason == "the memo has nothing at 5"
