"""What stands for a secret is told from one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.leaks.placeholders import is_example, is_placeholder
from tests.core.secrets.leaks.fakes import chance, draw

PLACEHOLDERS = [
    "", " ", "your-key-here", "YOUR_API_KEY", "<your key>", "<TOKEN>", "sk-...", "xxxx", "XXXXXXXX",
    "changeme",
    "change-me", "change_this", "${API_KEY}", "$API_KEY", "${API_KEY:-none}", "{{ api_key }}", "{api_key}",
    "%API_KEY%",
    "%(password)s", "%s", "{}", 'os.getenv("API_KEY")', "os.environ['API_KEY']", "process.env.API_KEY",
    'st.secrets["key"]', "password", "Password", "secret", "my-secret", "my_secret_token", "API_KEY",
    "test", "test123",
    "example", "an-example-key", "placeholder", "dummy", "fake-key", "todo", "TODO", "None", "null", "true",
    "********",
    "••••••••", "0000000000", "aaaa", "abcdefgh", "1234567890", "123456", "insert-key-here", "replace_me",
    "redacted",
    "none", "admin", "postgres", "hf_your_token", "the password",
]  # fmt: skip
SECRETS = ["hunter2", "correct horse", "S3cr3t!pw", "tr0ub4dor&3", "letmein99x", "Xk29fQ", "p@ss!w0rd#9"]


@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_a_placeholder_is_one(value: str) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize("value", SECRETS)
def test_a_secret_is_none(value: str) -> None:
    assert not is_placeholder(value)


@given(st.integers(0, 10**9))
def test_a_random_key_is_none(seed: int) -> None:
    value = draw(chance(seed), 40)
    words = (
        "example",
        "sample",
        "xxxx",
        "dummy",
        "lorem",
        "your",
        "fake",
        "todo",
        "insert",
        "replace",
        "redacted",
    )
    assert not is_placeholder(value) or any(word in value.lower() for word in words)
    assert not is_example(value) or any(word in value.lower() for word in words)


@given(st.text(max_size=300))
def test_any_text_is_one_or_the_other(value: str) -> None:
    assert is_placeholder(value) in {True, False}
