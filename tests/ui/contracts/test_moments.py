"""The line of moments: what stands where, in words as well, and nothing of it while it is hidden."""

from __future__ import annotations

import re
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from core.contracts.verdict import Moment
from ui.contracts.moments import LINE, Lane, Look, Mark, failure, is_early, position


def test_the_moments_come_in_their_order() -> None:
    assert [position(moment) for moment in LINE] == [0, 1, 2, 3, 4]
    assert position(Moment.NEVER) > position(Moment.PRODUCTION)
    assert [moment for moment in LINE if is_early(moment)] == [
        Moment.DEFINITION,
        Moment.IMPORT,
        Moment.INSTANTIATION,
    ]


@pytest.mark.parametrize(
    ("moment", "look"),
    [
        (Moment.DEFINITION, Look.EARLY),
        (Moment.INSTANTIATION, Look.EARLY),
        (Moment.FIRST_CALL, Look.LATE),
        (Moment.PRODUCTION, Look.LATE),
        (Moment.NEVER, Look.PASSED),
    ],
)
def test_a_failure_before_use_looks_other_than_one_in_use(moment: Moment, look: Look) -> None:
    assert failure(moment, "✗ ABC") == Mark(moment, "✗ ABC", look)


def drawn(lanes: list[Lane], *, hidden: bool = False) -> str:
    """The picture's HTML."""

    def page(lanes, hidden):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - run without this file
        from ui.contracts.moments import show_moments

        show_moments(lanes, hidden=hidden)

    app = AppTest.from_function(page, args=(lanes, hidden)).run()
    assert [error.value for error in app.exception] == []
    return "".join(element.value for element in app.html)


def stops(html: str) -> list[list[str]]:
    """What stands at each moment of each lane."""
    rows = html.split("<div class='row lane'")[1:]
    return [
        [
            unescape(re.sub(r"<[^>]*>", " ", stop)).strip()
            for stop in re.split(r"<div class='stop[^>]*>", row)[1:]
        ]
        for row in rows
    ]


def test_what_was_reached_and_where_it_fails_and_what_comes_no_more() -> None:
    lane = Lane(
        "Model", "", (failure(Moment.INSTANTIATION, "✗ fails here"),), (Moment.DEFINITION, Moment.IMPORT)
    )
    html = drawn([lane])
    assert stops(html) == [["✓", "✓", "✗ fails here", "·", "·"]]
    assert "Model: ✗ fails here at instantiation" in html


def test_without_a_run_nothing_is_said_to_be_reached() -> None:
    html = drawn([Lane("Model", "", (failure(Moment.FIRST_CALL, "✗ duck"),))])
    assert stops(html) == [["", "", "", "✗ duck", ""]]


def test_what_never_fails_has_a_place_of_its_own() -> None:
    html = drawn([Lane("Model", "", (failure(Moment.NEVER, "✓ ABC"), failure(Moment.FIRST_CALL, "✗ duck")))])
    assert stops(html) == [["", "", "", "✗ duck", "", "✓ ABC"]]


def test_hidden_it_tells_nothing() -> None:
    lanes = [
        Lane("A", "", (failure(Moment.NEVER, "✓ ABC"),), (Moment.DEFINITION,)),
        Lane("B", "", (failure(Moment.FIRST_CALL, "✗ fails here"),)),
    ]
    html = drawn(lanes, hidden=True)
    assert stops(html) == [["?"] * 5] * 2
    assert "ABC" not in html
    assert "fails here" not in html


def test_a_class_called_like_markup_is_text() -> None:
    html = drawn([Lane("<script>alert(1)</script>", "a'\"b", ())])
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
