"""One line of trouble, in which a visitor's text is never markup."""

import re
from html import unescape

from streamlit.testing.v1 import AppTest


def page(message: str, excerpt: str = "") -> None:
    from ui.messages import trouble

    trouble(message, excerpt)


def shown(message: str, excerpt: str = "") -> str:
    app = AppTest.from_function(page, args=(message, excerpt)).run()
    assert not app.exception
    return str(app.html[0].value)


def test_a_line_is_an_alert() -> None:
    html = shown("`w` holds no number.")
    assert "role='alert'" in html
    assert "`w` holds no number." in html
    assert "<pre>" not in html


def test_an_excerpt_keeps_its_caret_in_place() -> None:
    (excerpt,) = re.findall("<pre>(.*)</pre>", shown("no", "w < foo\n    ^"), re.DOTALL)
    assert unescape(excerpt) == "w < foo\n    ^"


def test_a_visitor_s_text_is_no_markup() -> None:
    bait = "</pre><img src=x onerror='alert(1)'>"
    html = shown(bait, bait)
    assert "<img" not in html
    assert html.count("</pre>") == 1
