"""A text in Markdown's place stands as it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.contracts.literal import literal


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("super().__init__()", r"super().\_\_init\_\_()"),
        ("2 * x * y", r"2 \* x \* y"),
        (":red[x]", r"\:red\[x\]"),
        ("a plain text, as it is", "a plain text, as it is"),
    ],
)
def test_markup_is_escaped(text: str, markdown: str) -> None:
    assert literal(text) == markdown


@given(st.text())
def test_without_its_backslashes_it_is_the_text(text: str) -> None:
    # CommonMark: a backslash before a sign of punctuation stands for the sign.
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", literal(text)) == text
