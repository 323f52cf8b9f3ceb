"""Kinds of arguments: exact types, no stand-in passes for a value."""

import pytest

from core.pickles.rules.kinds import (
    BYTES,
    DICT,
    FLOAT,
    INT,
    NO_ITEMS,
    NUMBERS,
    OLD_BYTES,
    PAIRS,
    SIZES,
    TEXT,
    a_global,
    attributes,
    exactly,
    made_by,
    named,
    result_of,
)
from core.pickles.rules.rule import Kind
from core.pickles.value import Called, Global, Long, OldString, Unknown, Value

EVAL = Global("builtins", "eval")
TARGET = Called(Global("collections", "OrderedDict"), (), "REDUCE", 0)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (INT, 1),
        (INT, True),
        (FLOAT, 1.5),
        (TEXT, "a"),
        (BYTES, b"a"),
        (BYTES, bytearray(b"a")),
        (BYTES, Long("bytes", 0, 10**6)),
        (OLD_BYTES, "a"),
        (OLD_BYTES, OldString(b"\xff")),
        (SIZES, (1, 2)),
        (SIZES, []),
        (NUMBERS, [1, 2.5]),
        (PAIRS, [["a", 1], ("b", 2)]),
        (DICT, {}),
        (NO_ITEMS, ()),
        (exactly("b", b"b", "b"), "b"),
    ],
)
def test_a_value_is_of_its_kind(kind: Kind, value: Value) -> None:
    assert kind.holds(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (INT, 1.0),
        (TEXT, b"a"),
        (TEXT, Long("str", 0, 10**6)),
        (BYTES, "a"),
        (BYTES, Long("str", 0, 10**6)),
        (SIZES, (1, EVAL)),
        (SIZES, tuple(range(65))),
        (NUMBERS, [1, EVAL]),
        (PAIRS, [(1, 2, 3)]),
        (DICT, TARGET),
        (NO_ITEMS, [1]),
        (exactly("1", 1), True),
    ],
)
def test_another_value_is_not(kind: Kind, value: Value) -> None:
    assert not kind.holds(value)


@pytest.mark.parametrize("value", [EVAL, Unknown("x"), Called(EVAL, ("1",), "REDUCE", 0)])
def test_no_plain_kind_takes_what_is_not_plain(value: Value) -> None:
    kinds = (INT, FLOAT, TEXT, BYTES, OLD_BYTES, SIZES, NUMBERS, PAIRS, DICT, NO_ITEMS)
    assert not any(kind.holds(value) for kind in kinds)


def test_globals_and_results_are_known_by_their_full_names() -> None:
    names = frozenset({"builtins.eval"})
    assert named(EVAL, names)
    assert not named(Called(EVAL, (), "REDUCE", 0), names)
    assert made_by(Called(EVAL, (), "REDUCE", 0), names)
    assert not made_by(EVAL, names)
    assert a_global("it", "builtins.eval").holds(EVAL)
    assert result_of("it", "collections.OrderedDict").holds(TARGET)


@pytest.mark.parametrize(
    "state", [[], None, ({}, {"a": 1}), {1: 2}, {"__class__": EVAL}, {"a": 1, "__dict__": 2}]
)
def test_attributes_are_a_dict_of_names_that_are_not_pythons_own(state: Value) -> None:
    assert attributes(TARGET, state)
    assert not attributes(TARGET, {"_metadata": {}, "a": 1})
