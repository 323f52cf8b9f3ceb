"""The tripwires on this Python: the same file runs in the sandbox on another one."""

import collections
import copyreg
import datetime
import fractions
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles import machine
from core.pickles.bounds import Bounds
from core.pickles.lab.assembler import Assembler, Call, Name, New, assemble
from core.pickles.lab.guest.tripwires import MOST_CALLS, FromC, FromPython, Loader, Notes, main, rehearse
from core.pickles.lab.payloads import Container, Payload, build
from core.pickles.lab.samples import sample

KINDS: list[type[Loader]] = [FromC, FromPython]
BARE = [
    Container.PROTOCOL_0, Container.PROTOCOL_2, Container.PROTOCOL_4, Container.RENAMED, Container.APPENDED,
    Container.INJECTED,
]  # fmt: skip
KEYS = st.text(max_size=8) | st.integers() | st.booleans() | st.none()
ATOMS = (
    KEYS
    | st.floats()
    | st.binary(max_size=30)
    | st.complex_numbers()
    | st.builds(bytearray, st.binary(max_size=9))
)
VALUES: st.SearchStrategy[object] = st.recursive(
    ATOMS | st.dates() | st.timedeltas() | st.decimals(allow_nan=False) | st.builds(range, st.integers(0, 9)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.builds(collections.OrderedDict, st.dictionaries(KEYS, inner, max_size=3))
        | st.builds(collections.deque, st.lists(inner, max_size=3))
        | st.sets(KEYS, max_size=12)
        | st.frozensets(KEYS, max_size=12)
    ),
    max_leaves=12,
)


WIDE = Bounds(text=2**20, long_bytes=2**20, calls_in_full=2**20)


def foretold(data: bytes) -> list[tuple[str, str]]:
    return [(call.function, call.arguments) for call in machine.run(data, bounds=WIDE).calls]


@pytest.mark.parametrize("kind", KINDS)
@given(value=VALUES, protocol=st.integers(0, 5))
def test_cpython_makes_the_calls_that_the_machine_foretells(
    kind: type[Loader], value: object, protocol: int
) -> None:
    data = pickle.dumps(value, protocol)
    notes, ended, whole = rehearse(kind, data)
    assert (ended, whole) == ("", 1)
    assert notes.calls == foretold(data)
    assert notes.count == len(notes.calls)
    assert set(notes.names) == {use.full for use in machine.run(data).globals}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("payload", [payload for payload in Payload if payload is not Payload.EXTENSION])
