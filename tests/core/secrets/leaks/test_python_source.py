"""A program as passages: joined where Python joins, with gaps where it cannot be known."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.leaks.passage import Role
from core.secrets.leaks.python_source import PythonSource, read_python

ROOT = Path(__file__).parents[4]


def read(source: str, *, notebook: bool = False) -> PythonSource:
    program = read_python(source, notebook=notebook)
    assert program is not None
    return program


def texts(source: str, role: Role = Role.VALUE) -> list[str]:
    return [each.text for each in read(source).passages if each.role is role]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("x = 'a' 'b'", "ab"),
        ("x = 'a' + 'b'", "ab"),
        ("x = 'a' + ('b' + 'c')", "abc"),
        ("x = ('a'\n     # why\n     'b')", "ab"),
        ("x = 'a' + y + 'b'", "a\0b"),
        ("x = f'a{y}b'", "a\0b"),
        ("x = f'{y}b'", "\0b"),
        ("x = f'a{y}'", "a\0"),
        ("x = 'a' f'b{y}' 'c'", "ab\0c"),
        ("x = f'{{a}}'", "{a}"),
        ("x = f'{y:>10}'", "\0>10\0"),
        ("x = b'a' b'b'", "ab"),
        (r"x = '\x61' r'\x61'", r"a\x61"),
        ("x = '''a\r\nb'''", "a\nb"),
    ],
)
def test_literals_of_one_expression_are_one_text(source: str, text: str) -> None:
    assert texts(source) == [text]


def test_comments_and_code_are_passages_of_their_own() -> None:
    program = read("x = 'a'  # b\ny = f'{z}'")
    found = {each.role: each.text for each in program.passages}
    assert found[Role.COMMENT] == "# b"
    assert found[Role.CODE] == "x = \0\0\0  \0\0\0\ny = \0\0\0\0\0\0"


def test_literals_within_an_f_string_are_nested() -> None:
    assert texts("x = f'{d[\"a\"]}'", Role.NESTED) == ["a"]


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.py"))[::5], ids=lambda path: path.name)
def test_every_literal_that_ast_finds_is_in_a_passage(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    joined = "\n".join(each.text for each in read(source).passages)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            # What Python makes of {name=} is no literal of the source.
            assert re.sub(r"\w+=$", "", node.value) in joined


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.py"))[::5], ids=lambda path: path.name)
def test_every_character_knows_where_it_comes_from(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    for passage in read(source).passages:
        for run in passage.runs:
            if run.length == run.width and passage.role is not Role.CODE:
                text = passage.text[run.start : run.start + run.length]
                assert text in {source[run.source : run.source + run.width], "\0"}


@pytest.mark.parametrize(
    "source",
    [
        "x = ", "x = 'a", "(", "def", "x = 1\n  y = 2", "a\0b", "x = '\ud800' \ud800",
        "x = " + "(" * 3000, "hello world",
        "x = " + "-" * 200_000 + "1", "x = " + "a." * 100_000 + "b", "f'{'", "print 'a'",
        "x = " + "[" * 90 + "]" * 90 + ")",
    ],
)  # fmt: skip
def test_what_python_cannot_read_is_none(source: str) -> None:
    assert read_python(source) is None


@given(st.text(max_size=60))
def test_any_text_is_read_or_is_none(text: str) -> None:
    for notebook in (False, True):
        program = read_python(text, notebook=notebook)
        assert program is None or program.text == text


def test_a_byte_order_mark_is_no_mistake() -> None:
    program = read("\ufeffx = 'a'")
    passage = next(each for each in program.passages if each.text == "a")
    assert passage.source(0, 1) == (6, 7)
    assert program.lines.place(6) == (1, 6)


@pytest.mark.parametrize(
    ("source", "magic"),
    [
        ("%matplotlib inline\nx = 'a'", "%matplotlib inline"),
        ("!pip install it's\nx = 'a'", "!pip install it's"),
        ("if x:\n    !ls\nx = 'a'", "!ls"),
        ("files = !ls 'b\nx = 'a'", "!ls 'b"),
        ("print?\nx = 'a'", "print?"),
        ("%%time\nx = 'a'", "%%time"),
    ],
)
def test_a_cells_own_lines_are_read_as_text(source: str, magic: str) -> None:
    assert read_python(source) is None
    program = read(source, notebook=True)
    assert [each.text for each in program.passages if each.role is Role.TEXT] == [magic]
    assert [each.text for each in program.passages if each.role is Role.VALUE] == ["a"]


def test_a_cell_of_another_language_is_no_program() -> None:
    assert read_python("%%bash\nexport A=1", notebook=True) is None


def test_a_remainder_at_a_lines_start_is_no_magic() -> None:
    program = read("x = (a\n% b)", notebook=True)
    assert not [each for each in program.passages if each.role is Role.TEXT]
