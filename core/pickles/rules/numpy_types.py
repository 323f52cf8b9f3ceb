"""NumPy's arrays, scalars and dtypes on the allow-list.

A dtype says how bytes are read. One that calls them object pointers would make NumPy follow addresses from
the file, so a dtype's state is checked against what its name says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from core.pickles.rules.kinds import (
    BYTES,
    FLAG,
    INT,
    OLD_BYTES,
    SIZES,
    TEXT,
    a_global,
    exactly,
    named,
)  # fmt: skip
from core.pickles.rules.rule import NAMED, Kind, Rule, takes
from core.pickles.value import Called, Unknown, Value

_CORE: Final = ("numpy.core", "numpy._core")
DTYPE: Final = "numpy.dtype"
"""The full name of NumPy's dtype."""
_RECORDS: Final = frozenset({"numpy.record", "numpy.rec.record", "numpy.core.records.record"})
_ARRAYS: Final = (
    "numpy.ndarray", "numpy.matrix", "numpy.matrixlib.defmatrix.matrix", "numpy.recarray",
    "numpy.rec.recarray", "numpy.core.records.recarray",
)  # fmt: skip
_MASKED: Final = ("numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray")
_NAME: Final = re.compile(r"([<>=|]?)([?biufcmMOSaUVgGdDlLqQhHIpPBefF])(\d{0,9})")
_OF_LETTER: Final = MappingProxyType({
    "?": 1, "B": 1, "e": 2, "h": 2, "H": 2, "I": 4, "f": 4, "F": 8, "d": 8, "D": 16, "l": 8, "L": 8, "q": 8,
    "Q": 8, "p": 8, "P": 8, "g": 16, "G": 32, "M": 8, "m": 8, "O": 8, "i": 4, "u": 4, "b": 1, "c": 1,
})  # fmt: skip
_OBJECT_FLAGS: Final = 63
_HOLDS_OBJECTS: Final = 0b1011
"""Flags of a dtype whose bytes are references: to be counted, kept as a list, freed."""
_HARMLESS_FLAGS: Final = 0b11010000 | 8
"""Flags for aligned and structured dtypes, and for memory that begins as zeros."""
_MOST_FIELDS: Final = 10_000
_SCALARS: Final = (
    "bool_", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "longdouble", "float128", "complex64", "complex128", "clongdouble", "complex256",
    "intc", "intp", "uintc", "uintp", "longlong", "ulonglong", "byte", "ubyte", "short", "ushort", "single",
    "double", "half", "csingle", "cdouble", "datetime64", "timedelta64", "str_", "bytes_", "object_", "void",
    "generic", "number", "integer", "floating", "inexact",
)  # fmt: skip


@dataclass(frozen=True)
class DType:
    """What is known of a dtype.

    Attributes:
        itemsize: bytes of one item; 0 if its name does not say.
        objects: whether an item is, or holds, a reference to a Python object.
    """

    itemsize: int
    objects: bool


def dtype_of(value: Value) -> DType | None:
    """What a value says as a dtype, by its name and the state that it was given; None if that cannot be told.

    Who asks relies on the answer, so the dtype may not be given another state afterwards.
    """
    if not isinstance(value, Called) or value.full != DTYPE:
        return None
    if not value.sealed:
        value.sealed = True
        basic = _basic(value)
        stated = basic is not None and bool(value.state)
        value.meaning = _with_state(basic, value.state[0]) if basic and stated else basic
    return value.meaning if isinstance(value.meaning, DType) else None


def _basic(value: Called) -> DType | None:
    """What a dtype's name alone says."""
    name = value.args[0] if value.args else None
    if named(name, _RECORDS):
        return DType(0, objects=False)
    found = _NAME.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        return None
    letter, digits = found[2], found[3]
    size = int(digits) if digits else _OF_LETTER.get(letter, 0)
    if letter == "U":
        size *= 4
    return DType(8 if letter == "O" else size, letter == "O")


