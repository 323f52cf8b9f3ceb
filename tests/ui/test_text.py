"""Code between backquotes, and never any other markup."""

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from ui.text import plain, with_code


def test_what_is_between_backquotes_is_code() -> None:
    assert with_code("`fc1` ran as `fc1.forward(x)`.") == (
        "<code>fc1</code> ran as <code>fc1.forward(x)</code>."
    )
    assert plain("`fc1` ran.") == "fc1 ran."


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    coded = with_code(text)
    assert set(re.findall(r"<[^>]*>", coded)) <= {"<code>", "</code>"}
    assert unescape(re.sub("</?code>", "", coded)) == text.replace("`", "")
    assert "<" not in plain(text)
    assert unescape(plain(text)) == text.replace("`", "")


@given(st.text())
def test_code_that_is_opened_is_closed(text: str) -> None:
    coded = with_code(text)
    assert coded.count("<code>") == coded.count("</code>")
