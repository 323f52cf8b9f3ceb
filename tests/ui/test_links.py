"""The address bar: what a link may hold, what is said of the rest, and the link that is shared."""

import math
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from ui.links import (
    choice_complaint,
    number_complaint,
    positive_complaint,
    switch_complaint,
    whole_number_complaint,
)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_can_be_linked(value: float) -> None:
    assert number_complaint(repr(value)) == ""


@given(st.text())
def test_a_number_without_a_complaint_is_finite(text: str) -> None:
    if number_complaint(text) == "":
        assert math.isfinite(float(text))


@pytest.mark.parametrize("text", ["", " ", "abc", "1e400", "-1e400", "nan", "inf", "1,5", "0x10", "1 2"])
def test_what_is_no_number(text: str) -> None:
    assert number_complaint(text).startswith("is not a ")


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_count_can_be_linked_within_its_bounds(value: int, one: int, other: int) -> None:
    least, most = sorted((one, other))
    assert (whole_number_complaint(least, most)(str(value)) == "") is (least <= value <= most)
    assert (whole_number_complaint(least)(str(value)) == "") is (least <= value)


@given(st.text())
def test_a_count_without_a_complaint_is_one(text: str) -> None:
    if whole_number_complaint(2, 9)(text) == "":
        assert 2 <= int(text.strip()) <= 9


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e3", "one", "²", "9" * 5_000])
def test_what_is_no_count(text: str) -> None:
    assert whole_number_complaint(0, 100)(text).startswith("is not ")


@pytest.mark.parametrize(
    ("text", "good"), [("0.01", True), ("1e-300", True), ("0", False), ("-1", False), ("x", False)]
)
def test_a_rate_is_above_zero(text: str, good: bool) -> None:
    assert (positive_complaint(text) == "") is good


@pytest.mark.parametrize(
    ("text", "good"), [("true", True), ("False", True), ("yes", False), ("1", False), ("", False)]
)
def test_a_switch_is_on_or_off(text: str, good: bool) -> None:
    assert (switch_complaint(text) == "") is good


@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.text())
def test_a_choice_is_one_of_its_options(options: list[str], text: str) -> None:
    complaint = choice_complaint(tuple(options))
    assert all(complaint(option) == "" for option in options)
    assert (complaint(text) == "") is (text in options)


def page() -> None:
    import streamlit as st

    from ui import links

    parameters = (
        links.Parameter("size", 2.0, links.number_complaint),
        links.Parameter("kind", "a", links.choice_complaint(("a", "b"))),
    )
    links.open_page("probe", parameters)
    st.number_input("size", key="size", bind="query-params", value=None)
    if st.session_state.get("show_kind", True):
        st.radio("kind", ["a", "b"], key="kind", bind="query-params")
    if st.button("forget"):
        links.forget_notices("probe")
    if st.button("reset", on_click=links.reset, args=({"size": 2.0, "kind": "a"},)):
        pass
    st.text(links.link_notices("probe"))
    st.code(links.current_link())


def page_with_a_list() -> None:
    import streamlit as st

    from ui import links

    parameters = (
        links.Parameter("many", ["a"], links.choice_complaint(("a", "b", "c"))),
        links.Parameter("kind", "a", links.choice_complaint(("a", "b"))),
    )
    links.open_page("probe", parameters)
    st.multiselect("many", ["a", "b", "c"], key="many", bind="query-params")
    st.radio("kind", ["a", "b"], key="kind", bind="query-params")
    st.text(links.link_notices("probe"))


def two_pages() -> None:
    import streamlit as st

    from ui import links

    at = st.session_state.get("at", "one")
    default = {"one": 1.0, "two": 2.0}[at]
    links.open_page(at, (links.Parameter("size", default, links.positive_complaint),))
    st.number_input("size", key="size", bind="query-params", value=None)
    st.text(at)


def opened(**query: str | list[str]) -> AppTest:
    app = AppTest.from_function(page)
    app.context = {"url": "http://here:8501/probe?old=1"}
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def test_without_a_link_the_defaults_are_shown() -> None:
    app = opened()
    assert app.number_input(key="size").value == 2.0
    assert app.radio(key="kind").value == "a"
    assert app.text[0].value == ""


def test_a_link_s_values_are_shown() -> None:
    app = opened(size="3.5", kind="b")
    assert app.number_input(key="size").value == 3.5
    assert app.radio(key="kind").value == "b"
    assert app.text[0].value == ""


