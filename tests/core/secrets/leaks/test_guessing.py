"""The language of a pasted text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.leaks import EXAMPLES, Language, LeakError, fix, language_of_file, scan
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
        ('{"cells"', Language.NOTEBOOK),
        ('\n{ "cells": [', Language.NOTEBOOK),
        ('{"cells": 3}', Language.TEXT),
        (" " * 60_000, Language.TEXT),
        ("x = 5 - 3\nprint(x)", Language.PYTHON),
        ("x = 5 - 3\ny=2", Language.PYTHON),
        ("x=5\ny=x*2", Language.PYTHON),
        ("FROM=8000-9000\nTO=1", Language.ENV),
        ("A=2024-11-12", Language.ENV),
        ("Traceback (most recent call last):\n  File 'x'\nValueError: no", Language.TEXT),
    ],
)
def test_a_text_is_taken_for(text: str, language: Language) -> None:
    assert guess(text) is language


@given(st.text(st.characters(exclude_characters="\0"), max_size=100))
def test_any_text_is_taken_for_something(text: str) -> None:
    assert guess(text) in Language


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.py", Language.PYTHON),
        ("a.b.PY", Language.PYTHON),
        ("x/a.ipynb", Language.NOTEBOOK),
        (".env", Language.ENV),
        ("x\\.env.local", Language.ENV),
        ("prod.env", Language.ENV),
        (".environment", None),
        ("env", None),
        ("py", None),
        (".env/a.txt", None),
        ("", None),
    ],
)
def test_a_files_name_says_its_language(name: str, language: Language | None) -> None:
    assert language_of_file(name) is language


@pytest.mark.parametrize("text", ['{"cells"', '{"cells": [', '{"cells": x}\n', '{\n "cells": ["a",]}'])
def test_the_start_of_a_notebook_is_not_called_clean(text: str) -> None:
    for read in (scan, fix):
        with pytest.raises(LeakError, match="not JSON"):
            read(text)


def test_a_text_with_nul_is_refused_in_one_line() -> None:
    for read in (guess, scan, fix):
        with pytest.raises(LeakError, match="NUL") as refused:
            read("a\0b")
        assert "\n" not in str(refused.value)


def test_a_text_that_is_too_large_is_refused() -> None:
    with pytest.raises(LeakError, match="bytes"):
        guess("a" * 2**21)
