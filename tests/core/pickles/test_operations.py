"""Opcodes that name, call or read from outside: against CPython where it answers, by the rules where not."""

from __future__ import annotations

import pickle

import pytest

from core.pickles.machine import run
from core.pickles.value import Called, Global, OldString, PersistentId, Unknown
from core.pickles.verdict import Verdict
from tests.core.pickles.unpicklers import call, name, program, text, witnesses

STOP = program("STOP")
SYSTEM = name("os", "system")


@pytest.mark.parametrize(
    "stream",
    [
        call("os", "system", text("id")),
        program("MARK", SYSTEM, text("id"), "OBJ"),
        program("MARK", text("id"), "INST", b"os\nsystem\n"),
        program("PROTO", 4, text("os"), text("system"), "STACK_GLOBAL", text("id"), "TUPLE1", "REDUCE"),
        SYSTEM + program("EMPTY_TUPLE", "NEWOBJ"),
        SYSTEM + program("EMPTY_TUPLE", "EMPTY_DICT", "NEWOBJ_EX"),
    ],
    ids=["REDUCE", "OBJ", "INST", "STACK_GLOBAL", "NEWOBJ", "NEWOBJ_EX"],
)
def test_every_way_to_call_is_a_call(stream: bytes) -> None:
    found = run(stream + STOP)
    assert found.verdict is Verdict.DANGEROUS
    assert [one.function for one in found.calls] == ["os.system"]
    assert all(("os", "system") in witness.called for witness in witnesses(stream + STOP))


def test_a_name_that_comes_from_the_memo_is_a_name() -> None:
    stream = program("PROTO", 4, text("os"), "BINPUT", 1, text("system"), "BINPUT", 2, "POP", "POP")
    found = run(stream + program("BINGET", 1, "BINGET", 2, "STACK_GLOBAL", "STOP"))
    assert [use.full for use in found.globals] == ["os.system"]


COMPUTED = {
    "what a call gives": call("builtins", "str", text("os")),
    "a global": name("unheard", "word"),
    "a call of an unknown one": call("unheard", "word"),
    "a string that depends on the encoding": program("SHORT_BINSTRING", 2, b"o\xf3"),
    "an extension": program("EXT1", 1),
    "a text that is too long to be kept": program(
        "BINUNICODE", (20_000).to_bytes(4, "little"), b"a" * 20_000
    ),
}


@pytest.mark.parametrize("module", COMPUTED.values(), ids=COMPUTED.keys())
def test_a_name_that_cannot_be_told_is_dangerous(module: bytes) -> None:
    found = run(program("PROTO", 4) + module + text("system") + program("STACK_GLOBAL", "STOP"))
    assert found.verdict is Verdict.DANGEROUS
    assert any("which one cannot be told" in one.reason for one in found.findings)


@pytest.mark.parametrize("module", [name("collections", "OrderedDict"), call("collections", "OrderedDict")])
def test_what_is_known_to_be_no_text_names_nothing(module: bytes) -> None:
    found = run(program("PROTO", 4) + module + text("system") + program("STACK_GLOBAL", "STOP"))
    assert found.verdict is Verdict.COULD_NOT_READ
    assert any("where a str is expected" in one.reason for one in found.findings)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_an_extension_code_is_dangerous_whatever_is_registered(width: int) -> None:
    found = run(program(f"EXT{width}", (1).to_bytes(width, "little"), "STOP"))
    assert found.verdict is Verdict.DANGEROUS
    assert isinstance(found.values[0], Unknown)


def test_an_extension_code_that_no_unpickler_takes_ends_the_stream() -> None:
    for code in (b"\x82\0", b"\x84\xff\xff\xff\xff"):
        assert run(code + STOP).verdict is Verdict.COULD_NOT_READ


def test_a_dotted_name_is_dangerous() -> None:
    found = run(program("PROTO", 4) + name("pathlib", "os.system") + STOP)
    assert found.verdict is Verdict.DANGEROUS


def test_old_names_are_mapped_below_protocol_3_and_not_from_there_on() -> None:
    old = name("__builtin__", "set") + STOP
    assert run(old).globals[0].full == "builtins.set"
    assert run(old).globals[0].written == "__builtin__.set"
    assert run(program("PROTO", 3) + old).globals[0].full == "__builtin__.set"
    assert run(program("PROTO", 3) + old).verdict is Verdict.NEEDS_TRUST


def test_the_protocol_in_force_is_the_one_that_was_said_last() -> None:
    stream = program("PROTO", 4, "PROTO", 2) + name("__builtin__", "set") + STOP
    assert run(stream).globals[0].full == "builtins.set"


def test_a_global_that_is_only_named_counts() -> None:
    assert run(name("m", "C") + program("POP", "NONE", "STOP")).verdict is Verdict.NEEDS_TRUST
    assert run(SYSTEM + program("POP", "NONE", "STOP")).verdict is Verdict.DANGEROUS


def test_a_call_of_what_a_call_gave_is_dangerous() -> None:
    stream = call("m", "make") + program("EMPTY_TUPLE", "REDUCE", "STOP")
    assert run(stream).verdict is Verdict.DANGEROUS
    assert "which is no global" in run(stream).findings[-1].reason


@pytest.mark.parametrize(
    "function", [program("NONE"), text("a"), program("EMPTY_DICT"), program("EMPTY_TUPLE")]
)
def test_a_call_of_a_plain_value_is_dangerous_and_ends_the_stream(function: bytes) -> None:
    found = run(function + program("EMPTY_TUPLE", "REDUCE", "STOP"))
    assert found.verdict is Verdict.DANGEROUS
    assert not found.values


