"""Members of enumerations: asked for by their value they are data only, and no class is made or changed."""

from __future__ import annotations

import enum
import http
import inspect
import pickle
import re
import signal
import socket
import uuid

import pytest

from core.pickles.globals import ALLOWED
from core.pickles.machine import run
from core.pickles.rules.enumerations import ENUMERATIONS
from core.pickles.rules.rule import NAMED
from core.pickles.verdict import Verdict
from tests.core.pickles.unpicklers import call, name, program, text

MEMBERS: list[enum.Enum] = [
    http.HTTPStatus.NOT_FOUND,
    http.HTTPMethod.GET,
    signal.SIGTERM,
    signal.SIG_DFL,
    signal.SIG_BLOCK,
    socket.AF_INET,
    socket.SOCK_STREAM,
    re.IGNORECASE | re.MULTILINE,
    uuid.SafeUUID.unknown,
    inspect.Parameter.KEYWORD_ONLY,
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("member", MEMBERS, ids=repr)
def test_a_member_is_data_only(member: enum.Enum, protocol: int) -> None:
    stream = pickle.dumps(member, protocol)
    found = run(stream)
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    assert pickle.loads(stream) is member  # noqa: S301 - written three lines above


@pytest.mark.parametrize("full", [full for full, rule in ENUMERATIONS.items() if rule is NAMED])
def test_what_is_only_named_is_a_member_of_an_enumeration_and_no_function(full: str) -> None:
    module, _, member = full.rpartition(".")
    found = getattr({"signal": signal, "socket": socket}[module], member, None)
    assert found is None or isinstance(found, enum.Enum)


def test_a_constant_that_older_versions_name_is_data_only_and_cannot_be_called() -> None:
    assert run(name("signal", "SIGTERM") + program("STOP")).verdict is Verdict.DATA_ONLY
    assert run(call("signal", "SIGTERM") + program("STOP")).verdict is Verdict.NEEDS_TRUST


UNSAFE = {
    "a class made by a name and members": call("http", "HTTPStatus", text("Made"), text("a b")),
    "a class made of one text": call("http", "HTTPStatus", text("Made")),
    "flags without end": call("re", "RegexFlag", program("LONG1", 9, b"\1" * 9)),
    "nothing": call("http", "HTTPStatus"),
    "a function for a value": call("signal", "Signals", name("_codecs", "encode")),
    "a state for a member, which all share": call("http", "HTTPStatus", program("BININT1", 200))
    + program("EMPTY_DICT", "BUILD"),
    "an item": call("http", "HTTPStatus", program("BININT1", 200)) + program("NONE", "NONE", "SETITEM"),
    "a member made anew": name("http", "HTTPStatus") + program("BININT1", 200, "TUPLE1", "NEWOBJ"),
    "a keyword argument": name("http", "HTTPStatus")
    + program("BININT1", 200, "TUPLE1", "MARK", text("names"), text("a"), "DICT", "NEWOBJ_EX"),
}


@pytest.mark.parametrize("stream", UNSAFE.values(), ids=UNSAFE)
def test_what_else_an_enumeration_could_be_used_for_needs_trust(stream: bytes) -> None:
    assert run(program("PROTO", 4) + stream + program("STOP")).verdict is Verdict.NEEDS_TRUST


@pytest.mark.parametrize(
    "stream",
    [
        name("http", "HTTPStatus") + program("EMPTY_DICT", "BUILD"),
        name("signal", "SIGTERM") + program("EMPTY_DICT", "BUILD"),
        call("signal", "signal", program("BININT1", 15), name("signal", "SIG_IGN")),
        call("signal", "raise_signal", program("BININT1", 15)),
        call("socket", "socket"),
        program("PROTO", 4) + name("http", "HTTPStatus.__init_subclass__"),
    ],
)
def test_to_change_a_class_or_to_use_its_module_is_dangerous(stream: bytes) -> None:
    assert run(stream + program("STOP")).verdict is Verdict.DANGEROUS


def test_a_member_that_is_a_text_names_no_global() -> None:
    """Both unpicklers take only a str itself for a name."""
    stream = text("os") + call("http", "HTTPMethod", text("GET")) + program("STACK_GLOBAL", "STOP")
    assert run(program("PROTO", 4) + stream).verdict is not Verdict.DATA_ONLY


def test_they_are_on_the_list() -> None:
    assert set(ENUMERATIONS) <= set(ALLOWED)
