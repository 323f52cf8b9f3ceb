"""The declared keys: what their values look like, and which names may be declared or shown."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.declared import (
    DECLARED,
    MAX_EXTRA,
    DeclaredKey,
    DeclaredKeyError,
    SecretKind,
    declared_keys,
    is_name,
    may_show_name,
)

BY_NAME = {key.name: key for key in DECLARED}
WORD = "aB3" * 100
# Put together here, so that no scanner takes this file for a leak.
OWN = [
    ("OPENAI_API_KEY", "sk-" + "proj-" + WORD[:120]),
    ("OPENAI_API_KEY", "sk-" + "svcacct-" + WORD[:120]),
    ("OPENAI_API_KEY", "sk-" + "admin-" + WORD[:120]),
    ("OPENAI_API_KEY", "sk-" + WORD[:48]),
    ("ANTHROPIC_API_KEY", "sk-" + "ant-api03-" + WORD[:93] + "AA"),
    ("HF_TOKEN", "hf_" + "aBcDefGhij" * 3 + "klmn"),
    ("PINECONE_API_KEY", "pcsk_" + WORD[:6] + "_" + WORD[:63]),
    ("AWS_ACCESS_KEY_ID", "AK" + "IA" + "ABCDEFGH23456727"),
    ("AWS_ACCESS_KEY_ID", "AS" + "IA" + "ABCDEFGH23456727"),
    ("GOOGLE_API_KEY", "AI" + "za" + WORD[:35]),
    ("GOOGLE_API_KEY", "AQ" + "." + WORD[:50]),
    ("GITHUB_TOKEN", "gh" + "p_" + WORD[:36]),
    ("GITHUB_TOKEN", "gh" + "s_" + "123_" + ".".join((WORD[:100],) * 3)),
    ("GITHUB_TOKEN", "github" + "_pat_" + WORD[:22] + "_" + WORD[:59]),
]
SHARED = [
    ("PINECONE_API_KEY", str(uuid.UUID(int=7**30))),
    ("AWS_SECRET_ACCESS_KEY", "aB3/" * 10),
    ("GOOGLE_APPLICATION_CREDENTIALS", "/run/secrets/key.json"),
    ("DATABASE_URL", "postgresql+psycopg://app:x@db:5432/app"),
    ("DATABASE_URL", "sqlite:///data/app.db"),
]


@pytest.mark.parametrize(("name", "value"), OWN)
def test_a_providers_value_is_recognized_as_its_own_and_nobody_elses(name: str, value: str) -> None:
    assert [key.name for key in DECLARED if key.is_own(value)] == [name]
    assert BY_NAME[name].is_well_formed(value)


@pytest.mark.parametrize(("name", "value"), SHARED)
def test_a_form_that_others_share_fits_but_tells_nothing(name: str, value: str) -> None:
    assert BY_NAME[name].is_well_formed(value)
    assert not any(key.is_own(value) for key in DECLARED)


@pytest.mark.parametrize(("name", "value"), OWN + SHARED)
def test_half_a_value_does_not_fit(name: str, value: str) -> None:
    if name not in {"DATABASE_URL", "GOOGLE_APPLICATION_CREDENTIALS"} and len(value) < 80:
        assert not BY_NAME[name].is_well_formed(value[: len(value) // 2])
    assert not BY_NAME[name].is_well_formed(f"{value} and\nmore")


def test_every_default_has_a_provider_and_says_what_it_expects() -> None:
    assert all(key.provider and key.expected and is_name(key.name) for key in DECLARED)
    assert len(BY_NAME) == len(DECLARED) == 10


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("ANTHROPIC_API_KEY", "an Anthropic key"),
        ("OPENAI_API_KEY", "an OpenAI key"),
        ("HF_TOKEN", "a Hugging Face key"),
        ("DATABASE_URL", "a database URL"),
        ("AWS_ACCESS_KEY_ID", "an AWS key's identifier"),
    ],
)
def test_a_title_has_its_article(name: str, title: str) -> None:
    assert BY_NAME[name].title == title


def test_no_key_shows_its_pattern() -> None:
    assert "compile" not in repr(DECLARED)


def test_further_names_are_tokens_of_nobody() -> None:
    keys = declared_keys(["MY_SERVICE_KEY", "OPENAI_API_KEY", "MY_SERVICE_KEY"])
    assert keys == (*DECLARED, DeclaredKey("MY_SERVICE_KEY", "", SecretKind.TOKEN, ""))
    assert keys[-1].is_well_formed("anything")
    assert not keys[-1].is_own("anything")


@pytest.mark.parametrize("name", ["", "1KEY", "MY-KEY", "MY KEY", "KEY=", "KEY\n", "SCHLÜSSEL", "K" * 101])
def test_a_name_that_no_variable_can_have_is_refused_in_one_line_without_it(name: str) -> None:
    with pytest.raises(DeclaredKeyError) as caught:
        declared_keys(["GOOD_NAME", name])
    assert str(caught.value).startswith("further key 2: got something that is not shown, expected ")
    assert "\n" not in str(caught.value)
    if len(name) > 4:
        assert name not in str(caught.value)


def test_too_many_names_are_refused() -> None:
    declared_keys(f"KEY_{number}" for number in range(MAX_EXTRA))
    with pytest.raises(DeclaredKeyError, match="more than 100 names"):
        declared_keys(f"KEY_{number}" for number in range(10**9))


@pytest.mark.parametrize(
    "name",
    [key.name for key in DECLARED] + ["DB_PASSWORD_2", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "lower_case"],
)
def test_a_usual_name_may_be_shown(name: str) -> None:
    assert may_show_name(name)


@pytest.mark.parametrize(
    "name",
    [value for _, value in OWN]
    + ["0123456789abcdef0123", "aBcDeFgHiJkLmNoPqRsTuV", "gsk_" + WORD[:40], "A" * 65, "two words", "", "é"],
)
def test_a_name_that_could_be_a_value_may_not(name: str) -> None:
    assert not may_show_name(name)


@given(st.text(st.characters(codec="ascii")))
def test_a_name_is_what_python_calls_an_ascii_identifier(text: str) -> None:
    assert is_name(text) == text.isidentifier()
