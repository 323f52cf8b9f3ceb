"""NumPy's dtypes: what is known of one by its name and its state.

A dtype says how bytes are read. One that calls them object pointers would make NumPy follow addresses from
the file, so a dtype's state is checked against what its name says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from core.pickles.rules.kinds import BYTES, FLAG, FLOAT, INT, NONE, SIZES, TEXT, made_by, named
from core.pickles.rules.rule import NAMED, Kind, Rule, takes
from core.pickles.value import Called, Global, Value

DTYPE: Final = "numpy.dtype"
"""The full name of NumPy's dtype."""
RECORDS: Final = frozenset({"numpy.record", "numpy.rec.record", "numpy.core.records.record"})
"""Classes of scalars with fields, which name a dtype too."""
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
_ML_SIZES: Final = MappingProxyType({
    **{f"ml_dtypes.{name}": 1 for name in (
        "float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn", "float8_e3m4", "float8_e4m3",
        "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz",
        "float8_e8m0fnu", "int1", "int2", "int4", "uint1", "uint2", "uint4",
    )},
    "ml_dtypes.bfloat16": 2, "ml_dtypes.complex32": 4, "ml_dtypes.bcomplex32": 4,
})  # fmt: skip
"""Bytes of one number, by the full name of its type; ml_dtypes gives each type below a byte a whole one."""
_ML_FLAGS: Final = ((64,), (64, None), (80,), (80, None))
"""Its items are set by a function of its own; that needs the interpreter, as older versions say."""
STRINGS: Final = frozenset(
    f"numpy.{core}._internal._convert_to_stringdtype_kwargs" for core in ("core", "_core")
)
"""Full names of what makes NumPy 2's dtype of texts of any length."""
_STRING_SIZE: Final = 16
"""Bytes of one item: where its text is, and how long."""


@dataclass(frozen=True)
class DType:
    """What is known of a dtype.

    Attributes:
        itemsize: bytes of one item; 0 if its name does not say.
        objects: whether an item is, or holds, a reference to a Python object.
    """

    itemsize: int
    objects: bool


def is_of_strings(value: Value) -> bool:
    """Whether a value is NumPy 2's dtype of texts: an array of it has a list of them for its data."""
    return made_by(value, STRINGS) and isinstance(value, Called) and not value.state


def dtype_of(value: Value) -> DType | None:
    """What a value says as a dtype, by its name and the state that it was given; None if that cannot be told.

    Who asks relies on the answer, so the dtype may not be given another state afterwards.
    """
    if is_of_strings(value):
        return DType(_STRING_SIZE, objects=True)
    return _within(value)


def _within(value: Value) -> DType | None:
    """The same for a dtype in another one, where there can be none of texts."""
    if not isinstance(value, Called) or value.full != DTYPE:
        return None
    if not value.sealed:
        value.sealed = True
        value.meaning = basic = _basic(value)
        if basic is not None and value.state:
            value.meaning = _with_state(basic, value.state[0], of_ml=_names_ml(value))
    return value.meaning if isinstance(value.meaning, DType) else None


def _basic(value: Called) -> DType | None:
    """What a dtype's name alone says."""
    name = value.args[0] if value.args else None
    if named(name, RECORDS):
        return DType(0, objects=False)
    if isinstance(name, Global) and name.full in _ML_SIZES:
        return DType(_ML_SIZES[name.full], objects=False)
    found = _NAME.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        return None
    letter, digits = found[2], found[3]
    size = int(digits) if digits else _OF_LETTER.get(letter, 0)
    if letter == "U":
        size *= 4
    return DType(8 if letter == "O" else size, letter == "O")


def _with_state(basic: DType, state: Value, *, of_ml: bool) -> DType | None:
    """What a dtype's name and state say together; None if they do not fit."""
    if of_ml and not _is_of_ml(state):
        return None
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


def _names_ml(value: Called) -> bool:
    """Whether a dtype is made of one of ml_dtypes' types."""
    return bool(value.args) and isinstance(value.args[0], Global) and value.args[0].full in _ML_SIZES


def _is_of_ml(state: Value) -> bool:
    """Whether a state is what such a dtype has: no fields, no small arrays, flags that never change."""
    return isinstance(state, tuple) and state[2:5] == (None, None, None) and state[7:] in _ML_FLAGS


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
        inner, offset = _within(field[0]), field[1]
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
    element = _within(subarray[0])
    shape = subarray[1] if isinstance(subarray[1], tuple) else (subarray[1],)
    if element is None or not SIZES.holds(shape):
        return None
    count = 1
    for size in shape:
        assert isinstance(size, int)
        count *= size
    return element if count * element.itemsize == itemsize else None


def dtype_state(target: Called, state: Value) -> str:
    """What is wrong with a state for a dtype: what BUILD would give it."""
    if target.sealed:
        return "a dtype that is changed after it was used"
    basic = _basic(target)
    if basic is None or _with_state(basic, state, of_ml=_names_ml(target)) is None:
        return "a dtype whose state does not fit its name"
    return ""


def _rules() -> dict[str, Rule]:
    name = Kind(
        "the name of one dtype",
        lambda value: (
            named(value, RECORDS | frozenset(_ML_SIZES))
            or (isinstance(value, str) and _NAME.fullmatch(value) is not None)
        ),
    )
    strings = Rule(takes(FLAG, NONE | FLOAT | TEXT, least=1))
    rules = {DTYPE: Rule(takes(name, FLAG, FLAG, least=1), state=dtype_state)}
    return rules | dict.fromkeys(STRINGS, strings) | dict.fromkeys((*_ML_SIZES, *RECORDS), NAMED)


DTYPES: Final = MappingProxyType(_rules())
"""Rules by full name."""
