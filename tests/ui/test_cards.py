"""The row of large numbers: what is read aloud, what is a colour, and a visitor's text that is no markup."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from ui.cards import card, verdict

BAIT = "</div><img src=x onerror='alert(1)'>"


class Reader(HTMLParser):
    """Collects the texts and the tags of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data


def read(html: str) -> tuple[list[str], list[str]]:
    """The texts in order, and the tags that open."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    return [text for text in reader.texts if text], reader.tags


def test_a_card_says_what_it_is_before_the_number() -> None:
    assert read(card("opset", "15", "forward")) == (["opset", "15"], ["div", "div", "div"])
    assert "class='uth-number forward'" in card("opset", "15", "forward")


@pytest.mark.parametrize(("value", "long"), [("12345678", False), ("123456789", True), ("", False)])
def test_a_long_value_is_drawn_smaller(value: str, long: bool) -> None:
    (names,) = re.findall(r"<div class='(value[^']*)'>", card("bytes", value, "forward"))
    assert ("long" in names.split()) is long


@pytest.mark.parametrize(("sign", "trouble"), [("✓", False), ("✗", True)])
def test_trouble_is_a_word_and_a_sign_before_it_is_a_colour(sign: str, trouble: bool) -> None:
    html = verdict(sign, "the headline", "and why.")
    assert read(html)[0] == [f"{sign} the headline", "and why."]
    assert ("uth-verdict trouble" in html) is trouble


def test_backquotes_of_a_reason_are_left_out() -> None:
    assert read(verdict("✗", "no", "`x:0` is no axis."))[0] == ["✗ no", "x:0 is no axis."]


TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)


@given(TEXT, TEXT)
def test_any_text_is_text(what: str, value: str) -> None:
    html = card(what, value, "forward")
    assert read(html)[1] == ["div"] * 3
    shown = re.findall(r"<div class='(?:what|value[^']*)'>(.*?)</div>", html, re.DOTALL)
    assert [unescape(text) for text in shown] == [what, value]
    assert read(verdict("✗", what, value))[1] == ["div"] * 3


def test_the_row_is_one_element_that_is_read_aloud_when_it_changes() -> None:
    def page(bait: str) -> None:
        from ui.cards import card, show_cards, verdict

        show_cards(card(bait, bait, "fired"), verdict("✓", bait, bait))

    app = AppTest.from_function(page, args=(BAIT,)).run()
    assert not app.exception
    (row,) = [html.value for html in app.html]
    assert row.startswith("<div class='uth-numbers' aria-live='polite'>")
    assert "<img" not in row
    assert read(row)[0] == [BAIT, BAIT, f"✓ {BAIT}", BAIT]