def _with_state(basic: DType, state: Value) -> DType | None:
    """What a dtype's name and state say together; None if they do not fit."""
    if not isinstance(state, tuple) or not 8 <= len(state) <= 9 or not _is_metadata(state[8:]):
        return None
    version, order, subarray, names, fields, size, alignment, flags = state[:8]
    numbers = (version, size, alignment, flags)
    if not all(type(number) is int for number in numbers) or order not in (
        "<",
        ">",
        "|",
        "=",
        b"<",
        b">",
        b"|",
    ):
        return None
    assert isinstance(size, int)
    assert isinstance(flags, int)
    itemsize = basic.itemsize if size == -1 else size
    if not 0 <= itemsize < 2**31 or (basic.itemsize and basic.itemsize != itemsize):
        return None
    objects = basic.objects
    if fields is not None or names is not None:
        inner = _fields(names, fields, itemsize)
        if inner is None or basic.objects:
            return None
        objects = inner.objects
    if subarray is not None:
        element = _subarray(subarray, itemsize)
        if element is None or basic.objects:
            return None
        objects = objects or element.objects
    return DType(itemsize, objects) if _flags_fit(flags, objects) else None


def _is_metadata(rest: tuple[Value, ...]) -> bool:
    """Whether what may stand last is a dict of remarks, or the unit of a time with them before it."""
    metadata = rest[0] if rest else None
    if not isinstance(metadata, tuple):
        return metadata is None or type(metadata) is dict
    if len(metadata) != 2 or not (metadata[0] is None or type(metadata[0]) is dict):
        return False
    return isinstance(metadata[1], tuple) and takes(BYTES | TEXT, INT, INT, INT)(metadata[1]) == ""


def _flags_fit(flags: int, objects: bool) -> bool:
    if not objects:
        return flags & ~_HARMLESS_FLAGS == 0
    return flags & _HOLDS_OBJECTS == _HOLDS_OBJECTS and 0 <= flags <= (_OBJECT_FLAGS | _HARMLESS_FLAGS)


def _fields(names: Value, fields: Value, itemsize: int) -> DType | None:
    """What the fields of a structured dtype say together."""
    if not isinstance(names, tuple) or not isinstance(fields, dict) or len(fields) > _MOST_FIELDS:
        return None
    if not all(type(name) is str for name in (*names, *fields)) or not set(names) <= set(fields):
        return None
    objects = False
    places: list[tuple[int, int]] = []
    for name, field in fields.items():
        if not isinstance(field, tuple) or not 2 <= len(field) <= 3 or type(field[1]) is not int:
            return None
        inner, offset = dtype_of(field[0]), field[1]
        if inner is None or offset < 0 or offset + inner.itemsize > itemsize:
            return None
        objects = objects or inner.objects
        if name in names:
            places.append((offset, offset + inner.itemsize))
    places.sort()
    # A number that lies where a reference does could be followed as one.
    overlap = any(end > start for (_, end), (start, _) in pairwise(places))
    return None if objects and overlap else DType(itemsize, objects)


def _subarray(subarray: Value, itemsize: int) -> DType | None:
    """What a dtype of small arrays says."""
    if not isinstance(subarray, tuple) or len(subarray) != 2:
        return None
    element = dtype_of(subarray[0])
    shape = subarray[1] if isinstance(subarray[1], tuple) else (subarray[1],)
    if element is None or not SIZES.holds(shape):
        return None
    count = 1
    for size in shape:
        assert isinstance(size, int)
        count *= size
    return element if count * element.itemsize == itemsize else None


def _dtype_state(target: Called, state: Value) -> str:
    """What is wrong with a state for a dtype."""
    if target.sealed:
        return "a dtype that is changed after it was used"
    basic = _basic(target)
    if basic is None or _with_state(basic, state) is None:
        return "a dtype whose state does not fit its name"
    return ""


def _array_state(target: Called, state: Value) -> str:
    """What is wrong with a state for an array: version, shape, dtype, order, data."""
    if not isinstance(state, tuple) or not 4 <= len(state) <= 5:
        return "a state that is not an array's"
    shape, dtype, order, data = state[-4:]
    if not SIZES.holds(shape) or not isinstance(shape, tuple) or not FLAG.holds(order):
        return "an array whose shape or order is none"
    known = dtype_of(dtype)
    if known is None:
        return "an array whose dtype is not known"
    if known.objects:
        return "" if type(data) is list else "an array of objects whose data is no list"
    return "" if OLD_BYTES.holds(data) else "an array whose data is no bytes"


