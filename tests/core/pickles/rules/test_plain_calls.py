"""Calls that are worked out: the value is CPython's, and what CPython would refuse ends the stream."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.bounds import DEFAULT
from core.pickles.machine import run
from core.pickles.value import Called, to_python
from core.pickles.verdict import Verdict
from tests.core.pickles.unpicklers import call, program, text


@given(
    st.binary()
    | st.binary().map(bytearray)
    | st.sets(st.integers() | st.text() | st.tuples(st.text()))
    | st.frozensets(st.integers())
    | st.complex_numbers(allow_nan=False)
    | st.builds(range, st.integers(), st.integers(), st.integers(1)),
    st.integers(0, 3),
)
def test_a_value_that_old_protocols_write_as_a_call_is_worked_out(value: object, protocol: int) -> None:
    found = run(pickle.dumps(value, protocol))
    assert found.verdict is Verdict.DATA_ONLY
    assert to_python(found.values[0]) == value
    assert type(found.values[0]) is type(value)


REFUSED = {
    "a set of lists": call("builtins", "set", program("MARK", "EMPTY_LIST", "LIST")),
    "a set of a number": call("builtins", "set", program("BININT1", 1)),
    "text that latin1 does not have": call("_codecs", "encode", text("\u20ac"), text("latin1")),
    "a range without a step": call("builtins", "range", *[program("BININT1", 0)] * 3),
    "a negative length": call("builtins", "bytearray", program("BININT", b"\xff" * 4)),
}


@pytest.mark.parametrize("stream", REFUSED.values(), ids=REFUSED.keys())
def test_a_call_that_python_refuses_ends_the_stream(stream: bytes) -> None:
    with pytest.raises((TypeError, ValueError)):
        pickle.loads(stream + program("STOP"))  # noqa: S301 - the stream stands above
    found = run(stream + program("STOP"))
    assert found.verdict is Verdict.COULD_NOT_READ
    assert "would be called with" in found.findings[0].reason


def test_a_call_whose_result_is_too_long_stays_a_note() -> None:
    stream = call("builtins", "bytearray", program("BININT", (2**30).to_bytes(4, "little"))) + program("STOP")
    found = run(stream)
    assert found.verdict is Verdict.DATA_ONLY
    assert isinstance(found.values[0], Called)


def test_a_few_bytes_that_copy_a_long_value_again_and_again_are_bounded() -> None:
    """The set of a list of 10,000 values, made 100,000 times and kept: gigabytes, if each was made."""
    items = b"".join(program("BININT2", number.to_bytes(2, "little")) for number in range(10_000))
    once = program("BINGET", 0, "BINGET", 1, "TUPLE1", "REDUCE")
    stream = (
        program("GLOBAL", b"builtins\nset\n", "BINPUT", 0, "MARK", items, "LIST", "BINPUT", 1)
        + once * 100_000
        + program("STOP")
    )
    found = run(stream, bounds=replace(DEFAULT, seconds=1_000.0))
    assert found.verdict is Verdict.COULD_NOT_READ
    assert "more work on the same values" in found.findings[0].reason
