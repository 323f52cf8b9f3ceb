"""NumPy's types: arrays are data only, and a dtype that would follow addresses from the file is not."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest

from core.pickles.machine import run
from core.pickles.rules.numpy_types import DType, dtype_of
from core.pickles.value import Called
from core.pickles.verdict import Verdict
from tests.core.pickles.unpicklers import call, name, program, text

RECORD: list[Any] = [("a", "i4"), ("b", "f8", (2,)), ("c", "U3")]
ARRAYS: list[Any] = [
    np.arange(6.0).reshape(2, 3),
    np.asfortranarray(np.ones((2, 2))),
    np.array(["a", "bc"]),
    np.array([b"a"]),
    np.array([True]),
    np.array([1j]),
    np.array([{}, [1]], dtype=object),
    np.zeros(2, dtype=RECORD),
    np.zeros(2, dtype=[("a", "O"), ("b", "i4")]),
    np.zeros(2, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    np.array(["2020-01-01"], dtype="M8[D]"),
    np.array([1], dtype="m8[ns]"),
    np.array([1], dtype=">i4"),
    np.zeros(0),
    np.float32(3),
    np.int64(-1),
    np.bool_(True),
    np.str_("a"),
    np.datetime64("2020-01-01"),
    np.dtype("f4"),
    np.dtype(RECORD),
    np.float64,
    np.zeros(3, dtype="V4"),
    np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.ones((1, 2)).view(np.matrix),
    np.ma.array([1.0, 2.0], mask=[True, False]),
    np.ma.array([{}, None], dtype=object),
    np.ma.array([1.0, 2.0], mask=[True, False], fill_value=7),
    np.ma.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")], mask=np.array([(0, 1)], dtype="?,?"))[0],
    np.ma.masked,
    np.char.array(["a", "bc"]),
    np.array([(1, {}, [1])], dtype=[("a", "i4"), ("b", "O"), ("c", "O")]),
    np.array([(1, {})], dtype=[("a", "i4"), ("b", "O")])[0],
    np.zeros(2, dtype=np.dtype("i4", metadata={"unit": "m"})),
    np.array([1.5], dtype="g"),
    np.broadcast_to(1.0, (2, 3)),
    type(np.dtype("M8[s]")),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("array", ARRAYS, ids=repr)
def test_an_array_is_data_only(array: object, protocol: int) -> None:
    found = run(pickle.dumps(array, protocol))
    assert found.verdict is Verdict.DATA_ONLY, found.findings


def test_a_large_array_is_not_copied() -> None:
    found = run(memoryview(pickle.dumps(np.zeros(10**6), 4)))
    assert found.verdict is Verdict.DATA_ONLY
    assert "<bytes of 8,000,000 bytes at" in repr_state(found.values[0])


def repr_state(value: object) -> str:
    from core.pickles.value import render

    assert isinstance(value, Called)
    assert value.state
    return render(value.state[0], 1_000)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_large_array_is_data_only_whatever_the_protocol(protocol: int) -> None:
    for array in (np.arange(20_000.0), np.array(["a" * 20_000]), np.zeros(9_000, dtype=RECORD)):
        found = run(pickle.dumps(array, protocol))
        assert found.verdict is Verdict.DATA_ONLY, found.findings


def test_an_array_of_unknown_objects_needs_trust() -> None:
    assert run(pickle.dumps(np.array([OSError.__init__], dtype=object))).verdict is not Verdict.DATA_ONLY


@pytest.mark.parametrize(
    "dtype",
    ["f8", "U5", "S3", "O", ">i2", "?", "M8[s]", "V4", RECORD, [("a", "O")], np.dtype(("f4", (2, 2)))],
)
def test_a_dtype_is_understood_as_numpy_does(dtype: Any) -> None:  # noqa: ANN401 - whatever np.dtype takes
    theirs = np.dtype(dtype)
    (ours,) = run(pickle.dumps(theirs)).values
    assert dtype_of(ours) == DType(theirs.itemsize, theirs.hasobject)


def a_dtype(kind: str, *state: bytes) -> bytes:
    """A dtype with a state, given as opcodes from the byte order on."""
    made = call("numpy", "dtype", text(kind), program("NEWFALSE"), program("NEWTRUE"))
    return made + program("MARK", "BININT1", 3, *state, "TUPLE", "BUILD") if state else made


NONE, MINUS, ZERO = program("NONE"), program("BININT", b"\xff" * 4), program("BININT1", 0)
PLAIN = (text("<"), NONE, NONE, NONE, MINUS, MINUS)
FLOAT = a_dtype("f8", *PLAIN, ZERO)
OBJECT = a_dtype("O8", text("|"), NONE, NONE, NONE, MINUS, MINUS, program("BININT1", 63))
DATA = program("SHORT_BINBYTES", 8, b"\x41" * 8)
ARRAY = call(
    "numpy.core.multiarray",
    "_reconstruct",
    name("numpy", "ndarray"),
    program("BININT1", 0, "TUPLE1"),
    program("SHORT_BINBYTES", 1, b"b"),
)


def array_of(dtype: bytes, data: bytes, before: bytes = b"") -> bytes:
    shape = program("BININT1", 1, "TUPLE1")
    return before + ARRAY + program("MARK", "BININT1", 1, shape, dtype, "NEWFALSE", data, "TUPLE", "BUILD")


def fields(*places: tuple[str, bytes, int]) -> bytes:
    """A structured dtype of 16 bytes."""
    names = program("MARK", *(text(field) for field, _, _ in places), "TUPLE")
    pairs = [text(field) + dtype + program("BININT1", offset, "TUPLE2") for field, dtype, offset in places]
    inner = program("MARK", *pairs, "DICT")
    flags = program("BININT1", 27 if OBJECT in [dtype for _, dtype, _ in places] else 16)
    return a_dtype("V16", text("|"), NONE, names, inner, program("BININT1", 16), program("BININT1", 1), flags)


ROW = fields(("a", OBJECT, 0), ("b", FLOAT, 8))
UNSAFE = {
    "objects whose data is bytes": array_of(OBJECT, DATA),
    "numbers with the flags of objects": array_of(a_dtype("f8", *PLAIN, program("BININT1", 63)), DATA),
    "objects with the flags of numbers": array_of(
        a_dtype("O8", text("|"), NONE, NONE, NONE, MINUS, MINUS, ZERO), DATA
    ),
    "a field that lies outside": array_of(fields(("a", FLOAT, 12)), DATA),
    "a number that lies where a reference does": array_of(
        fields(("a", OBJECT, 0), ("b", FLOAT, 4)), program("EMPTY_LIST")
    ),
    "an itemsize that is not the name's": array_of(
        a_dtype("f8", text("<"), NONE, NONE, NONE, program("BININT1", 4), MINUS, ZERO), DATA
    ),
    "a scalar of objects": call("numpy.core.multiarray", "scalar", OBJECT, DATA),
    "a buffer of objects": call(
        "numpy.core.numeric", "_frombuffer", DATA, OBJECT, program("BININT1", 1, "TUPLE1"), text("C")
    ),
    "a dtype that is changed after it was used": array_of(
        program("BINGET", 0),
        DATA,
        before=a_dtype("V8") + program("BINPUT", 0, "POP"),
    )
    + program("BINGET", 0, "MARK", "BININT1", 3, *PLAIN, "BININT1", 63, "TUPLE", "BUILD"),
    "a dtype of several": call("numpy", "dtype", text("i4,O")),
    "a subclass that nobody knows": call(
        "numpy.core.multiarray",
        "_reconstruct",
        name("m", "Array"),
        program("BININT1", 0, "TUPLE1"),
        program("SHORT_BINBYTES", 1, b"b"),
    ),
    "an array of an array for a dtype": array_of(ARRAY, DATA),
    "an array with no state of five": ARRAY + program("NONE", "BUILD"),
    "a masked array of objects whose data is bytes": call(
        "numpy.ma.core",
        "_mareconstruct",
        name("numpy.ma", "MaskedArray"),
        name("numpy", "ndarray"),
        program("BININT1", 0, "TUPLE1"),
        program("SHORT_BINBYTES", 1, b"b"),
    )
    + program(
        "MARK", "BININT1", 1, "BININT1", 1, "TUPLE1", OBJECT, "NEWFALSE", DATA, DATA, "NONE", "TUPLE", "BUILD"
    ),
    "an item set in an array": array_of(FLOAT, DATA) + program("BININT1", 0, "NONE", "SETITEM"),
}


UNSAFE |= {
    "a row with objects of an array of numbers": call(
        "numpy.core.multiarray", "scalar", ROW + program("BINPUT", 9), array_of(FLOAT, DATA)
    ),
    "a row with objects of an empty array": call(
        "numpy.core.multiarray",
        "scalar",
        ROW + program("BINPUT", 9),
        ARRAY + program("MARK", "BININT1", 1, "BININT1", 0, "TUPLE1", "BINGET", 9, "NEWFALSE")
        + program("EMPTY_LIST", "TUPLE", "BUILD"),
    ),
    "a row with objects of bytes": call("numpy.core.multiarray", "scalar", ROW, DATA * 2),
}  # fmt: skip


@pytest.mark.parametrize("stream", UNSAFE.values(), ids=UNSAFE.keys())
def test_a_crafted_array_is_not_data_only(stream: bytes) -> None:
    found = run(program("PROTO", 4) + stream + program("STOP"))
    assert found.verdict in (Verdict.NEEDS_TRUST, Verdict.DANGEROUS), found.findings


SAFE = {
    "numbers": array_of(FLOAT, DATA),
    "a row with objects": call(
        "numpy.core.multiarray",
        "scalar",
        ROW + program("BINPUT", 9),
        ARRAY
        + program("MARK", "BININT1", 1, "EMPTY_TUPLE", "BINGET", 9, "NEWFALSE", "MARK")
        + program("NONE", "NONE", "TUPLE2", "LIST", "TUPLE", "BUILD"),
    ),
    "objects in a list": array_of(OBJECT, program("MARK", "NONE", "LIST")),
    "fields": array_of(fields(("a", FLOAT, 0), ("b", FLOAT, 8)), DATA * 1),
    "data that Python 2 wrote": array_of(FLOAT, program("SHORT_BINSTRING", 8, b"\xff" * 8)),
}


@pytest.mark.parametrize("stream", SAFE.values(), ids=SAFE.keys())
def test_the_same_forms_with_honest_dtypes_are_data_only(stream: bytes) -> None:
    """So that the streams above are refused for what is wrong in them, not for how they are written."""
    found = run(program("PROTO", 4) + stream + program("STOP"))
    assert found.verdict is Verdict.DATA_ONLY, found.findings


def test_honest_streams_are_loaded_by_numpy_itself() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy.core is the old name of numpy._core
        stream = program("PROTO", 4) + SAFE["numbers"] + program("STOP")
        assert pickle.loads(stream).dtype == np.dtype("f8")  # noqa: S301 - the stream stands above


def test_a_dtype_in_a_dtype_in_a_dtype_is_worked_out_once_each() -> None:
    """Forty levels with two fields each: 2**40 visits, if nothing was kept."""
    stream = a_dtype("f8") + program("BINPUT", 0, "POP")
    pair = text("a") + program("BINGET", 0, "BININT1", 0, "TUPLE2") + text("b")
    pair += program("BINGET", 0, "BININT1", 0, "TUPLE2")
    names = program("MARK", text("a"), text("b"), "TUPLE")
    level = a_dtype(
        "V8", text("|"), NONE, names, program("MARK", pair, "DICT"), program("BININT1", 8), MINUS, ZERO
    )
    stream += (level + program("BINPUT", 0, "POP")) * 40 + program("NONE", "STOP")
    assert run(stream).verdict is Verdict.DATA_ONLY
