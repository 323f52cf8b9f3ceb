import io
import pickle
import pickletools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.lab.assembler import (
    PROTOCOLS,
    Assembler,
    Call,
    Dictionary,
    Expression,
    Extension,
    Name,
    New,
    assemble,
)
from core.pickles.opcodes import CODES

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=300)
)
VALUES = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=5).map(tuple), max_leaves=20)
KEYS = st.text(st.characters(codec="utf-8"), max_size=20)


class Noting(pickle.Unpickler):
    """Gives text for every name, so that nothing is imported."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.named: list[tuple[str, str]] = []

    def find_class(self, module: str, name: str) -> object:
        self.named.append((module, name))
        return lambda *args: (f"{module}.{name}", args)


@given(VALUES, st.sampled_from(PROTOCOLS))
def test_cpython_loads_what_was_written(value: Expression, protocol: int) -> None:
    assert pickle.loads(assemble(value, protocol)) == value  # noqa: S301 - our own


@given(st.dictionaries(KEYS, ATOMS, max_size=6), st.sampled_from(PROTOCOLS))
def test_a_dictionary_is_a_dict(value: dict[str, Any], protocol: int) -> None:
    data = assemble(Dictionary(tuple(value.items())), protocol)
    assert pickle.loads(data) == value  # noqa: S301 - our own


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_call_names_its_function_and_gives_it_its_arguments(protocol: int) -> None:
    unpickler = Noting(assemble(Call(Name("os", "system"), ("one", 2)), protocol))
    assert unpickler.load() == ("os.system", ("one", 2))
    assert unpickler.named == [("os", "system")]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_new_object_has_its_state(protocol: int) -> None:
    written = New(Name("types", "SimpleNamespace"), (), Dictionary((("size", 3),)))
    assert pickle.loads(assemble(written, protocol)).size == 3  # noqa: S301 - our own


def test_an_extension_is_a_number_only() -> None:
    opcodes = [opcode.name for opcode, _, _ in pickletools.genops(assemble(Extension(7), 2))]
    assert opcodes == ["PROTO", "EXT1", "STOP"]


@given(VALUES, st.sampled_from(PROTOCOLS))
def test_the_listing_has_every_opcode_at_its_offset(value: Expression, protocol: int) -> None:
    assembler = Assembler(protocol)
    assembler.put(value)
    assembler.stop()
    listed = [line.split()[:2] for line in assembler.lines]
    expected = [[str(pos), opcode.name] for opcode, _, pos in pickletools.genops(assembler.data)]
    assert listed == expected
    assert len(assembler) == len(assembler.data)


def test_raw_bytes_are_listed_as_what_they_are() -> None:
    assembler = Assembler(4)
    assembler.raw(b"abc", "three bytes")
    assert assembler.lines[-1] == "     2  (three bytes: 3 bytes)"
    assert assembler.data[2:] == b"abc"


def test_there_is_no_protocol_6() -> None:
    with pytest.raises(ValueError, match=r"^There is no protocol 6: choose one of 0 to 5\.$"):
        Assembler(6)


def test_every_opcode_can_be_written_by_name() -> None:
    for name, code in CODES.items():
        assembler = Assembler(0)
        assembler.op(name)
        assert assembler.data == bytes((code,))
