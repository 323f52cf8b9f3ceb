"""The keys that must be there: one line that names each that is not, and why."""

import pytest

from core.secrets.declared import DeclaredKeyError
from core.secrets.required import MissingKeyError, check_required, require
from core.secrets.source import Source, SourceKind

CANARY = "canary-4f1c09d2"


def said(names: list[str], *sources: Source) -> str:
    with pytest.raises(MissingKeyError) as caught:
        check_required(names, sources)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_key_that_is_set_is_enough() -> None:
    sources = [Source(SourceKind.PROCESS, {}), Source(SourceKind.DOTENV, {"OPENAI_API_KEY": CANARY})]
    require("OPENAI_API_KEY", sources)
    check_required([], sources)
    check_required(["OPENAI_API_KEY", "OPENAI_API_KEY"], sources)


def test_the_error_names_the_missing_key_and_what_to_do() -> None:
    with pytest.raises(MissingKeyError) as caught:
        require("OPENAI_API_KEY", [])
    assert str(caught.value) == (
        "OPENAI_API_KEY is not set: put OPENAI_API_KEY=... into .env or set it in the process environment,"
        " and start again."
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [("", "is empty"), (" \t", "is blank"), ("your-key-here", "has a placeholder for its value")],
)
def test_empty_blank_and_placeholder_are_told_apart(value: str, words: str) -> None:
    file = Source(SourceKind.DOTENV, {"HF_TOKEN": value})
    assert said(["HF_TOKEN"], file) == (
        f"HF_TOKEN {words} in .env: put HF_TOKEN=... into .env or set it in the process environment,"
        " and start again."
    )
    started = Source(SourceKind.PROCESS, {"HF_TOKEN": value})
    assert said(["HF_TOKEN"], started, Source(SourceKind.DOTENV, {"HF_TOKEN": CANARY})) == (
        f"HF_TOKEN {words} in the process environment: put HF_TOKEN=... into .env or set it in the process"
        " environment (which wins over .env), and start again."
    )


def test_all_missing_keys_are_in_one_message() -> None:
    file = Source(SourceKind.DOTENV, {"A_KEY": CANARY, "B_KEY": "", "C_KEY": None})
    assert said(["A_KEY", "B_KEY", "C_KEY", "D_KEY"], file) == (
        "B_KEY is empty in .env; C_KEY is not set; D_KEY is not set: put each as NAME=... into .env or set it"
        " in the process environment, and start again."
    )


def test_a_key_that_is_pasted_for_its_name_is_not_quoted() -> None:
    with pytest.raises(DeclaredKeyError) as caught:
        check_required([CANARY], [])
    assert CANARY not in str(caught.value)
