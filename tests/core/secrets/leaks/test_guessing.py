"""The language of a pasted text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.leaks import EXAMPLES, Language, LeakError
from core.secrets.leaks.examples import Example
from core.secrets.leaks.guessing import guess
from tests.core.secrets.leaks.notebooks import code, notebook


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_the_examples_are_what_they_say(example: Example) -> None:
    assert guess(example.text) is example.language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", Language.TEXT),
        ("hello", Language.TEXT),
        ("A sentence, and another one.", Language.TEXT),
        ("import os", Language.PYTHON),
        ("API_KEY = 'abc'", Language.PYTHON),
        ("def f():\n    return 1", Language.PYTHON),
        ("import os\nAPI_KEY='abc'", Language.PYTHON),
        ("import os\nfrom x import y\nprint('a'", Language.PYTHON),
        ("print('a')", Language.PYTHON),
        ("A=b", Language.ENV),
        ("A=b c d", Language.ENV),
        ("export A=b", Language.ENV),
        ("# note\nA=\nB='c'\n", Language.ENV),
        ("A='-----BEGIN\nabc\n-----END'\nB=c", Language.ENV),
        ("a=b\nc=d", Language.ENV),
        ('{"a": 1}', Language.TEXT),
        ("{'a': 1}", Language.PYTHON),
        ("[section]\nkey = 'value'\n", Language.TEXT),
        ("[[section.part]]\n\nkey = 'value'\n", Language.TEXT),
        ("x = [\n    y\n]\nz = 1\n", Language.PYTHON),
        ('{"cells": [], "nbformat": 4}', Language.NOTEBOOK),
        ('\ufeff {"cells": [{"cell_type":', Language.NOTEBOOK),
        (notebook(code("x = 1")), Language.NOTEBOOK),
        ("Traceback (most recent call last):\n  File 'x'\nValueError: no", Language.TEXT),
    ],
)
def test_a_text_is_taken_for(text: str, language: Language) -> None:
    assert guess(text) is language


@given(st.text(max_size=100))
def test_any_text_is_taken_for_something(text: str) -> None:
    assert guess(text) in Language


def test_a_text_that_is_too_large_is_refused() -> None:
    with pytest.raises(LeakError, match="bytes"):
        guess("a" * 2**21)
