"""What goes between a worker and its parent comes out as it went in, whatever a program printed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sandbox.guest import Order
from core.sandbox.messages import read_order, read_result, write_order, write_result
from core.sandbox.result import GuestError, Limit, SandboxResult

ANY_TEXT = st.text(st.characters(codec=None), max_size=50)
ORDERS = st.builds(
    Order,
    code=st.binary(max_size=100),
    fuel=st.integers(1, 2**63),
    memory_bytes=st.integers(1, 2**32),
    wall_seconds=st.floats(0.001, 1e6),
    output_bytes=st.integers(1, 2**32),
    files=st.dictionaries(ANY_TEXT, st.binary(max_size=100), max_size=5),
    argv=st.lists(ANY_TEXT, max_size=5).map(tuple),
)
LINES = st.none() | st.integers(0, 2**31)
RESULTS = st.builds(
    SandboxResult,
    stdout=ANY_TEXT,
    stderr=ANY_TEXT,
    exit_code=st.none() | st.integers(-(2**31), 2**32),
    limit=st.none() | st.sampled_from(Limit),
    fuel_used=st.integers(0, 2**63),
    seconds=st.floats(0, 1e6),
    error=st.none()
    | st.builds(GuestError, kind=ANY_TEXT, message=ANY_TEXT, line=LINES, column=LINES, text=ANY_TEXT),
    report=st.binary(max_size=100),
    crash=ANY_TEXT,
)


@given(ORDERS)
def test_an_order_comes_as_it_was_sent(order: Order) -> None:
    assert read_order(json.loads(json.dumps(write_order(order)))) == order


@given(RESULTS)
def test_a_result_comes_as_it_was_sent(result: SandboxResult) -> None:
    assert read_result(json.loads(json.dumps(write_result(result)))) == result


@pytest.mark.parametrize(
    "change",
    [{"report": "no base64!"}, {"exit_code": "zero"}, {"limit": "patience"}, {"stdout": None}, {"error": 7}],
)
def test_what_is_no_result_is_refused(change: dict[str, object]) -> None:
    result = SandboxResult("out", "", 0, None, 1, 0.1)
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's own words
        read_result(write_result(result) | change)
