"""The examples show what they are there for."""

import pytest

from core.secrets.leaks import EXAMPLES, Language, scan
from core.secrets.leaks.examples import Example


def found(example: Example) -> list[tuple[str, int | None]]:
    return [(leak.rule, leak.cell) for leak in scan(example.text).leaks]


def test_each_example_finds_what_it_should() -> None:
    program, notebook, env, clean = EXAMPLES
    assert found(program) == [("openai", None), ("openai", None), ("database-url", None), ("keyword", None)]
    assert found(notebook) == [("huggingface", 2), ("huggingface", 3)]
    assert scan(notebook.text).leaks[0].title.endswith("(in the output)")
    assert [rule for rule, _ in found(env)] == [
        "anthropic",
        "aws-access-key-id",
        "aws-secret-access-key",
        "keyword",
    ]
    assert found(clean) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_an_example_is_short_and_says_what_it_is(example: Example) -> None:
    assert example.title
    assert example.language in Language
    assert len(example.text.splitlines()) < 60
