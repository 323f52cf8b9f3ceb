"""Kinds of plain values that arguments may have."""

from __future__ import annotations

from typing import Final

from core.pickles.rules.rule import Kind
from core.pickles.value import Called, Global, Long, OldString, Value

_MOST_SIZES: Final = 64
"""NumPy and torch allow no more dimensions."""
_INTS: Final = frozenset({int, bool})
_SEQUENCES: Final = (tuple, list)
_GIVE_BYTES: Final = frozenset({"_codecs.encode", "builtins.bytes", "builtins.bytearray"})
"""Protocols 0 to 2 write bytes as calls, which are only worked out where they are short."""


def named(value: Value, names: frozenset[str]) -> bool:
    """Whether a value is a global with one of these full names."""
    return isinstance(value, Global) and value.full in names


def made_by(value: Value, names: frozenset[str]) -> bool:
    """Whether a value is what a call of one of these globals gives."""
    return isinstance(value, Called) and value.full in names


def a_global(name: str, *names: str) -> Kind:
    """One of some globals, by full names."""
    every = frozenset(names)
    return Kind(name, lambda value: named(value, every))


def result_of(name: str, *names: str) -> Kind:
    """What a call of one of some globals gives."""
    every = frozenset(names)
    return Kind(name, lambda value: made_by(value, every))


def exactly(name: str, *values: Value) -> Kind:
    """One of some plain values, of the same type."""
    return Kind(name, lambda value: any(type(value) is type(one) and value == one for one in values))


def _is_sizes(value: Value) -> bool:
    return isinstance(value, _SEQUENCES) and len(value) <= _MOST_SIZES and _INTS.issuperset(map(type, value))


ANY: Final = Kind("anything", lambda value: True)
NONE: Final = Kind.of("None", type(None))
INT: Final = Kind.of("an int", *_INTS)
FLAG: Final = Kind.of("a bool", *_INTS)
FLOAT: Final = Kind.of("a number", float, *_INTS)
TEXT: Final = Kind.of("a str", str)
LONG_TEXT: Final = Kind(
    "a str", lambda value: type(value) is str or (isinstance(value, Long) and value.kind == "str")
)
BYTES: Final = Kind(
    "bytes",
    lambda value: (
        type(value) in (bytes, bytearray)
        or (isinstance(value, Long) and value.kind in ("bytes", "bytearray"))
        or made_by(value, _GIVE_BYTES)
    ),
)
OLD_BYTES: Final = Kind("bytes", lambda value: LONG_TEXT.holds(value) or isinstance(value, OldString)) | BYTES
"""Bytes, or what Python 2 wrote as a str and `encoding="latin1"` reads as text."""
SIZES: Final = Kind(f"a tuple of at most {_MOST_SIZES} ints", _is_sizes)
NUMBERS: Final = Kind(
    "a list of numbers",
    lambda value: isinstance(value, list) and all(type(one) in (int, float, bool) for one in value),
)
PAIRS: Final = Kind(
    "a list of pairs",
    lambda value: (
        isinstance(value, list) and all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in value)
    ),
)
DICT: Final = Kind.of("a dict", dict)
NO_ITEMS: Final = Kind("nothing", lambda value: value is None or (type(value) in (tuple, list) and not value))


def attributes(target: Called, state: Value) -> str:
    """What is wrong with attributes that are to be set: a dict of plain names, none of them Python's own."""
    if type(state) is not dict:
        return "a state that is no dict"
    return _odd_name(state)


def _odd_name(state: dict[object, object]) -> str:
    for name in state:
        if type(name) is not str:
            return "an attribute whose name is no str"
        if name.startswith("__"):
            return "an attribute whose name is Python's own"
    return ""
