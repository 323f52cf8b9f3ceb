"""Where leaks are, in each language; places by an oracle that counts characters."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.secrets.leaks import MAX_LEAKS, Confidence, Language, LeakError, find_leaks, scan
from tests.core.secrets.leaks.fakes import chance, draw, huggingface, openai
from tests.core.secrets.leaks.notebooks import code, failure, markdown, notebook, result, stream

ROOT = Path(__file__).parents[4]
KEY = openai(chance(1))
TOKEN = huggingface(chance(2))


def place(text: str, word: str) -> tuple[int, int]:
    before = text[: text.index(word)].removeprefix("\ufeff")
    rows = re.split(r"\r\n|\r|\n", before)
    return len(rows), len(rows[-1]) + 1


def places(text: str, language: Language | None = None) -> list[tuple[int, int]]:
    return [(leak.line, leak.column) for leak in find_leaks(text, language)]


PYTHON = (
    'x = "{}"',
    "x\t=\t'{}'",
    'y = "é😀" + "{}"',
    "if x:\n\tf('a', '{}')",
    "# é {}",
    'def f(a="{}"): pass',
    "'''\n😀 {}\n'''",
    'é = """a\n\tb {}"""',
    "x = ('a '\n  '{}')",
    "x = f'{{é}} {}'",
    "x = '\\u00e9\\\n{}'",
    "x = [1,\n'{}', 2]",
    "x = rb'{}'",
)


@given(
    st.lists(
        st.sampled_from(["", "a = 1", "\tb", "# é😀", "c = 'd\\\n'", "\x0c", "e = '''\n'''"]), max_size=4
    ),
    st.sampled_from(PYTHON),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
@settings(max_examples=200)
def test_a_key_in_a_program_is_where_it_is(lines: list[str], line: str, newline: str, bom: bool) -> None:
    text = "\ufeff" * bom + "\n".join([*lines, line.replace("{}", KEY), "z = 1"]).replace("\n", newline)
    for language in (Language.PYTHON, Language.TEXT):
        assert places(text, language) == [place(text, KEY)]


@given(
    st.lists(st.sampled_from(["", "A=b", "# é😀", "B='c\nd'", "\te\t"]), max_size=4),
    st.sampled_from(["X={}", "X = '{}'", 'export X="{}"', "# {}", "X=a # {}", "X='a\n{}'"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_a_key_in_a_env_is_where_it_is(lines: list[str], line: str, newline: str, bom: bool) -> None:
    text = "\ufeff" * bom + "\n".join([*lines, line.replace("{}", KEY)]).replace("\n", newline)
    assert places(text, Language.ENV) == [place(text, KEY)]


def test_a_key_of_several_literals_is_where_it_begins() -> None:
    text = f'x = ("a {KEY[:15]}"  # why\n     "{KEY[15:]}")'
    assert places(text, Language.PYTHON) == [(1, 9)]
    assert places(f'x = "\\x73{KEY[1:]}"', Language.PYTHON) == [(1, 6)]


def test_a_notebooks_leaks_have_their_cell() -> None:
    text = notebook(
        markdown(f"# Title\nUse {KEY}"),
        code(f"%env HF_TOKEN={TOKEN}\nx = '{KEY}'", stream(f"a\nb {TOKEN}\n"), result(text_plain=f"'{KEY}'")),
        code("y = 1", failure(f"no {KEY}", f"\x1b[31m{TOKEN}\x1b[0m", "end")),
        secret_place={"api_key": "3f9a8c21d0"},
    )
    found = [(leak.cell, leak.line, leak.column, leak.rule, leak.title) for leak in scan(text).leaks]
    openai_title, huggingface_title = "OpenAI API key", "Hugging Face token"
    assert found == [
        (1, 2, 5, "openai", openai_title),
        (2, 1, 15, "huggingface", huggingface_title),
        (2, 2, 6, "openai", openai_title),
        (2, 2, 3, "huggingface", f"{huggingface_title} (in the output)"),
        (2, 1, 2, "openai", f"{openai_title} (in the output)"),
        (3, 1, 4, "openai", f"{openai_title} (in the output)"),
        (3, 1, 6, "huggingface", f"{huggingface_title} (in the output)"),
        (None, 1, 1, "keyword", "Secret, by the name that it is given to (in the metadata)"),
    ]


def test_the_variable_is_named() -> None:
    assert [leak.variable for leak in find_leaks(f"a = '{KEY}'\nf(b='{TOKEN}')", Language.PYTHON)] == [
        "a",
        "b",
    ]
    assert [leak.variable for leak in find_leaks(f"a={KEY}\nB: '{TOKEN}' {KEY}", Language.TEXT)] == [
        "a",
        "B",
        "",
    ]
    assert [leak.variable for leak in find_leaks(f"export A_B={KEY}", Language.ENV)] == ["A_B"]


def test_more_leaks_than_are_listed_are_counted() -> None:
    text = "\n".join(f"x = '{openai(chance(seed))}'" for seed in range(MAX_LEAKS + 5))
    found = scan(text, Language.PYTHON)
    assert len(found.leaks) == MAX_LEAKS
    assert found.notes == ("5 more are not listed.",)


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.py")), ids=lambda path: path.name)
def test_this_apps_own_source_has_no_certain_leak(path: Path) -> None:
    found = scan(path.read_text(encoding="utf-8"), Language.PYTHON)
    assert [leak for leak in found.leaks if leak.confidence is Confidence.HIGH] == []
    assert found.notes == ()


def test_errors_are_one_line_without_the_text() -> None:
    for text, language in ((f"{KEY}" * 30_000, None), (f"{KEY}\n" * 20_001, None), (KEY, Language.NOTEBOOK)):
        with pytest.raises(LeakError) as refused:
            scan(text, language)
        assert "\n" not in str(refused.value)
        assert "sk-" not in str(refused.value)


@given(
    st.text(st.characters(exclude_characters="\0"), max_size=200),
    st.sampled_from([None, Language.PYTHON, Language.ENV, Language.TEXT]),
)
def test_any_text_can_be_scanned(text: str, language: Language | None) -> None:
    found = scan(text, language)
    assert found.lines <= len(text) + 1


@pytest.mark.parametrize(
    "text",
    [
        "x = '" + "a" * 1_000_000 + "'",
        "'' " * 300_000,
        "x = " + "1+" * 200_000 + "1",
        "x = " + "''+" * 45_000 + "''",
        "f'{" * 10_000,
        "(" * 500_000,
        "a.b=" * 250_000,
        "A='\n" * 19_000,
        "\\" * 1_000_000,
        "x = '" + "\\x41" * 200_000 + "'",
        f"{KEY} " * 15_000,
        "é = 'é'; " * 30_000,
        "sk-" * 330_000,
        "%x\n" * 19_000,
        draw(chance(7), 1_000_000),
    ],
    ids=lambda text: f"{text[:8]!r} x {len(text)}",
)
def test_a_hostile_text_is_scanned(text: str) -> None:
    for language in (Language.PYTHON, Language.ENV, Language.TEXT):
        assert scan(text, language).language is language


def test_a_hostile_notebook_is_scanned() -> None:
    deep = '{"cells": [{"metadata": ' + '{"a": ' * 900 + f'"{KEY}"' + "}" * 900 + "}]}"
    assert [leak.rule for leak in scan(deep, Language.NOTEBOOK).leaks] == ["openai"]
    assert scan('{"cells": [' + "{}," * 300_000 + "{}]}", Language.NOTEBOOK).leaks == ()
