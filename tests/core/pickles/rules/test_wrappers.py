"""Classes that hold plain values in attributes: with what they hold themselves, and nothing else."""

from __future__ import annotations

import collections
import pickle
import re
import statistics
import string

import pytest

from core.pickles.machine import run
from core.pickles.verdict import Verdict
from tests.core.pickles.unpicklers import call, name, program, text

MAPS: collections.ChainMap[str, object] = collections.ChainMap({"a": 1}, {"b": [2]})
VALUES: list[object] = [
    MAPS,
    collections.ChainMap(collections.OrderedDict(a=1), collections.UserDict(a=2)),
    collections.UserDict(a=1),
    collections.UserList([1, "a"]),
    collections.UserString("a"),
    statistics.NormalDist(1.5, 2),
    re.compile("a+(b|c)", re.IGNORECASE | re.DOTALL),
    re.compile(b"a+", re.LOCALE),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_with_attributes_is_data_only(value: object, protocol: int) -> None:
    stream = pickle.dumps(value, protocol)
    found = run(stream)
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    assert pickle.loads(stream) == value  # noqa: S301 - written three lines above


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_template_is_data_only(protocol: int) -> None:
    stream = pickle.dumps(string.Template("$a"), protocol)
    assert run(stream).verdict is Verdict.DATA_ONLY
    assert pickle.loads(stream).substitute(a="b") == "b"  # noqa: S301 - written two lines above


def with_state(module: str, kind: str, *pairs: bytes) -> bytes:
    return name(module, kind) + program("EMPTY_TUPLE", "NEWOBJ", "MARK", *pairs, "DICT", "BUILD")


A_FUNCTION = name("_codecs", "encode")
EMPTY = program("EMPTY_DICT")
TEMPLATE = (text("template"), text("$a"))
UNSAFE = {
    "a template with a pattern of its own": with_state(
        "string", "Template", *TEMPLATE, text("pattern"), call("types", "SimpleNamespace")
    ),
    "a template that is a function": with_state("string", "Template", text("template"), A_FUNCTION),
    "maps that are functions": with_state(
        "collections", "ChainMap", text("maps"), program("MARK", A_FUNCTION, "LIST")
    ),
    "no maps": with_state("collections", "ChainMap", text("maps"), program("EMPTY_LIST")),
    "maps of what nobody knows": with_state(
        "collections", "ChainMap", text("maps"), program("MARK", call("m", "C"), "LIST")
    ),
    "a dict that is a function": with_state("collections", "UserDict", text("data"), A_FUNCTION),
    "a dict of another name": with_state("collections", "UserDict", text("other"), EMPTY),
    "a method in the place of an attribute": with_state(
        "collections", "UserDict", text("data"), EMPTY, text("get"), A_FUNCTION
    ),
    "another class": with_state("collections", "UserDict", text("data"), EMPTY, text("__class__"), EMPTY),
    "a list that is a dict": with_state("collections", "UserList", text("data"), EMPTY),
    "a text that is a function": call("collections", "UserString", A_FUNCTION),
    "keys set by a method": with_state("collections", "UserDict", text("data"), EMPTY)
    + program("NONE", "NONE", "SETITEM"),
    "items added by a method": with_state("collections", "UserList", text("data"), program("EMPTY_LIST"))
    + program("NONE", "APPEND"),
    "a second state": with_state("collections", "UserDict", text("data"), EMPTY)
    + program("MARK", text("data"), EMPTY, "DICT", "BUILD"),
    "a dict filled by its init": call("collections", "UserDict", EMPTY),
    "a distribution of texts": call("statistics", "NormalDist", text("a")),
    "a distribution with other slots": name("statistics", "NormalDist")
    + program("EMPTY_TUPLE", "NEWOBJ", "NONE", "MARK", text("__class__"), "NONE", "DICT", "TUPLE2", "BUILD"),
    "a pattern that is a function": call("re", "_compile", A_FUNCTION, program("BININT1", 0)),
    "a pattern that is printed": call("re", "_compile", text("a"), program("BININT1", 128)),
    "a pattern that is too long": call(
        "re",
        "_compile",
        program("BINUNICODE", (10_001).to_bytes(4, "little"), b"a" * 10_001),
        program("BININT1", 0),
    ),
    "a pattern with a state": call("re", "_compile", text("a"), program("BININT1", 0)) + EMPTY
    + program("BUILD"),
}  # fmt: skip


@pytest.mark.parametrize("stream", UNSAFE.values(), ids=UNSAFE)
def test_what_else_the_classes_could_be_used_for_needs_trust(stream: bytes) -> None:
    assert run(program("PROTO", 4) + stream + program("STOP")).verdict is Verdict.NEEDS_TRUST


@pytest.mark.parametrize("function", ["sub", "compile", "template", "Scanner"])
def test_other_functions_of_re_need_trust(function: str) -> None:
    assert run(call("re", function, text("a")) + program("STOP")).verdict is Verdict.NEEDS_TRUST


@pytest.mark.parametrize(
    ("module", "attribute"),
    [
        ("functools", "partial"),
        ("operator", "itemgetter"),
        ("operator", "attrgetter"),
        ("operator", "methodcaller"),
    ],
)
def test_what_is_there_to_be_called_is_no_data(module: str, attribute: str) -> None:
    """An object of theirs runs what the file says as soon as anything calls it: a factory, a hook, a key."""
    assert run(call(module, attribute, text("a")) + program("STOP")).verdict is Verdict.DANGEROUS