def test_what_cannot_be_used_is_said_and_the_rest_is_used() -> None:
    app = opened(size="abc", kind="b")
    assert app.number_input(key="size").value == 2.0
    assert app.radio(key="kind").value == "b"
    line = app.text[0].value
    assert line == (
        "This link could not be used as it is: `size=abc` is not a number. The default is shown instead."
    )
    assert "size" not in app.query_params
    app.run()
    assert app.text[0].value == line


@pytest.mark.parametrize("sign", ["\u202e", "\u200f", "\u2066", "\u200b", "\x1b", "\x07"])
def test_a_notice_spells_out_what_turns_the_writing_or_hides(sign: str) -> None:
    line = opened(size=f"a{sign}b").text[0].value
    assert line.isprintable()
    assert ascii(sign)[1:-1] in line


def test_a_notice_quotes_little_and_closes_its_quotes() -> None:
    line = opened(size="`" * 3_000 + "\n").text[0].value
    assert len(line) < 200
    assert "\n" not in line
    assert line.count("`") == 2


def test_a_notice_can_be_dropped() -> None:
    app = opened(size="abc")
    app.button[0].click().run()
    assert app.run().text[0].value == ""


def test_a_value_outlives_an_input_that_is_not_drawn() -> None:
    app = opened(kind="b")
    app.session_state["show_kind"] = False
    app.run()
    app.session_state["show_kind"] = True
    app.run()
    assert app.radio(key="kind").value == "b"


def test_reset_sets_the_inputs() -> None:
    app = opened(size="3.5", kind="b")
    app.button[1].click().run()
    assert app.number_input(key="size").value == 2.0
    assert app.radio(key="kind").value == "a"


def test_the_shared_link_has_the_page_s_address_and_every_value() -> None:
    link = opened(other=["a b&c=d", "(w*x + b)**2 ∂"], size="3.5").code[0].value
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc, parts.path) == ("http", "here:8501", "/probe")
    found = parse_qsl(parts.query)
    assert [value for key, value in found if key == "other"] == ["a b&c=d", "(w*x + b)**2 ∂"]
    assert "old=1" not in link
    assert not set(link) & set(' "<>∂')


def test_the_shared_link_of_a_plain_page_is_its_address() -> None:
    assert opened().code[0].value.split("?")[0] == "http://here:8501/probe"


@pytest.mark.parametrize(
    ("linked", "kept", "named"),
    [
        (["b", "nope", "c"], ["b", "c"], ["`many=nope`"]),
        (["nope", "b"], ["b"], ["`many=nope`"]),
        (["x", "c", "y"], ["c"], ["`many=x`", "`many=y`"]),
        (["nope"], ["a"], ["`many=nope`"]),
        (["x", "y"], ["a"], ["`many=x`", "`many=y`"]),
        (["b", "c"], ["b", "c"], []),
    ],
)
def test_a_partly_bad_list_keeps_its_good_entries(
    linked: list[str], kept: list[str], named: list[str]
) -> None:
    app = AppTest.from_function(page_with_a_list)
    app.query_params["many"] = linked
    app.query_params["kind"] = "b"
    app.run()
    assert not app.exception
    assert app.multiselect(key="many").value == kept
    assert app.radio(key="kind").value == "b"
    line = app.text[0].value
    assert [name in line for name in named] == [True] * len(named)
    assert bool(line) is bool(named)
    left = app.query_params.get("many", [])
    assert ([left] if isinstance(left, str) else left) == [text for text in linked if text in "abc"]
    # Once more is the same.
    app.run()
    assert app.multiselect(key="many").value == kept


def test_an_input_of_the_same_name_on_another_page_does_not_leak() -> None:
    app = AppTest.from_function(two_pages).run()
    assert app.number_input(key="size").value == 1.0
    app.number_input(key="size").set_value(7.0).run()
    for at, expected in (("two", 2.0), ("one", 7.0), ("two", 2.0)):
        app.session_state["at"] = at
        app.query_params.clear()  # As a browser does on the way to another page.
        app.run()
        assert not app.exception
        assert (app.text[0].value, app.number_input(key="size").value) == (at, expected)
    app.number_input(key="size").set_value(9.0).run()
    for at, expected in (("one", 7.0), ("two", 9.0)):
        app.session_state["at"] = at
        app.query_params.clear()  # As a browser does on the way to another page.
        app.run()
        assert app.number_input(key="size").value == expected
