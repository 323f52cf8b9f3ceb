"""A rule finds its token where it stands alone, and nowhere else."""

import re

import pytest

from core.secrets.leaks.rule import token
from tests.core.secrets.leaks.fakes import chance, draw

RULE = token("made", "Made up", "MADE_KEY", "mk-", r"[A-Za-z0-9]{20,30}+", "Nothing to do.")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{}", True),
        ("'{}'", True),
        ("key={}&x=1", True),
        ("a {}.", True),
        (r"'first\n{}\n'", True),
        (r"\t{}", True),
        ("key%3D{}", True),
        ("task-{}", True),
        ("x{}", False),
        ("x_{}", False),
        ("{}_x", False),
        ("{}-x", False),
        ("{}" + "a" * 30, False),
        ("n{}", False),
    ],
)
def test_a_token_stands_alone_or_behind_an_escape(text: str, found: bool) -> None:
    value = "mk-" + draw(chance(1), 24)
    match = RULE.pattern.search(text.format(value))
    assert (match is not None) is found
    assert match is None or match[0] == value


def test_a_token_without_marks_is_looked_for_by_its_beginning() -> None:
    assert RULE.marks == ("mk-",)
    assert token("a", "A", "A", r"A\.b", "c", "d").marks == ("A.b",)


def test_a_form_is_the_whole_token() -> None:
    assert re.fullmatch(RULE.form, "mk-" + draw(chance(2), 20))
