"""A `.env` as passages; python-dotenv is the oracle for what is a value."""

import io

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.leaks.env_source import read_env
from core.secrets.leaks.passage import Role


def values(text: str) -> dict[str, str]:
    found = read_env(text).passages
    return {each.name: each.text for each in found if each.role is Role.ENTRY}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=b", {"A": "b"}),
        ("A = b ", {"A": "b"}),
        ("export A=b", {"A": "b"}),
        ("A='b c'", {"A": "b c"}),
        ('A="b # c" # d', {"A": "b # c"}),
        ("A=b # c", {"A": "b"}),
        ("A=b#c", {"A": "b#c"}),
        ("A='b\nc'\nD=e", {"A": "b\nc", "D": "e"}),
        ("A=\nB=c", {"B": "c"}),
        ("\ufeffA=b\r\nB=c\rD=e\n", {"A": "b", "B": "c", "D": "e"}),
        ("A='b", {"A": "'b"}),
        ("A=# b", {}),
        ("A='b' c\nD=e", {"A": "'b' c", "D": "e"}),
        ("no assignment\nA=b", {"A": "b"}),
    ],
)
def test_the_values_of_a_file(text: str, found: dict[str, str]) -> None:
    assert values(text) == found


LINES = st.lists(
    st.tuples(
        st.from_regex(r"[A-Z][A-Z_]{0,5}", fullmatch=True),
        st.sampled_from(["=", " = ", "= "]),
        st.one_of(
            st.from_regex(r"[a-z0-9#$]{1,8}", fullmatch=True).filter(lambda value: value[0] != "#"),
            st.from_regex(r"'[a-z #]{1,8}'", fullmatch=True),
            st.from_regex(r'"[a-z #]{1,8}"', fullmatch=True),
        ),
        st.sampled_from(["", " # note", "  "]),
    ),
    max_size=6,
)


@given(LINES, st.sampled_from(["\n", "\r\n"]))
def test_well_formed_lines_have_the_values_that_python_dotenv_gives_them(
    lines: list[tuple[str, str, str, str]], newline: str
) -> None:
    text = newline.join("".join(line) for line in lines)
    assert values(text) == dotenv_values(stream=io.StringIO(text), interpolate=False)


@given(st.text(st.sampled_from("AB=#'\"\\ \r\nx$"), max_size=40))
def test_any_text_is_read_to_its_end(text: str) -> None:
    env = read_env(text)
    position = 0
    for entry in env.entries:
        assert text[position : entry.start].strip("\r\n\ufeff") == ""
        position = entry.end
    assert text[position:].strip("\r\n") == ""
    for passage in env.passages:
        start, end = passage.source(0, len(passage.text))
        assert text[start:end] == passage.text


def test_comments_are_passages() -> None:
    found = [
        each.text for each in read_env("# a\nB=c # d\nE='f' # g\n").passages if each.role is Role.COMMENT
    ]
    assert found == ["# a", "# d", "# g"]