def _masked_state(target: Called, state: Value) -> str:
    """What is wrong with a state for a masked array: an array's, the mask, what fills it."""
    if not isinstance(state, tuple) or len(state) != 7:
        return "a state that is not a masked array's"
    return _array_state(target, state[:5]) or ("" if OLD_BYTES.holds(state[5]) else "a mask that is no bytes")


def _scalar(args: tuple[Value, ...]) -> str:
    """`scalar(dtype, bytes)`. With a dtype of objects it would follow an address."""
    if not 1 <= len(args) <= 2:
        return f"{len(args)} arguments, where 1 to 2 are expected"
    known = dtype_of(args[0])
    if known is None or known.objects:
        return "a scalar whose dtype is not known or is of objects"
    return "" if len(args) == 1 or OLD_BYTES.holds(args[1]) else "a scalar whose data is no bytes"


_PLAIN_DTYPE: Final = Kind(
    "a dtype without objects", lambda value: not getattr(dtype_of(value), "objects", True)
)
_DTYPE_NAME: Final = Kind(
    "the name of one dtype",
    lambda value: named(value, _RECORDS) or (isinstance(value, str) and _NAME.fullmatch(value) is not None),
)
_BUFFER: Final = BYTES | Kind("a buffer", lambda value: isinstance(value, Unknown))
_ARRAY_CLASS: Final = a_global("a class of arrays", *_ARRAYS)


def _rules() -> dict[str, Rule]:
    letter = exactly("b'b'", b"b", "b")
    masked = a_global("a class of masked arrays", *_MASKED)
    reconstruct = Rule(takes(_ARRAY_CLASS, SIZES, letter), state=_array_state)
    from_buffer = Rule(takes(_BUFFER, _PLAIN_DTYPE, SIZES, exactly("an order", "C", "F", "A", "K")))
    rules = {DTYPE: Rule(takes(_DTYPE_NAME, FLAG, FLAG, least=1), state=_dtype_state)}
    rules |= dict.fromkeys((*_ARRAYS, *_MASKED, *_RECORDS), NAMED)
    rules["numpy.ma.core._mareconstruct"] = Rule(
        takes(masked, _ARRAY_CLASS, SIZES, letter), state=_masked_state
    )
    for core in _CORE:
        rules[f"{core}.multiarray._reconstruct"] = reconstruct
        rules[f"{core}.multiarray.scalar"] = Rule(_scalar)
        rules[f"{core}.numeric._frombuffer"] = from_buffer
    rules |= {f"numpy.{name}": NAMED for name in _SCALARS}
    rules |= {
        f"numpy.dtypes.{kind}{size}DType": NAMED
        for kind in ("Int", "UInt", "Float", "Complex")
        for size in (8, 16, 32, 64, 128)
    }
    rules |= {f"numpy.dtypes.{name}DType": NAMED for name in ("Bool", "Str", "Bytes", "Object", "Void")}
    rules["joblib.numpy_pickle.NumpyArrayWrapper"] = Rule(takes(), new=True, state=_wrapper_state)
    return rules


def _wrapper_state(target: Called, state: Value) -> str:
    """What joblib writes before an array's raw bytes."""
    names = {"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"}
    if type(state) is not dict or not set(state) <= names:
        return "a state that is not a joblib array's"
    if not named(state.get("subclass"), frozenset({*_ARRAYS, "numpy.memmap"})):
        return "a joblib array of an unknown class"
    if not SIZES.holds(state.get("shape")) or not (TEXT | BYTES).holds(state.get("order")):
        return "a joblib array whose shape or order is none"
    if not all(INT.holds(state.get(name)) or state.get(name) is None for name in sorted(names)[:1]):
        return "a joblib array with odd flags"
    return "" if dtype_of(state.get("dtype")) is not None else "a joblib array whose dtype is not known"


NUMPY: Final = MappingProxyType(_rules() | {"numpy.memmap": NAMED})
"""Rules by full name."""
