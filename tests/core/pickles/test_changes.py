"""Opcodes that change objects: plain ones as CPython does it, all others are judged."""

from __future__ import annotations

import pickle

import pytest

from core.pickles.machine import run
from core.pickles.value import Called
from core.pickles.verdict import Verdict
from tests.core.pickles.unpicklers import call, name, program, text, witnesses

STOP = program("STOP")
ONE, TWO = program("BININT1", 1), program("BININT1", 2)
PLAIN = {
    "APPEND": program("EMPTY_LIST", ONE, "APPEND"),
    "APPENDS": program("EMPTY_LIST", "MARK", ONE, TWO, "APPENDS"),
    "no APPENDS": program("EMPTY_LIST", "MARK", "APPENDS"),
    "ADDITEMS": program("EMPTY_SET", "MARK", ONE, ONE, TWO, "ADDITEMS"),
    "SETITEM": program("EMPTY_DICT", ONE, TWO, "SETITEM"),
    "SETITEMS": program("EMPTY_DICT", "MARK", ONE, TWO, TWO, ONE, ONE, ONE, "SETITEMS"),
    "many SETITEMS": program(
        "EMPTY_DICT", "MARK", *[program("BININT1", key, "NONE") for key in range(50)], "SETITEMS"
    ),
    "equal keys": program("EMPTY_DICT", "MARK", ONE, TWO, "NEWTRUE", ONE, "SETITEMS"),
    "an item of a list": program("MARK", ONE, ONE, "LIST", ONE, TWO, "SETITEM"),
    "no state": program("EMPTY_LIST", "NONE", "BUILD"),
}


@pytest.mark.parametrize("stream", PLAIN.values(), ids=PLAIN.keys())
def test_a_plain_object_is_changed_as_cpython_changes_it(stream: bytes) -> None:
    found = run(stream + STOP)
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    assert found.values == (pickle.loads(stream + STOP),)  # noqa: S301 - no global in it


REFUSED = {
    "an item of a tuple": program("EMPTY_TUPLE", ONE, "APPEND"),
    "an item of a set": program("EMPTY_SET", ONE, TWO, "SETITEM"),
    "an item of a list where it has none": program("EMPTY_LIST", ONE, TWO, "SETITEM"),
    "an item of a list by a text": program("EMPTY_LIST", text("a"), TWO, "SETITEM"),
    "a key that is a list": program("EMPTY_DICT", "EMPTY_LIST", ONE, "SETITEM"),
    "a member that is a list": program("EMPTY_SET", "MARK", "EMPTY_LIST", "ADDITEMS"),
    "an odd number of keys and values": program("EMPTY_DICT", "MARK", ONE, "SETITEMS"),
    "a member of a frozenset": program("MARK", "FROZENSET", "MARK", ONE, "ADDITEMS"),
    "a state of a list": program("EMPTY_LIST", text("a"), "BUILD"),
    "a mark in the way": program("EMPTY_LIST", "MARK", ONE, "APPEND"),
    "nothing to change": program(ONE, "APPEND"),
}


@pytest.mark.parametrize("stream", REFUSED.values(), ids=REFUSED.keys())
def test_what_cpython_refuses_is_not_data_only(stream: bytes) -> None:
    with pytest.raises((TypeError, ValueError, IndexError, AttributeError, pickle.UnpicklingError)):
        pickle.loads(stream + STOP)  # noqa: S301 - no global in it
    assert run(stream + STOP).verdict is Verdict.COULD_NOT_READ


CHANGES = {
    "APPEND": program("NONE", "APPEND"),
    "APPENDS": program("MARK", "NONE", "APPENDS"),
    "ADDITEMS": program("MARK", "NONE", "ADDITEMS"),
    "SETITEM": program("NONE", "NONE", "SETITEM"),
    "SETITEMS": program("MARK", "NONE", "NONE", "SETITEMS"),
    "BUILD": program("EMPTY_DICT", "BUILD"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_of_a_global_itself_is_dangerous_even_of_an_allowed_one(change: bytes) -> None:
    for target in (name("sys", "path"), name("collections", "Counter"), name("m", "C")):
        found = run(target + change + STOP)
        assert found.verdict is Verdict.DANGEROUS
        assert any("itself, for the whole program" in one.reason for one in found.findings)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_of_an_unknown_object_runs_its_own_code(change: bytes) -> None:
    stream = call("m", "C") + change + STOP
    found = run(stream)
    assert found.verdict is Verdict.NEEDS_TRUST
    assert any("its own code would run" in one.reason for one in found.findings)
    assert all(("m", "C") in witness.touched for witness in witnesses(stream))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_of_what_the_loader_gives_needs_trust(change: bytes) -> None:
    assert run(program(ONE, "BINPERSID") + change + STOP).verdict is Verdict.NEEDS_TRUST


def test_what_was_changed_is_kept_with_the_object() -> None:
    stream = call("m", "C") + CHANGES["BUILD"] + CHANGES["SETITEM"] + CHANGES["APPENDS"] + STOP
    (value,) = run(stream).values
    assert isinstance(value, Called)
    assert (value.state, value.pairs, value.items) == ([{}], [(None, None)], [None])


def test_pickle_py_sets_items_before_it_finds_out_that_one_is_missing() -> None:
    stream = call("m", "C") + program("MARK", ONE, TWO, ONE, "SETITEMS") + STOP
    assert ("m", "C") in witnesses(stream)[1].touched
    found = run(stream)
    assert found.verdict is Verdict.COULD_NOT_READ
    assert any("its own code would run" in one.reason for one in found.findings)


def test_items_of_an_ordered_dict_are_kept_in_order() -> None:
    (value,) = run(
        call("collections", "OrderedDict") + program("MARK", ONE, TWO, TWO, ONE, "SETITEMS", "STOP")
    ).values
    assert isinstance(value, Called)
    assert value.pairs == [(1, 2), (2, 1)]
