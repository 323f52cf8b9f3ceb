"""The state of a value: what is a placeholder, and what is not."""

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.secrets.state import KeyState, classify


@pytest.mark.parametrize(
    "value",
    [
        "your-key-here",
        "YOUR_API_KEY",
        "your openai key",
        "sk-your-key-here",
        "my-secret-key",
        "changeme",
        "Change-Me",
        "change_this",
        "replace_me",
        "replace-with-your-key",
        "insert-your-token-here",
        "enter_key_here",
        "xxx",
        "XXXXXXXXXXXXXXXX",
        "xxxx-xxxx-xxxx",
        "********",
        "00000000",
        "...",
        "sk-...",
        "sk-proj-...",
        "sk-ant-…",
        "sk-xxxxxxxxxxxxxxxxxxxx",
        "sk-ant-api03-xxxxxxxx",
        "hf_xxxxxxxx",
        "hf_...",
        "sk-",
        "<your key>",
        "<token>",
        "[YOUR-PASSWORD]",
        "{{ api_key }}",
        "TODO",
        "tbd",
        "FIXME",
        "example",
        "example-key",
        "dummy_token",
        "fake-key",
        "placeholder",
        "test-api-key",
        "none",
        "null",
        "secret",
        "password",
        "1234567890",
        "abcdef",
        '"your-key-here"',
        " changeme ",
        "AK" + "IAIOSFODNN7" + "EXAMPLE",
        "/path/to/key.json",
        "path/to/service-account.json",
        "postgresql://user:password@host:5432/name",
        "postgresql://username:pass@hostname/db",
        "postgresql://postgres:[YOUR-PASSWORD]@db.abc.example.com:5432/postgres",
        "postgresql://app:<password>@db.example.com/app",
    ],
)
def test_a_placeholder_is_recognized(value: str) -> None:
    assert classify(value) is KeyState.PLACEHOLDER


@pytest.mark.parametrize(
    "value",
    [
        "sk-" + "proj-" + "canary-" * 8,
        "AK" + "IA" + "CANARYCANARYCANA",
        "correct-horse-battery-staple",
        "my-dog-likes-bones",
        "postgresql://app:canary@db.example.com:5432/app",
        "postgresql://user:password@db.internal:5432/app",
        "/run/secrets/service-account.json",
        "todolist-canary-7",
        "hunter2",
        "exampled7f3a",
        '{"type": "service_account"}',
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
        "aaab",
        "x",
    ],
)
def test_a_value_is_set(value: str) -> None:
    assert classify(value) is KeyState.SET


@given(st.binary(min_size=18, max_size=200))
def test_a_random_token_is_no_placeholder(data: bytes) -> None:
    assume(len(set(data)) > 8)
    assert classify(base64.urlsafe_b64encode(data).decode()) is KeyState.SET


def test_what_is_not_there_is_not_set() -> None:
    assert classify(None) is KeyState.NOT_SET
    assert classify("") is KeyState.EMPTY


@given(st.text(" \t\r\n\u00a0\u2003\u200b\ufeff\u2060", min_size=1))
def test_spaces_and_what_has_no_width_are_blank(value: str) -> None:
    assert classify(value) is KeyState.BLANK


@given(st.text(st.characters()))
def test_any_text_has_a_state(value: str) -> None:
    assert classify(value) is not KeyState.NOT_SET


@pytest.mark.parametrize("value", ["a-" * 500_000, "your-" * 200_000, "x" * 1_000_000, " " * 1_000_000 + "x"])
def test_a_huge_value_has_a_state(value: str) -> None:
    assert classify(value) in {KeyState.SET, KeyState.PLACEHOLDER}
