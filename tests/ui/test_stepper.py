"""The stepper: forward, back, never beyond either end, whatever the address says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from ui.stepper import stepper

    st.text(str(stepper(st.session_state.get("count", 5), key="at", noun="turn")))


def opened(count: int = 5, **query: str) -> AppTest:
    app = AppTest.from_function(page)
    app.session_state["count"] = count
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def position(app: AppTest) -> int:
    assert not app.exception
    return int(app.text[0].value)


def test_it_starts_at_the_first() -> None:
    app = opened()
    assert position(app) == 0
    assert app.button(key="at:back").disabled
    assert not app.button(key="at:next").disabled


def test_it_goes_forward_and_back_by_buttons_and_slider() -> None:
    app = opened()
    app.button(key="at:next").click().run()
    app.button(key="at:next").click().run()
    assert position(app) == 2
    app.button(key="at:back").click().run()
    assert position(app) == 1
    app.slider(key="at").set_value(5).run()
    assert position(app) == 4
    assert app.button(key="at:next").disabled


def test_the_keys_are_n_and_b() -> None:
    app = opened()
    assert [app.button(key=key).proto.shortcut.upper() for key in ("at:back", "at:next")] == ["B", "N"]


@pytest.mark.parametrize(("link", "expected"), [("3", 2), ("5", 4), ("1", 0)])
def test_the_address_counts_from_one(link: str, expected: int) -> None:
    assert position(opened(at=link)) == expected


@pytest.mark.parametrize("link", ["0", "-1", "6", "1e9", "abc", ""])
def test_a_position_that_there_is_not_stays_within_the_ends(link: str) -> None:
    assert position(opened(at=link)) in range(5)


def test_a_shorter_list_pulls_the_position_in() -> None:
    app = opened()
    app.slider(key="at").set_value(5).run()
    app.session_state["count"] = 3
    app.run()
    assert position(app) == 2
    app.session_state["count"] = 1
    app.run()
    assert position(app) == 0
    assert not app.slider
    app.session_state["count"] = 4
    app.run()
    assert position(app) in range(4)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(["next", "back"]), max_size=8))
def test_any_walk_is_the_walk_between_two_walls(moves: list[str]) -> None:
    app, expected = opened(3), 0
    for move in moves:
        by = 1 if move == "next" else -1
        if app.button(key=f"at:{move}").disabled:
            assert not 0 <= expected + by <= 2
            continue
        app.button(key=f"at:{move}").click().run()
        expected += by
        assert position(app) == expected
