"""The way back from a passage to its source, and from a character to its line and column."""

import re

from hypothesis import given
from hypothesis import strategies as st

from core.secrets.leaks.literals import decode, read_literals
from core.secrets.leaks.passage import Lines, Passage, Role, plain

TEXTS = st.text(st.sampled_from("ab\t\r\n\x0b\x0c\u2028é😀"), max_size=40)


@given(TEXTS, st.booleans())
def test_line_and_column_of_each_character(text: str, bom: bool) -> None:
    source = "\ufeff" * bom + text
    lines = Lines.of(source)
    for offset in range(bom, len(source)):
        if source[offset - 1 : offset + 1] != "\r\n":
            rows = re.split(r"\r\n|[\r\n]", source[:offset])
            assert lines.place(offset) == (len(rows), len(rows[-1]) + 1 - (bom and len(rows) == 1))


def test_a_plain_passage_stands_where_it_stands() -> None:
    passage = plain("secret", 10)
    assert passage.source(2, 4) == (12, 14)
    assert passage.role is Role.TEXT


def test_an_escape_is_as_wide_as_it_is_written() -> None:
    source = r"'a\x41b\
c'"
    (literal,), _ = read_literals(source)
    text, runs = decode(source, literal, literal.pieces[0], 0)
    passage = Passage(text, tuple(runs), Role.VALUE)
    assert text == "aAbc"
    assert [source[slice(*passage.source(index, index + 1))] for index in range(4)] == [
        "a",
        r"\x41",
        "b",
        "c",
    ]
    assert source[slice(*passage.source(1, 4))] == "\\x41b\\\nc"
