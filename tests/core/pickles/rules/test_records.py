"""Tuples with names: their fields are data, in modules that are dangerous otherwise."""

from __future__ import annotations

import os
import pathlib
import pickle
import sys
import time
import urllib.parse

import pytest

from core.pickles.machine import run
from core.pickles.verdict import Verdict
from tests.core.pickles.unpicklers import call, name, program, text

RECORDS: list[tuple[object, ...]] = [
    time.gmtime(0),
    pathlib.Path(sys.executable).stat(),
    os.terminal_size((80, 24)),
    os.times(),
]
ADDRESSES: list[tuple[object, ...]] = [
    urllib.parse.urlparse("http://a.example/b;c?d=e#f"),
    urllib.parse.urlsplit("http://a.example/b"),
    urllib.parse.urlsplit(b"http://a.example/b"),
    urllib.parse.urldefrag("a#b"),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_data_only(record: tuple[object, ...], protocol: int) -> None:
    stream = pickle.dumps(record, protocol)
    found = run(stream)
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    assert pickle.loads(stream) == record  # noqa: S301 - written three lines above


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("address", ADDRESSES, ids=repr)
def test_the_parts_of_an_address_are_data_only(address: tuple[object, ...], protocol: int) -> None:
    stream = pickle.dumps(address, protocol)
    found = run(stream)
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    assert pickle.loads(stream) == address  # noqa: S301 - written three lines above


@pytest.mark.parametrize("protocol", [0, 1])
def test_in_the_first_protocols_they_are_tuples_made_anew_and_need_trust(protocol: int) -> None:
    for address in ADDRESSES:
        assert run(pickle.dumps(address, protocol)).verdict is Verdict.NEEDS_TRUST


NINE = program("MARK", *["NONE"] * 9, "TUPLE")
A_FUNCTION = name("_codecs", "encode")
UNSAFE = {
    "too few fields": call("time", "struct_time", program("EMPTY_TUPLE")),
    "a list of fields": call("time", "struct_time", program("EMPTY_LIST")),
    "a function for a field": call(
        "time", "struct_time", program("MARK", A_FUNCTION, *["NONE"] * 8, "TUPLE")
    ),
    "a function for a named field": call(
        "time", "struct_time", NINE, program("MARK", text("tm_zone"), A_FUNCTION, "DICT")
    ),
    "names that are no dict": call("time", "struct_time", NINE, program("EMPTY_LIST")),
    "a state": call("time", "struct_time", NINE) + program("EMPTY_DICT", "BUILD"),
    "a record without its fields": name("os", "stat_result") + program("EMPTY_TUPLE", "NEWOBJ"),
    "an address of one part": call("urllib.parse", "ParseResult", text("a")),
    "an address of functions": call("urllib.parse", "DefragResult", A_FUNCTION, A_FUNCTION),
    "an address with a state": call("urllib.parse", "DefragResult", text("a"), text("b"))
    + program("EMPTY_DICT", "BUILD"),
}


@pytest.mark.parametrize("stream", UNSAFE.values(), ids=UNSAFE)
def test_what_else_a_record_could_be_used_for_needs_trust(stream: bytes) -> None:
    assert run(program("PROTO", 4) + stream + program("STOP")).verdict is Verdict.NEEDS_TRUST


@pytest.mark.parametrize(
    "full", ["os.stat", "os.times", "posix.uname", "urllib.parse.urlopen", "urllib.request.urlopen"]
)
def test_the_functions_beside_them_are_dangerous_as_before(full: str) -> None:
    module, _, attribute = full.rpartition(".")
    assert run(call(module, attribute) + program("STOP")).verdict is Verdict.DANGEROUS
