"""Dtypes beyond NumPy's first ones: texts of any length, and the short numbers of ml_dtypes."""

from __future__ import annotations

import pickle
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from core.pickles.machine import run
from core.pickles.rules.dtypes import DType, dtype_of
from core.pickles.verdict import Verdict
from tests.core.pickles.rules.test_numpy_types import DATA, NONE, a_dtype, array_of, fields
from tests.core.pickles.unpicklers import call, name, program, text

STRING = np.dtypes.StringDType
TEXTS: list[Any] = [
    np.array(["a", "bc" * 40], dtype=STRING()),
    np.array(["a", None], dtype=STRING(na_object=None)),
    np.array(["a", np.nan], dtype=STRING(na_object=np.nan)),
    np.array(["a", ""], dtype=STRING(na_object="")),
    np.array([["a"], ["b"]], dtype=STRING(coerce=False)),
]
SHORT = sorted(
    kind
    for kind, value in vars(ml_dtypes).items()
    if isinstance(value, type) and kind not in ("finfo", "iinfo")
)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("texts", TEXTS, ids=repr)
def test_an_array_of_texts_is_data_only(texts: Any, protocol: int) -> None:  # noqa: ANN401 - its type has no name
    stream = pickle.dumps(texts, protocol)
    found = run(stream)
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    loaded = pickle.loads(stream)  # noqa: S301 - written four lines above
    assert loaded.dtype == texts.dtype
    assert repr(loaded.tolist()) == repr(texts.tolist())
    assert dtype_of(run(pickle.dumps(texts.dtype)).values[0]) == DType(texts.dtype.itemsize, objects=True)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", SHORT)
def test_short_numbers_are_data_only(kind: str, protocol: int) -> None:
    theirs = np.dtype(getattr(ml_dtypes, kind))
    for value in (np.ones((2, 3), dtype=theirs), np.ones(1, dtype=theirs)[0], theirs, theirs.type):
        stream = pickle.dumps(value, protocol)
        found = run(stream)
        assert found.verdict is Verdict.DATA_ONLY, found.findings
        assert np.array_equal(pickle.loads(stream), value)  # noqa: S301 - written three lines above
    assert dtype_of(run(pickle.dumps(theirs)).values[0]) == DType(theirs.itemsize, objects=False)


def strings(*arguments: bytes, core: str = "_core") -> bytes:
    return call(f"numpy.{core}._internal", "_convert_to_stringdtype_kwargs", *arguments)


def of_ml(kind: str, *state: bytes) -> bytes:
    """A dtype of ml_dtypes with a state, given as opcodes from the byte order on."""
    made = call("numpy", "dtype", name("ml_dtypes", kind), program("NEWFALSE"), program("NEWTRUE"))
    return made + program("MARK", "BININT1", 3, *state, "TUPLE", "BUILD")


ONE, TWO = program("BININT1", 1), program("BININT1", 2)
FLAGS = program("BININT1", 64)
BFLOAT = of_ml("bfloat16", text("<"), NONE, NONE, NONE, TWO, TWO, FLAGS)
WORDS = program("MARK", text("a"), "LIST")
A_FUNCTION = name("_codecs", "encode")
UNSAFE = {
    "a text that is missing, told by a function": strings(ONE, A_FUNCTION),
    "no flag": strings(),
    "texts whose data is bytes": array_of(strings(ONE), DATA),
    "texts that are functions": array_of(strings(ONE), program("MARK", A_FUNCTION, "LIST")),
    "a state for a dtype of texts": strings(ONE) + program("EMPTY_TUPLE", "BUILD"),
    "texts in a field": array_of(fields(("a", strings(ONE), 0)), program("EMPTY_LIST")),
    "texts in a small array": array_of(
        a_dtype(
            "V16", text("|"), strings(ONE) + program("BININT1", 1, "TUPLE1", "TUPLE2"), NONE, NONE,
            program("BININT1", 16), ONE, program("BININT1", 27),
        ),
        program("EMPTY_LIST"),
    ),
    "a scalar of texts": call("numpy._core.multiarray", "scalar", strings(ONE), DATA),
    "a buffer of texts": call(
        "numpy._core.numeric", "_frombuffer", DATA, strings(ONE), program("BININT1", 1, "TUPLE1"), text("C")
    ),
    "short numbers of another size": array_of(
        of_ml("bfloat16", text("<"), NONE, NONE, NONE, program("BININT1", 8), TWO, FLAGS), DATA
    ),
    "short numbers with the flags of objects": array_of(
        of_ml("bfloat16", text("<"), NONE, NONE, NONE, TWO, TWO, program("BININT1", 63)), DATA
    ),
    "short numbers with fields": array_of(
        of_ml("bfloat16", text("<"), NONE, program("EMPTY_TUPLE"), program("EMPTY_DICT"), TWO, TWO, FLAGS),
        DATA,
    ),
    "a dtype of a type that nobody knows": call("numpy", "dtype", name("ml_dtypes", "unheard")),
    "a dtype of any class": call("numpy", "dtype", name("collections", "OrderedDict")),
    "a short number that is made by its class": call("ml_dtypes", "bfloat16", ONE),
}  # fmt: skip


@pytest.mark.parametrize("stream", UNSAFE.values(), ids=UNSAFE)
def test_a_crafted_dtype_needs_trust(stream: bytes) -> None:
    found = run(program("PROTO", 4) + stream + program("STOP"))
    assert found.verdict is Verdict.NEEDS_TRUST, found.findings


@pytest.mark.parametrize(
    "stream",
    [
        array_of(strings(ONE), WORDS),
        array_of(strings(ONE, core="core"), WORDS),
        array_of(BFLOAT, program("SHORT_BINBYTES", 2, b"\x80?")),
        array_of(fields(("a", BFLOAT, 0)), DATA * 1),
    ],
)
def test_the_same_forms_with_honest_dtypes_are_data_only(stream: bytes) -> None:
    found = run(program("PROTO", 4) + stream + program("STOP"))
    assert found.verdict is Verdict.DATA_ONLY, found.findings
