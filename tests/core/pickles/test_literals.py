"""Text arguments of protocol 0 against CPython's C unpickler and the one in Python."""

import io
import pickle
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.pickles.errors import UnreadableError
from core.pickles.literals import float_of, index_of, int_of, long_of, string_of

NUMBER_SIGNS = st.text("0123456789+-_ \t.eExXbBoOaAfFnNiIlL\0", max_size=12).map(str.encode)
STRINGS = st.binary(max_size=12).filter(lambda line: b"\n" not in line)


def c_reads(opcode: bytes, line: bytes) -> object:
    """What the C unpickler reads in a line; an exception if it refuses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pickle.loads(opcode + line + b"\n.", encoding="bytes")  # noqa: S301 - no global can be named
    except Exception as error:  # noqa: BLE001 - whatever it raises
        return error


def python_reads(opcode: bytes, line: bytes) -> object:
    try:
        return pickle._Unpickler(io.BytesIO(opcode + line + b"\n."), encoding="bytes").load()
    except Exception as error:  # noqa: BLE001 - whatever it raises
        return error


def same(left: object, right: object) -> bool:
    return type(left) is type(right) and repr(left) == repr(right)


@given(st.sampled_from([b"I", b"L", b"F"]), NUMBER_SIGNS)
@example(b"I", b"010")
@example(b"I", b"01")
@example(b"I", b" 1")
@example(b"I", b"-0")
@example(b"I", b"1\x00z")
@example(b"I", b"99999999999999999999")
@example(b"I", b"0777777777777777777777777")
@example(b"L", b"1L")
@example(b"L", b"0x1fL")
@example(b"L", b"L")
@example(b"F", b"1e999")
@example(b"F", b"-inf")
@example(b"F", b"nan")
@example(b"F", b"1_0")
@example(b"F", b"0 \x00")
@example(b"F", b"1e999\x00")
def test_a_number_is_read_as_the_c_unpickler_reads_it_or_else_as_pickle_py_does(
    opcode: bytes, line: bytes
) -> None:
    read = {b"I": int_of, b"L": long_of, b"F": float_of}[opcode]
    theirs, pythons = c_reads(opcode, line), python_reads(opcode, line)
    try:
        ours = read(line)
    except UnreadableError:
        assert isinstance(theirs, Exception)
        assert isinstance(pythons, Exception)
        return
    if isinstance(theirs, Exception):
        assert ours.refused or not isinstance(pythons, Exception)
        assert same(ours.value, pythons)
    else:
        assert not ours.refused
        assert same(ours.value, theirs)


@given(STRINGS, st.sampled_from([b"'", b'"', b""]))
@example(b"\\x4", b"'")
@example(b"\\777\\08\\q\\\\", b"'")
@example(b"\\", b"'")
def test_a_string_is_unescaped_as_the_c_unpickler_does_it(inner: bytes, quote: bytes) -> None:
    line = quote + inner + quote
    theirs = c_reads(b"S", line)
    try:
        ours = string_of(line)
    except UnreadableError:
        assert isinstance(theirs, Exception)
    else:
        assert ours == theirs


@pytest.mark.parametrize(("line", "index"), [(b"0", 0), (b" 7", 7), (b"1_0", 10), (b"3\0x", 3), (b"-1", -1)])
def test_a_place_in_the_memo_is_read_as_a_decimal_number(line: bytes, index: int) -> None:
    assert index_of(line) == index


@pytest.mark.parametrize("line", [b"", b"x", b"0x1", b"1.0"])
def test_what_is_no_number_is_no_place(line: bytes) -> None:
    with pytest.raises(UnreadableError):
        index_of(line)


def test_a_number_of_very_many_digits_is_refused_as_python_refuses_it() -> None:
    with pytest.raises(UnreadableError, match="too many digits"):
        long_of(b"9" * 5_000)
