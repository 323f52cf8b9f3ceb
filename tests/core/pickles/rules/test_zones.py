"""Time zones: `getattr` is no danger where it reaches what makes a zone, and stays one in every other use."""

from __future__ import annotations

import pickle
import zoneinfo

import pytest

from core.pickles.machine import run
from core.pickles.verdict import Verdict
from tests.core.pickles.unpicklers import call, name, program, text

GETATTR = name("builtins", "getattr")
MAKER = call("builtins", "getattr", name("zoneinfo", "ZoneInfo"), text("_unpickle"))
KEY = program("MARK", text("UTC"), "BININT1", 1, "TUPLE", "REDUCE")
ZONE = MAKER + KEY


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_zones_are_data_only_and_so_is_the_name_that_they_use(protocol: int) -> None:
    found = run(pickle.dumps([zoneinfo.ZoneInfo("UTC"), zoneinfo.ZoneInfo("Etc/GMT+1")], protocol))
    assert found.verdict is Verdict.DATA_ONLY
    assert not found.findings
    assert {use.verdict for use in found.globals} == {Verdict.DATA_ONLY}
    assert all(one.known for one in found.calls)


def test_the_name_alone_is_dangerous() -> None:
    assert run(GETATTR + program("STOP")).verdict is Verdict.DANGEROUS


def test_a_zone_made_by_opcodes_is_data_only() -> None:
    assert run(ZONE + program("STOP")).verdict is Verdict.DATA_ONLY


DANGEROUS = {
    "another attribute": call("builtins", "getattr", name("zoneinfo", "ZoneInfo"), text("from_file")),
    "a dotted one": call("builtins", "getattr", name("zoneinfo", "ZoneInfo"), text("_unpickle.x")),
    "of another class": call("builtins", "getattr", name("datetime", "date"), text("_unpickle")),
    "with a default": call(
        "builtins", "getattr", name("zoneinfo", "ZoneInfo"), text("_unpickle"), program("NONE")
    ),
    "a zone of a list": MAKER + program("MARK", "EMPTY_LIST", "BININT1", 1, "TUPLE", "REDUCE"),
    "a zone of nothing": MAKER + program("EMPTY_TUPLE", "REDUCE"),
    "a zone by NEWOBJ": MAKER + program("MARK", text("UTC"), "BININT1", 1, "TUPLE", "NEWOBJ"),
    "a call of a zone": ZONE + program("EMPTY_TUPLE", "REDUCE"),
    "a state for a zone": ZONE + program("EMPTY_DICT", "BUILD"),
    "a state for what makes it": MAKER + program("EMPTY_DICT", "BUILD"),
    "the function for one of unknown code": ZONE + call("unheard", "thing", GETATTR),
    "its use through copyreg": ZONE + call("copyreg", "__newobj__", GETATTR),
}


@pytest.mark.parametrize("stream", DANGEROUS.values(), ids=DANGEROUS)
@pytest.mark.parametrize("before", [b"", ZONE], ids=["alone", "behind a zone"])
def test_any_other_use_is_dangerous(stream: bytes, before: bytes) -> None:
    found = run(program("PROTO", 4) + before + stream + program("STOP"))
    assert found.verdict is Verdict.DANGEROUS
    assert "builtins.getattr" in {finding.subject for finding in found.findings}


def test_a_zone_in_one_pickle_excuses_nothing_in_the_next() -> None:
    other = call("builtins", "getattr", name("os", "path"), text("os"))
    found = run(ZONE + program("STOP") + other + program("STOP"))
    assert found.verdict is Verdict.DANGEROUS
    assert "builtins.getattr" in {finding.subject for finding in found.findings}


def test_what_a_kept_memo_makes_of_a_zone_is_seen() -> None:
    # The second pickle takes the class and the attribute from its memo: an unpickler that keeps its own
    # from one to the next finds others there.
    pushes = program(name("builtins", "object"), "MEMOIZE", text("__subclasses__"), "MEMOIZE", "POP", "POP")
    first = program("PROTO", 4, pushes, ZONE, "STOP")
    second = program(
        "PROTO", 4, name("zoneinfo", "ZoneInfo"), "MEMOIZE", text("_unpickle"), "MEMOIZE", "POP", "POP",
        GETATTR, "BINGET", 0, "BINGET", 1, "TUPLE2", "REDUCE", KEY, "STOP",
    )  # fmt: skip
    assert run(first).verdict is Verdict.DATA_ONLY
    assert run(second).verdict is Verdict.DATA_ONLY
    assert run(second + second).verdict is Verdict.DATA_ONLY
    assert run(first + second).verdict is Verdict.DANGEROUS
