"""Names of secrets, and what is a secret under such a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.leaks.keywords import Kind, assignments, kind_of, logins, named_secret, options
from tests.core.secrets.leaks.fakes import chance, draw


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "dbPassword",
        "DB_PASSWORD",
        "db-password",
        "pwd",
        "passphrase",
        "user.passwd",
        "MYSQL_PWD",
        "password1",
    ],
)
def test_names_of_passwords(name: str) -> None:
    assert kind_of(name) is Kind.PASSWORD


@pytest.mark.parametrize(
    "name",
    ["secret", "token", "api_key", "apiKey", "APIKEY", "api-key", "client_secret", "SECRET_KEY",
     "auth_token", "access_key",
     "private_key", "Authorization", "credentials", "OPENAI_KEY", "connection_string", "github.token",
     "AccessToken"],
)  # fmt: skip
def test_names_of_other_secrets(name: str) -> None:
    assert kind_of(name) is Kind.TOKEN


@pytest.mark.parametrize(
    "name",
    ["key", "keys", "tokens", "max_tokens", "token_count", "TOKEN_URL", "password_hash", "pad_token",
     "eos_token", "next_token",
     "secret_name", "password_field", "tokenizer", "primary_key", "cache_key", "monkey", "public_key",
     "passport", "x", "", "_",
     "compass", "bypass", "author", "secretary", "pass_rate", "sort_key", "csrf_token"],
)  # fmt: skip
def test_names_of_none(name: str) -> None:
    assert kind_of(name) is Kind.NONE


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("password", "hunter2", "hunter2"),
        ("password", " hunter2 ", "hunter2"),
        ("api_key", "3f9a8c21d0", "3f9a8c21d0"),
        ("Authorization", "Bearer 3f9a8c21d0", "3f9a8c21d0"),
        ("authorization", "Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
        ("PINECONE_API_KEY", "3f9a8c21-d0b7-4e56-9a1f-2b8c7d6e5f40", "3f9a8c21-d0b7-4e56-9a1f-2b8c7d6e5f40"),
        ("secret", "kQzTbWnXrLpVyMsDhGfJcRtQ", "kQzTbWnXrLpVyMsDhGfJcRtQ"),
    ],
)
def test_a_value_under_such_a_name_is_a_secret(name: str, value: str, secret: str) -> None:
    span = named_secret(name, value)
    assert span is not None
    assert value[slice(*span)] == secret


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "changeme"), ("password", "Enter your password:"), ("password",
        "Password:"), ("password", "${PW}"),
        ("password", "/run/secrets/db"), ("password", "abc"), ("token", "hello"), ("token",
        "some_function_name"),
        ("token", "access_token"), ("api_key", "https://keys.example.org/v1"), ("secret",
        "module.attribute.name"),
        ("api_key", "api_key"),
        ("token", "AuthorizationCodeFlow"),
        ("secret", "quickbrownfoxjumpsoverthelazydog"),
        ("token", "<pad>"), ("password", "x" * 300), ("token",
        "a sentence of words 123"),
        ("color", "hunter2"), ("client_secret", "client-secret"), ("token", "https://a1b2c3d4e5f6.io/x"),
    ],
)  # fmt: skip
def test_a_placeholder_an_address_or_a_word_is_none(name: str, value: str) -> None:
    assert named_secret(name, value) is None


@given(st.integers(0, 10**9))
def test_a_random_value_under_the_name_of_a_key_is_a_secret(seed: int) -> None:
    value = draw(chance(seed), 20)
    span = named_secret("api_key", value)
    assert span == (0, 20) or any(
        word in value.lower() for word in ("xxxx", "sample", "lorem", "dummy", "insert")
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("password = 'hunter2'", ("password", "hunter2")),
        ('"api_key": "abc"', ("api_key", "abc")),
        ("token: abc.", ("token", "abc")),
        ("a?api_key=abc&x", ("api_key", "abc")),
        ("Authorization: Bearer abc", ("Authorization", "Bearer abc")),
        ("env['X'] = 'abc'", ("X", "abc")),
        ("x := 'abc'", ("x", "abc")),
        ("x => abc", ("x", "abc")),
        ("password: a&b,c;d", ("password", "a&b,c;d")),
        ("password: a&b, c", ("password", "a&b")),
        ("(password=a&b)", ("password", "a&b")),
        ("password=f(a)", ("password", "f(a)")),
        ("x?a=1&password=a;b&c=d", ("password", "a;b")),
        ("https://a.io/x?api_key=abc&x", ("api_key", "abc")),
        ("https://a.io/x?b=c?api_key=abc&x", ("api_key", "abc")),
        ("host=h,password=abc", ("password", "abc")),
    ],
)
def test_an_assignment_in_a_text(text: str, found: tuple[str, str]) -> None:
    name, start, end = next(each for each in assignments(text) if each[0] == found[0])
    assert (name, text[start:end]) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("curl -u user:a&b https://x.io", ["a&b"]),
        ('curl -s --user "user:a b"', ["a"]),
        ("curl --user=user:ab", ["ab"]),
        ('auth=("admin", "a b")', ["a b"]),
        ("docker run -u 1000:1000 x", []),
        ("curl https://x.io", []),
    ],
)
def test_a_login_in_a_text(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in logins(text)] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mysql --password a&b -h db", [("password", "a&b")]),
        ("x --api-key \"a b\" --token 'c'", [("api-key", "a b"), ("token", "c")]),
        ("x --password=a --password -h", []),
        ("a--password b ---token c", []),
    ],
)
def test_an_option_in_a_command_line(text: str, found: list[tuple[str, str]]) -> None:
    assert [(name, text[start:end]) for name, start, end in options(text)] == found


@pytest.mark.parametrize("value", ["getpass()", "getpass(", "os.environ[", "args.f(x)", "$(cat", "x[1]"])
def test_code_without_quotes_is_no_secret(value: str) -> None:
    assert named_secret("password", value, bare=True) is None


@given(st.text(max_size=300))
def test_assignments_lie_in_the_text_and_in_order(text: str) -> None:
    position = 0
    for name, start, end in assignments(text):
        assert name in text
        assert position <= start < end <= len(text)
        position = end
