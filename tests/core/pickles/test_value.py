"""Values: to_python gives what is wholly plain and nothing else; a rendering is one short line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.value import (
    PLAIN,
    Called,
    Global,
    Long,
    OldString,
    PersistentId,
    Unknown,
    Value,
    is_plain,
    render,
    to_python,
)

STAND_INS: list[Value] = [
    Global("a", "b"),
    Called(Global("a", "b"), (1,), "REDUCE", 0),
    PersistentId(1),
    OldString(b"\xff"),
    Long("bytes", 0, 10**9),
    Unknown("elsewhere"),
]
PLAIN_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)
CONTROL = "\x1b[31m\r\n\u202e"


@given(PLAIN_VALUES)
def test_a_plain_value_is_the_python_object_itself(value: object) -> None:
    assert to_python(value) is value


@pytest.mark.parametrize("stand_in", STAND_INS, ids=lambda value: type(value).__name__)
def test_a_value_with_a_stand_in_anywhere_is_none(stand_in: Value) -> None:
    for value in (stand_in, [stand_in], {"a": (1, [stand_in])}, {stand_in: 1}, slice(stand_in)):
        with pytest.raises(ValueError, match="expected plain values only"):
            to_python(value)


def test_a_value_that_holds_itself_is_walked_once() -> None:
    cycle: list[object] = [1]
    cycle.append(cycle)
    assert to_python(cycle) is cycle
    assert render(cycle) == "[1, [1, [1, <list of 2>]]]"


def test_a_value_that_repeats_its_parts_into_gigabytes_is_walked_once() -> None:
    value: object = "x"
    for _ in range(200):
        value = [value, value]
    assert to_python(value, most=1_000) is value


def test_calls_of_calls_of_calls_are_shown_in_one_line() -> None:
    call: Value = Global("a", "b")
    pid: Value = 1
    for _ in range(100_000):
        call = Called(call, (), "REDUCE", 0)
        pid = PersistentId(pid)
    assert render(call) == "<a call>()()()"
    assert render(pid) == "<persistent id <persistent id <persistent id <persistent id ...>>>>"


def test_a_value_of_more_parts_than_allowed_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 10 parts"):
        to_python(list(range(20)), most=10)


@given(PLAIN_VALUES, st.integers(4, 100))
def test_a_rendering_keeps_to_its_limit_and_its_line(value: object, limit: int) -> None:
    shown = render(value, limit)
    assert len(shown) <= limit
    assert shown.isprintable()


@pytest.mark.parametrize(
    "value",
    [
        CONTROL,
        CONTROL.encode(),
        [CONTROL],
        {CONTROL: CONTROL},
        Global(CONTROL, "b"),
        Called(Global("a", CONTROL), (CONTROL,), "REDUCE", 0, ((CONTROL, 1),)),
        Unknown(CONTROL),
        OldString(CONTROL.encode()),
        PersistentId((CONTROL,)),
        Global("\ud800", "b"),
    ],
)
def test_nothing_in_a_rendering_acts_on_a_terminal(value: Value) -> None:
    assert render(value).isprintable()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ((1,), "(1,)"),
        (frozenset({1}), "frozenset({1})"),
        (set(), "set()"),
        ({"b", "a", "c"}, "{'a', 'b', 'c'}"),
        (frozenset(range(100)), "<frozenset of 100>"),
        ({1: "a"}, "{1: 'a'}"),
        (range(3), "range(0, 3, 1)"),
        (2**300, "<an int of 301 bits>"),
        (list(range(9)), "[0, 1, 2, 3, 4, 5, ... 3 more]"),
        (Long("bytes", 5, 2_000), "<bytes of 2,000 bytes at 5>"),
        (Called(Global("os", "system"), ("id",), "REDUCE", 0), "os.system('id')"),
        (Called(Global("a", "B"), (), "NEWOBJ", 0, (("k", 1),), state=[{}]), "a.B(k=1) with state"),
    ],
)
def test_a_rendering_looks_like_python(value: Value, shown: str) -> None:
    assert render(value) == shown


def test_only_python_objects_are_plain() -> None:
    assert all(is_plain(kind()) for kind in PLAIN - {type(None), range, slice})
    assert not any(is_plain(stand_in) for stand_in in STAND_INS)