@pytest.mark.parametrize("container", BARE)
def test_every_planted_call_is_caught_and_is_the_one_foretold(
    kind: type[Loader], payload: Payload, container: Container
) -> None:
    data = build(payload, container).data
    notes, ended, _ = rehearse(kind, data)
    assert ended == ""
    assert notes.calls == foretold(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_command_is_not_run(kind: type[Loader], tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for payload, text in ((Payload.COMMAND, f"touch {trace}"), (Payload.WRITE, str(trace))):
        for container in BARE:
            rehearse(kind, build(payload, container, text).data)
    assert not trace.exists()


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.binary(max_size=60))
def test_no_bytes_get_an_exception_out_of_it(kind: type[Loader], data: bytes) -> None:
    notes, _, _ = rehearse(kind, data)
    told = foretold(data)
    assert notes.calls == told[: len(notes.calls)]


@pytest.mark.parametrize("kind", KINDS)
@given(
    value=VALUES,
    protocol=st.integers(0, 5),
    place=st.integers(0, 10_000),
    byte=st.integers(0, 255),
)
def test_a_mutated_stream_calls_nothing_that_the_machine_calls_data(
    kind: type[Loader], value: object, protocol: int, place: int, byte: int
) -> None:
    data = bytearray(pickle.dumps({"a": value}, protocol))
    data[place % len(data)] = byte
    notes, _, _ = rehearse(kind, bytes(data))
    run = machine.run(bytes(data), bounds=WIDE)
    if run.verdict.value == "data-only":
        assert notes.calls == [(call.function, call.arguments) for call in run.calls][: len(notes.calls)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_is_rehearsed_to_its_end(kind: type[Loader]) -> None:
    data = sample("simple_mlp_bare").data
    notes, ended, _ = rehearse(kind, data)
    assert ended == ""
    assert ("core.zoo_modules.SimpleMLP", "()") in notes.calls
    assert notes.calls == foretold(data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", range(6))
def test_long_arguments_are_shown_alike(kind: type[Loader], protocol: int) -> None:
    value = [
        bytes(range(256)) * 200,
        bytearray(b"x" * 30_000),
        {"k" * 20_000},
        fractions.Fraction(1 << 5_000, 3),
    ]
    data = pickle.dumps(value, protocol)
    notes, ended, _ = rehearse(kind, data)
    assert ended == ""
    assert notes.calls == foretold(data)


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_of_copyreg_is_noted_as_the_class_that_it_makes(kind: type[Loader]) -> None:
    value = Call(Name("copyreg", "_reconstructor"), (Name("mine", "Class"), Name("builtins", "object"), None))
    data = assemble(value, 4)
    assert rehearse(kind, data)[0].calls == [("mine.Class", "()")] == foretold(data)


@pytest.mark.parametrize("kind", KINDS)
def test_state_items_and_pairs_of_a_result_go_nowhere(kind: type[Loader]) -> None:
    assembler = Assembler(4)
    assembler.put(New(Name("mine", "Class"), (), ("a state",)))
    assembler.put(1)
    assembler.op("APPEND")
    assembler.op("MARK")
    assembler.put(2)
    assembler.op("APPENDS")
    assembler.put("key")
    assembler.put(3)
    assembler.op("SETITEM")
    assembler.op("MARK")
    assembler.put(4)
    assembler.op("ADDITEMS")
    assembler.put(("a state of the class itself",))
    assembler.op("BUILD")
    assembler.stop()
    notes, ended, whole = rehearse(kind, assembler.data)
    assert (ended, whole) == ("", 1)
    assert notes.calls == [("mine.Class", "()")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_before_a_truncation_is_noted(kind: type[Loader]) -> None:
    data = sample("planted").data[:-1]
    notes, ended, whole = rehearse(kind, data)
    assert notes.calls == foretold(data)
    assert len(notes.calls) == 1
    assert (bool(ended), whole) == (True, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_so_many_calls_are_kept_and_all_are_counted(kind: type[Loader]) -> None:
    data = sample("planted").data * (MOST_CALLS // 2) * 3
    notes, _, whole = rehearse(kind, data)
    assert len(notes.calls) <= MOST_CALLS
    assert notes.count == whole


def test_only_plain_types_are_made_for_real() -> None:
    data = pickle.dumps([{1}, datetime.date(2020, 1, 2)], 2)
    notes = rehearse(FromC, data)[0]
    assert [function for function, _ in notes.calls] == ["builtins.set", "_codecs.encode", "datetime.date"]


def test_the_report_has_both_unpicklers_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(build(Payload.EXTENSION, Container.PROTOCOL_2).data)
    before = dict(copyreg._inverted_registry)  # type: ignore[attr-defined]
    try:
        main(str(tmp_path / "data"), str(tmp_path / "report"))
    finally:
        copyreg._inverted_registry.clear()  # type: ignore[attr-defined]
        copyreg._inverted_registry.update(before)  # type: ignore[attr-defined]
        copyreg._extension_cache.clear()  # type: ignore[attr-defined]
    lines = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    assert [line["unpickler"] for line in lines if "unpickler" in line] == ["C", "Python"]
    called = ["<a global named by the extension code 117>", "('hello',)"]
    assert [line["call"] for line in lines if "call" in line] == [called, called]
    assert lines[-1] == {"count": 1, "ended": "", "whole": 1}


def test_notes_begin_empty() -> None:
    notes = Notes()
    assert (notes.calls, notes.names, notes.count) == ([], {}, 0)