def test_arguments_that_are_no_tuple_are_dangerous_because_pickle_py_takes_them() -> None:
    stream = name("collections", "deque") + program("EMPTY_LIST", "REDUCE", "STOP")
    by_c, by_python = witnesses(stream)
    assert not by_c.called
    assert by_python.called
    assert run(stream).verdict is Verdict.DANGEROUS


def test_a_line_that_the_end_cuts_off_is_read_as_pickle_py_reads_it() -> None:
    stream = program("MARK", text("id"), "INST", b"os\nsystemX")
    assert ("os", "system") in witnesses(stream)[1].called
    found = run(stream)
    assert found.verdict is Verdict.DANGEROUS
    assert [one.function for one in found.calls] == ["os.system"]


def test_a_class_without_its_mark_is_still_named() -> None:
    stream = program("INST", b"os\nsystem\n", "STOP")
    assert ("os", "system") in witnesses(stream)[1].named
    assert [use.full for use in run(stream).globals] == ["os.system"]


def test_a_frame_that_ends_inside_an_opcode_is_dangerous() -> None:
    """The C unpickler ignores it when it reads from memory, and drops bytes when it reads from a file."""
    inner = text("harmless")
    stream = program("PROTO", 4, "FRAME", (len(inner) - 3).to_bytes(8, "little")) + inner + STOP
    found = run(stream)
    assert found.verdict is Verdict.DANGEROUS
    assert found.findings[0].opcode == "FRAME"
    assert pickle.loads(stream) == "harmless"  # noqa: S301 - the stream stands above
    assert not any(witness.finished for witness in witnesses(stream))


def test_a_frame_hides_a_name_from_a_reader_of_files_and_that_is_dangerous() -> None:
    stream = program("PROTO", 4, "FRAME", (6).to_bytes(8, "little")) + b"cposixnt\nsystem\n" + STOP
    by_c, _ = witnesses(stream)
    assert by_c.named == [("nt", "system")]
    assert run(stream).verdict is Verdict.DANGEROUS


def test_a_frame_that_ends_behind_the_stop_is_dangerous() -> None:
    stream = program("PROTO", 4, "FRAME", (10).to_bytes(8, "little"), "NONE", "STOP") + bytes(20)
    assert run(stream, several=False).verdict is Verdict.DANGEROUS


def test_a_frame_within_a_frame_is_dangerous() -> None:
    stream = program("PROTO", 4, "FRAME", (12).to_bytes(8, "little"), "FRAME", (1).to_bytes(8, "little"))
    assert run(stream + program("NONE", "POP", "NONE", "STOP")).verdict is Verdict.DANGEROUS


def test_a_frame_that_is_cut_off_stops_only_one_of_the_readers() -> None:
    stream = program("PROTO", 4, "FRAME", (900).to_bytes(8, "little")) + call("os", "system") + STOP
    by_c, by_python = witnesses(stream)
    assert not by_c.called
    assert by_python.called
    assert run(stream).verdict is Verdict.DANGEROUS


def test_honest_frames_are_data_only() -> None:
    value = [str(number) * 10 for number in range(20_000)] + [b"x" * 200_000]
    assert pickle.dumps(value, 4).count(program("FRAME")) > 2
    assert run(pickle.dumps(value, 4)).verdict is Verdict.DATA_ONLY


def test_a_persistent_id_is_noted_and_needs_trust_unless_it_is_a_storage() -> None:
    found = run(program("PERSID", b"abc\n", "STOP"))
    assert (found.verdict, found.persistent_ids) == (Verdict.NEEDS_TRUST, ("abc",))
    assert isinstance(found.values[0], PersistentId)
    assert run(program("BININT1", 3, "BINPERSID", "STOP")).verdict is Verdict.DATA_ONLY


def test_a_buffer_from_outside_could_not_be_read() -> None:
    found = run(program("PROTO", 5, "NEXT_BUFFER", "READONLY_BUFFER", "STOP"))
    assert found.verdict is Verdict.COULD_NOT_READ


def test_a_read_only_view_of_bytes_is_the_bytes() -> None:
    assert run(program("PROTO", 5, "SHORT_BINBYTES", 1, b"a", "READONLY_BUFFER", "STOP")).values == (b"a",)
    assert run(program("NONE", "READONLY_BUFFER", "STOP")).verdict is Verdict.COULD_NOT_READ


def test_a_string_of_python_2_is_text_if_it_is_ascii() -> None:
    assert run(program("SHORT_BINSTRING", 2, b"os", "STOP")).values == ("os",)
    (value,) = run(program("SHORT_BINSTRING", 1, b"\xff", "STOP")).values
    assert isinstance(value, OldString)


@pytest.mark.parametrize("code", sorted(set(range(256)) - set(pickle._Unpickler.dispatch)))
def test_a_byte_that_is_no_opcode_ends_the_stream_as_it_does_in_cpython(code: int) -> None:
    found = run(bytes([code]) + STOP)
    assert found.findings[0].reason == f"the byte 0x{code:02x} is no opcode"
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(bytes([code]) + STOP)  # noqa: S301 - one byte that is no opcode


def test_what_a_call_would_be_given_is_kept() -> None:
    (value,) = run(
        name("m", "C") + program("EMPTY_TUPLE", "MARK", text("k"), "NONE", "DICT", "NEWOBJ_EX", "STOP")
    ).values
    assert isinstance(value, Called)
    assert isinstance(value.function, Global)
    assert (value.args, value.kwargs, value.opcode) == ((), (("k", None),), "NEWOBJ_EX")
