"""A number that is typed, stepped or dragged."""

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from ui.number import REACH


def page() -> None:
    import streamlit as st

    from ui.number import number

    st.text(repr(number("w", key="key.", default=0.5)))


def opened(**query: str) -> AppTest:
    app = AppTest.from_function(page)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def dial(app: AppTest) -> dict[str, Any]:
    (component,) = app.get("bidi_component")
    data: dict[str, Any] = json.loads(component.proto.json)
    return data


def test_the_default_is_shown_in_field_and_dial() -> None:
    app = opened()
    assert app.text[0].value == "0.5"
    assert app.number_input[0].label == "w"
    shown = dial(app)
    assert (shown["name"], shown["value"], shown["parameter"]) == ("w", 0.5, "key.")
    assert (shown["low"], shown["high"]) == (-REACH, REACH)


def test_a_link_sets_it() -> None:
    app = opened(**{"key.": "2.5"})
    assert app.text[0].value == "2.5"
    assert dial(app)["value"] == 2.5


def test_a_typed_number_moves_the_dial_and_widens_it() -> None:
    app = opened()
    app.number_input[0].set_value(30.0).run()
    assert app.text[0].value == "30.0"
    assert dial(app)["value"] == 30.0
    assert dial(app)["high"] >= 30.0


def test_an_empty_field_is_no_number_and_hides_the_thumb() -> None:
    app = opened()
    app.number_input[0].set_value(None).run()
    assert not app.exception
    assert app.text[0].value == "None"
    assert dial(app)["value"] is None
    app.number_input[0].set_value(1.0).run()
    assert app.text[0].value == "1.0"


def test_a_step_is_a_tenth() -> None:
    app = opened()
    app.number_input[0].increment().run()
    assert app.text[0].value == "0.6"
