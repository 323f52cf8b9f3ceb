"""The table of opcodes against the standard library's own."""

import pickle
import pickletools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.opcodes import CODES, FIXED, OPCODES, Argument, argument_end, name_of

THEIRS = {ord(opcode.code): opcode for opcode in pickletools.opcodes}


def test_names_and_protocols_are_those_of_pickletools() -> None:
    ours = {(code, opcode.name, opcode.protocol) for code, opcode in OPCODES.items()}
    assert ours == {(code, opcode.name, opcode.proto) for code, opcode in THEIRS.items()}


@pytest.mark.parametrize("opcode", OPCODES.values(), ids=lambda opcode: opcode.name)
def test_an_argument_is_written_as_pickletools_reads_it(opcode: object) -> None:
    assert hasattr(opcode, "code")
    ours = OPCODES[opcode.code]
    theirs = THEIRS[opcode.code].arg
    if theirs is None:
        assert ours.argument is Argument.NONE
    elif theirs.n == pickletools.UP_TO_NEWLINE:
        assert ours.argument is (Argument.LINES if "pair" in theirs.name else Argument.LINE)
    elif theirs.n >= 0:
        assert FIXED[ours.argument] == theirs.n
    else:
        width = {
            pickletools.TAKEN_FROM_ARGUMENT1: 1,
            pickletools.TAKEN_FROM_ARGUMENT4: 4,
            pickletools.TAKEN_FROM_ARGUMENT4U: 4,
            pickletools.TAKEN_FROM_ARGUMENT8U: 8,
        }[theirs.n]
        assert ours.argument is {1: Argument.COUNTED_1, 4: Argument.COUNTED_4, 8: Argument.COUNTED_8}[width]


def test_a_byte_that_is_no_opcode_is_named_by_its_value() -> None:
    assert name_of(0xFF) == "0xff"
    assert name_of(CODES["REDUCE"]) == "REDUCE"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(VALUES, st.integers(0, 5))
def test_arguments_end_where_the_next_opcode_of_pickletools_begins(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    places = [place for _, _, place in pickletools.genops(data) if place is not None]
    ends = [argument_end(data, place, OPCODES[data[place]]) for place in places]
    assert ends == [*places[1:], len(data)]


def test_an_argument_that_is_cut_off_ends_behind_the_data() -> None:
    for data in (b"cos\nsys", b"X\x05\0\0\0ab", b"J\1", b"I1"):
        assert argument_end(data, 0, OPCODES[data[0]]) > len(data)
