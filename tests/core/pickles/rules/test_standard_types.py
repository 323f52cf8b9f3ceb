"""Python's value types: what the library pickles is data only; what its names could be abused for is not."""

from __future__ import annotations

import argparse
import array
import collections
import copyreg
import datetime
import decimal
import fractions
import io
import ipaddress
import pathlib
import pickle
import types
import uuid
import zoneinfo

import pytest

from core.pickles.machine import run
from core.pickles.verdict import Verdict
from tests.core.pickles.unpicklers import call, name, program, text

ZONE = datetime.timezone(datetime.timedelta(hours=1), "X")
VALUES: list[object] = [
    {1, 2},
    frozenset({1}),
    bytearray(b"ab"),
    bytearray(),
    b"\xff",
    1 + 2j,
    range(1, 9, 2),
    slice(1, None),
    Ellipsis,
    NotImplemented,
    type(None),
    [int, str, dict, ValueError],
    ValueError("a", 1),
    collections.OrderedDict(a=1),
    collections.defaultdict(list, {1: [2]}),
    collections.defaultdict(collections.OrderedDict),
    collections.defaultdict(None),
    collections.Counter("aab"),
    collections.deque([1, 2], 5),
    array.array("d", [1.5]),
    types.SimpleNamespace(a=1),
    argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("a/b")),
    datetime.date(2020, 1, 2),
    datetime.time(1, 2, tzinfo=ZONE),
    datetime.datetime(2020, 1, 2, tzinfo=ZONE),
    datetime.datetime(2020, 1, 2, tzinfo=zoneinfo.ZoneInfo("UTC")),
    datetime.time(1, tzinfo=zoneinfo.ZoneInfo.no_cache("UTC")),
    [zoneinfo.ZoneInfo("UTC"), zoneinfo.ZoneInfo.no_cache("UTC"), zoneinfo.ZoneInfo],
    datetime.timedelta(1, 2, 3),
    datetime.UTC,
    decimal.Decimal("1.50"),
    fractions.Fraction(1, 3),
    uuid.UUID(int=5),
    pathlib.PureWindowsPath("c:/a"),
    pathlib.Path("a"),
    ipaddress.ip_address("192.0.2.1"),
    ipaddress.ip_address("fe80::1%5"),
    ipaddress.ip_network("2001:db8::/32"),
    ipaddress.ip_interface("192.0.2.1/24"),
]


def dumps(value: object, protocol: int) -> bytes:
    """As the standard library pickles; once imported, `distributed` pickles exceptions its own way."""
    made = io.BytesIO()
    pickler = pickle.Pickler(made, protocol)
    pickler.dispatch_table = {
        kind: how for kind, how in copyreg.dispatch_table.items() if not how.__module__.startswith("tblib.")
    }
    pickler.dump(value)
    return made.getvalue()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_of_the_standard_library_is_data_only(value: object, protocol: int) -> None:
    found = run(dumps(value, protocol))
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    assert all(one.known for one in found.calls)


ITEM = text("a")
EMPTY = program("EMPTY_DICT")
UNSAFE = {
    "an address of a list": call("ipaddress", "IPv4Address", program("EMPTY_LIST")),
    "an address with a state": call("ipaddress", "IPv4Address", ITEM) + EMPTY + program("BUILD"),
    "a defaultdict that calls a function": call("collections", "defaultdict", name("_codecs", "encode")),
    "a defaultdict that calls what nobody knows": call("collections", "defaultdict", name("m", "f")),
    "a class made by type": call("builtins", "type", ITEM, program("EMPTY_TUPLE"), EMPTY),
    "a reconstructor with another base": call(
        "copyreg", "_reconstructor", name("uuid", "UUID"), name("builtins", "dict"), program("NONE")
    ),
    "a reconstructor of a function": call(
        "copyreg", "_reconstructor", name("_codecs", "encode"), name("builtins", "object"), program("NONE")
    ),
    "a reconstructor of what nobody knows": call(
        "copyreg", "_reconstructor", name("m", "C"), name("builtins", "object"), program("NONE")
    ),
    "another codec": call("_codecs", "encode", ITEM, text("zlib_codec")),
    "a set of what a call gives": call("builtins", "set", call("collections", "deque")),
    "a list of a function": call("builtins", "list", name("_codecs", "encode")),
    "a state of a set": call("builtins", "set") + EMPTY + program("BUILD"),
    "a state of a deque": call("collections", "deque") + EMPTY + program("BUILD"),
    "attributes with names of Python's own": call("collections", "OrderedDict")
    + program("MARK", text("__class__"), "NONE", "DICT", "BUILD"),
    "attributes as slots": call("collections", "OrderedDict") + program("NONE", EMPTY, "TUPLE2", "BUILD"),
    "a second state": call("types", "SimpleNamespace") + program(EMPTY, "BUILD", EMPTY, "BUILD"),
    "an item appended to a dict": call("collections", "OrderedDict") + program("NONE", "APPEND"),
    "an item set in a deque": call("collections", "deque") + program("NONE", "NONE", "SETITEM"),
    "an item added to a deque as to a set": call("collections", "deque")
    + program("MARK", "NONE", "ADDITEMS"),
    "nothing appended, which pickle.py does by a call": call("collections", "OrderedDict")
    + program("MARK", "APPENDS"),
    "a UUID that is no int": name("uuid", "UUID")
    + program("EMPTY_TUPLE", "NEWOBJ", "MARK", text("int"), ITEM, "DICT", "BUILD"),
    "an object of a function": name("_codecs", "encode") + program("EMPTY_TUPLE", "NEWOBJ"),
    "keyword arguments": name("collections", "OrderedDict")
    + program("EMPTY_TUPLE", "MARK", ITEM, "NONE", "DICT", "NEWOBJ_EX"),
    "a path of a number": call("pathlib", "Path", program("BININT1", 1)),
    "a call of a singleton": call("builtins", "Ellipsis"),
}


@pytest.mark.parametrize("stream", UNSAFE.values(), ids=UNSAFE.keys())
def test_what_an_allowed_name_may_not_do_is_not_data_only(stream: bytes) -> None:
    assert run(program("PROTO", 4) + stream + program("STOP")).verdict is not Verdict.DATA_ONLY


def test_the_reason_names_the_argument_and_what_was_expected() -> None:
    (found,) = run(call("decimal", "Decimal", program("NONE")) + program("STOP")).findings
    assert found.reason == (
        "decimal.Decimal would be called with argument 1 is None, where a str or an int is expected"
    )
    assert (found.subject, found.opcode) == ("decimal.Decimal", "REDUCE")


@pytest.mark.parametrize("how", ["REDUCE", "copyreg.__newobj__", "copyreg._reconstructor"])
def test_an_object_of_an_unknown_class_needs_trust_however_it_is_made(how: str) -> None:
    thing = name("m", "C")
    stream = {
        "REDUCE": call("m", "C"),
        "copyreg.__newobj__": call("copyreg", "__newobj__", thing),
        "copyreg._reconstructor": call(
            "copyreg", "_reconstructor", thing, name("builtins", "object"), program("NONE")
        ),
    }[how]
    found = run(stream + program("STOP"))
    assert found.verdict is Verdict.NEEDS_TRUST
    assert [(one.function, one.known) for one in found.calls] == [("m.C", False)]
