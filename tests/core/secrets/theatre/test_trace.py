"""A known value is found in whatever disguise a program gives it, and nothing else is taken for it."""

import base64
import json
import pickle
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.theatre.trace import shows

SECRETS = st.text(st.characters(codec="utf-8"), min_size=8, max_size=40)
AROUND = st.binary(max_size=20)
WORDS = st.text(st.characters(codec="utf-8"), max_size=20)


@given(SECRETS, AROUND, AROUND)
def test_it_is_found_as_it_is(secret: str, before: bytes, after: bytes) -> None:
    assert shows(before + secret.encode() + after, secret)


@given(SECRETS, AROUND, AROUND)
def test_it_is_found_in_base64_wherever_it_stands(secret: str, before: bytes, after: bytes) -> None:
    text = before + secret.encode() + after
    assert shows(base64.b64encode(text), secret)
    assert shows(base64.urlsafe_b64encode(text), secret)


@given(SECRETS, WORDS)
def test_it_is_found_in_a_url(secret: str, other: str) -> None:
    query = urllib.parse.urlencode({"q": other, "key": secret})
    path = urllib.parse.quote(secret)
    assert shows(query.encode(), secret)
    assert shows(f"/{path}/".encode(), secret)


def test_it_is_found_in_a_url_with_small_digits() -> None:
    assert shows(b"/?key=caf%c3%a9%2fcaf%c3%a9", "café/café")


@given(SECRETS, WORDS)
def test_it_is_found_in_json(secret: str, other: str) -> None:
    for ascii_only in (True, False):
        text = json.dumps({"other": other, "key": [f"Bearer {secret}!"]}, ensure_ascii=ascii_only)
        assert shows(text.encode(), secret)


@given(SECRETS)
def test_it_is_found_in_a_repr_and_in_a_pickle(secret: str) -> None:
    assert shows(repr({"key": secret}).encode(), secret) or {"'", '"'} & set(secret)
    assert shows(repr({"key": secret.encode()}).encode(), secret) or {"'", '"'} & set(secret)
    assert shows(pickle.dumps({"key": secret}), secret)


@pytest.mark.parametrize("data", [b"", b"canary-0123", b"canary-0123456789abcdeX", b"Y2FuYXJ5", b"%63anary"])
def test_something_else_is_not_taken_for_it(data: bytes) -> None:
    assert not shows(data, "canary-0123456789abcdef")


@given(st.binary(max_size=200))
def test_random_bytes_do_not_show_it(data: bytes) -> None:
    assert not shows(data, "canary-0123456789abcdef")
