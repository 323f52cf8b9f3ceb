"""The reader of literals against Python's own: `tokenize` for their places, `ast` for what they say."""

import ast
import io
import tokenize
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.secrets.leaks.literals import MAX_DEPTH, Literal, LiteralError, decode, hollow, read_literals

ROOT = Path(__file__).parents[4]
FILES = sorted((ROOT / "core").rglob("*.py"))[::3] + sorted(Path(ast.__file__).parent.glob("[a-d]*.py"))[::4]


def strings(source: str) -> list[str]:
    """Whole string literals by `tokenize`; an f-string's tokens are joined where a version cuts it."""
    found, depth, start = [], 0, (0, 0)
    lines = source.splitlines(keepends=True)
    begin = getattr(tokenize, "FSTRING_START", -1)
    end = getattr(tokenize, "FSTRING_END", -1)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == begin:
            start = start if depth else token.start
            depth += 1
        elif token.type == end:
            depth -= 1
            if not depth:
                found.append(between(lines, start, token.end))
        elif token.type == tokenize.STRING and not depth:
            found.append(token.string)
    return found


def between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    text = "".join(lines[start[0] - 1 : end[0]])
    return text[start[1] : len(text) - (len(lines[end[0] - 1]) - end[1])]


def comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def text_of(source: str, literal: Literal) -> str:
    return "".join(decode(source, literal, piece, 0)[0] for piece in literal.pieces)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_literals_and_comments_are_those_of_tokenize(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    literals, found = read_literals(source)
    assert [source[each.start : each.end] for each in literals if not each.depth] == strings(source)
    assert [source[start:end] for start, end in found] == comments(source)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_a_literal_says_is_what_ast_says(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    for literal in read_literals(source)[0]:
        if not literal.is_formatted:
            value = ast.literal_eval(source[literal.start : literal.end].removeprefix("u"))
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            assert text_of(source, literal) == text


@pytest.mark.parametrize("path", FILES[::3], ids=lambda path: path.name)
def test_the_hollow_source_has_the_same_syntax_in_the_same_places(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    shell = hollow(source, *read_literals(source))
    assert len(shell) == len(source)
    one, other = ast.parse(source), ast.parse(shell)
    kinds = [[type(node) for node in ast.walk(tree) if isinstance(node, ast.stmt)] for tree in (one, other)]
    assert kinds[0] == kinds[1]
    lines = [[node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt)] for tree in (one, other)]
    assert lines[0] == lines[1]


@given(st.text(max_size=40), st.sampled_from(["", "u", "b"]))
@example("\x00\\\"'\ud800\N{PILE OF POO}{}", "")
@settings(max_examples=300)
def test_a_literal_written_by_python_is_read_back(text: str, prefix: str) -> None:
    data: str | bytes = text.encode("utf-8", "surrogatepass") if prefix == "b" else text
    source = f"{prefix if prefix == 'u' else ''}{data!r}"
    (literal,), _ = read_literals(source)
    assert (literal.start, literal.end) == (0, len(source))
    assert text_of(source, literal) == (data.decode("latin-1") if isinstance(data, bytes) else data)


@given(
    st.text(st.sampled_from("ab\\'\"{}\n\r\tNxu01#:! "), max_size=30),
    st.sampled_from(["'", '"', "'''", '"""']),
)
@settings(max_examples=500)
def test_whatever_stands_in_quotes_python_reads_the_same(body: str, quote: str) -> None:
    source = f"{quote}{body}{quote}"
    try:
        value = ast.literal_eval(source.lstrip())
    except (SyntaxError, ValueError, Warning):
        return
    literals, _ = read_literals(source)
    if isinstance(value, str) and all(not each.is_formatted for each in literals):
        assert "".join(text_of(source, each) for each in literals) == value


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        literals, found = read_literals(text)
    except LiteralError:
        return
    spans = sorted([(each.start, each.end) for each in literals if not each.depth] + found)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert len(hollow(text, literals, found)) == len(text)


@pytest.mark.parametrize(
    ("source", "pieces"),
    [
        ("f'a{x}b'", ["a", "b"]),
        ("f'{x}'", []),
        ("f'{{a}}'", ["{{a}}"]),
        ("f'{x:>10}b'", [">10", "b"]),
        ("f'{x:{width}.2f}b'", [".2f", "b"]),
        ("f'{x!r}b'", ["b"]),
        ("f'{d[\"k\"]}b'", ["b"]),
        ("f'{ {1: 2}[1] }b'", ["b"]),
        ("f'{(lambda y: y)(1)}b'", ["b"]),
        ("f'{x != y}b'", ["b"]),
        ("f'''{\nx\n}b'''", ["b"]),
        (r"f'\N{DASH}{x}'", [r"\N{DASH}"]),
        (r"rf'\{x}b'", ["\\", "b"]),
    ],
)
def test_an_f_string_is_what_stands_between_its_expressions(source: str, pieces: list[str]) -> None:
    literal = next(each for each in read_literals(source)[0] if not each.depth)
    assert [source[start:end] for start, end in literal.pieces] == pieces
    assert literal.end == len(source)


def test_literals_within_an_f_string_are_read_too() -> None:
    source = """f'{d["key"] + f"{e}"}'"""
    literals, _ = read_literals(source)
    assert [(source[each.start : each.end], each.depth) for each in literals] == [
        (source, 0),
        ('"key"', 1),
        ('f"{e}"', 1),
    ]


@pytest.mark.parametrize(
    "source",
    ["'", "'''a", "'a\nb'", "f'{'", "f'}'", "f'{x'", "f'" + "{f'" * (MAX_DEPTH + 1), "f'{x:'", 'f"{x:\n}"'],
)
def test_what_does_not_end_is_refused(source: str) -> None:
    with pytest.raises(LiteralError):
        read_literals(source)


def test_a_word_before_a_quote_is_no_prefix() -> None:
    source = "xb'a'; print('b')"
    assert [each.prefix for each in read_literals(source)[0]] == ["", ""]


def test_the_same_quotes_may_lie_within() -> None:
    source = """f'{d['key']}b'"""
    literals, _ = read_literals(source)
    assert [source[each.start : each.end] for each in literals] == [source, "'key'"]
