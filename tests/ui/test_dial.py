"""The dial: what is sent to the browser, and what is believed of what comes back."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from ui.dial import Move, dial_data, dragged, nice, widened


def sent(value: float | None, seen: Move | None) -> dict[str, Any]:
    return dial_data(name="w", value=value, seen=seen, parameter="w", low=-5, high=5, step=0.01)


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.5, -5, 5, (-5, 5)),
        (5, -5, 5, (-5, 5)),
        (5.1, -5, 5, (-10, 10)),
        (-30, -5, 5, (-50, 50)),
        (1e6 + 1, -5, 5, (-2e6, 2e6)),
        (3, 0, 1, (0, 5)),
        (-0.03, 0, 1, (-0.05, 1)),
        (0.5, 1, 2, (0, 2)),
        (-0.5, -2, -1, (-2, 0)),
        (0, 1, 2, (0, 2)),
    ],
)
def test_range(value: float, low: float, high: float, expected: tuple[float, float]) -> None:
    assert widened(value, low, high) == expected


@given(st.floats(-1e300, 1e300))
def test_a_range_holds_its_value(value: float) -> None:
    for low, high in ((-5.0, 5.0), (0.0, 1.0), (1.0, 2.0), (-2.0, -1.0)):
        lower, upper = widened(value, low, high)
        assert lower <= value <= upper
        assert lower <= low < high <= upper


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_a_nice_bound_is_near(size: float) -> None:
    assert size <= nice(size) <= 2.6 * size


@pytest.mark.parametrize(
    "state",
    [
        None,
        {},
        {"move": None},
        {"move": 3.0},
        {"move": {"value": "1", "turn": "a"}},
        {"move": {"value": True, "turn": "a"}},
        {"move": {"value": math.nan, "turn": "a"}},
        {"move": {"value": math.inf, "turn": "a"}},
        {"move": {"value": 1.0}},
        {"move": {"value": 1.0, "turn": ["a"]}},
    ],
)
def test_what_is_no_number_is_no_move(state: object) -> None:
    assert dragged(state) is None


def test_a_move() -> None:
    assert dragged({"move": {"value": 2, "turn": "a"}}) == Move(2.0, "a")


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -1e301])
def test_without_a_number_there_is_no_thumb(value: float | None) -> None:
    data = sent(value, None)
    assert data["value"] is None
    assert (data["low"], data["high"]) == (-5, 5)


def test_what_is_sent() -> None:
    assert sent(7.0, Move(1.0, "a")) == {
        "name": "w",
        "value": 7.0,
        "seen": "a",
        "parameter": "w",
        "low": -10.0,
        "high": 10.0,
        "step": 0.01,
    }


def test_mounts_on_a_page() -> None:
    def page() -> None:
        import streamlit as st

        from ui.dial import dial

        st.session_state.setdefault("w", 0.5)
        value = st.number_input("w", value=None, key="w", bind="query-params")
        dial("w", value, key="dial_w", parameter="w", low=-5, high=5)
        st.write(f"w is {value}")

    shown = AppTest.from_function(page).run()
    assert not shown.exception
    shown.number_input(key="w").set_value(3.0).run()
    assert not shown.exception
    assert shown.markdown[0].value == "w is 3.0"
