"""No canary gets past: raw, URL-encoded, in base64 at each of three places, in hexadecimal, escaped."""

import base64
import copy
import html
import json
import pickle
import string
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.secrets.leaks.redact import LEAST_LENGTH, UNREADABLE, Redactor, redact
from tests.core.secrets.leaks.fakes import KEYS, SHAPES, anthropic, chance, draw, openai

DOTS = "•" * 8
ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": lambda value: value,
    "URL": lambda value: quote(value, safe=""),
    "URL path": quote,
    "URL form": quote_plus,
    "URL in lower case": lambda value: "".join(
        f"%{byte:02x}" if chr(byte) not in string.ascii_letters + string.digits + "_.-~" else chr(byte)
        for byte in value.encode()
    ),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 of a URL": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "base64, one behind": lambda value: base64.b64encode(b"a" + value.encode() + b"b").decode(),
    "base64, two behind": lambda value: base64.b64encode(b"ab" + value.encode() + b"cd").decode(),
    "base64, three behind": lambda value: base64.b64encode(b"abc" + value.encode() + b"d").decode(),
    "hexadecimal": lambda value: value.encode().hex(),
    "JSON": lambda value: json.dumps(value)[1:-1],
    "JSON without escapes": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda value: json.dumps(json.dumps(value))[3:-3],
    "a literal": lambda value: repr(value)[1:-1],
    "HTML": html.escape,
}
CANARIES = st.text(
    st.characters(codec="utf-8", exclude_characters="•", exclude_categories=["Cs"]), min_size=8, max_size=60
)
LINES = st.text(st.sampled_from("ab1 =%&/+-_\"'\\•\né"), max_size=40)


@pytest.mark.parametrize("name", ENCODINGS)
@given(canary=CANARIES, before=LINES, after=LINES)
@settings(max_examples=60, deadline=None)
def test_no_canary_gets_past(name: str, canary: str, before: str, after: str) -> None:
    form = ENCODINGS[name](canary)
    # What a neighbor's bits are part of may stay: it says less than a byte.
    core = form.rstrip("=")[4:-4] if "base64" in name else form
    found = redact(f"{before}{form}{after}", [canary])
    assert core not in found.replace("•", "\0") or core in (before + after)
    assert DOTS in found


@given(st.text(max_size=200), st.lists(st.text(max_size=20), max_size=4))
@settings(max_examples=300, deadline=None)
def test_it_never_raises_and_is_done_when_it_is_done(text: str, known: list[str]) -> None:
    once = redact(text, known)
    assert redact(once, known) == once
    for value in known:
        for part in value.split("•"):
            if len(part) >= LEAST_LENGTH and once != UNREADABLE:
                assert part not in once


@given(
    st.text(st.sampled_from("abcd•"), max_size=40),
    st.lists(st.text(st.sampled_from("abcd•"), max_size=6), max_size=3),
)
@settings(max_examples=500, deadline=None)
def test_dots_in_a_known_value_do_no_harm(text: str, known: list[str]) -> None:
    once = redact(text, known)
    assert redact(once, known) == once


@pytest.mark.parametrize("make", KEYS, ids=lambda make: make.__name__)
@given(seed=st.integers(0, 10**6), before=st.sampled_from(["", "key=", "'", "\\n", "%3D", "a: "]))
@settings(max_examples=20, deadline=None)
def test_a_providers_key_becomes_dots_though_nobody_knows_it(
    make: Callable[..., str], seed: int, before: str
) -> None:
    key = make(chance(seed))
    assert redact(f"{before}{key} and more") in {f"{before}{DOTS} and more", f"{DOTS} and more"}
    for name in ("URL", "JSON", "base64", "base64 of a URL"):
        for neighbor in ("", ":", "a:", "ab "):
            form = ENCODINGS[name](f"{neighbor}{key}{neighbor[::-1]}")
            assert form[8:-8] not in redact(f"x {form} y")


@pytest.mark.parametrize("key", SHAPES)
def test_every_shape_becomes_dots(key: str) -> None:
    text, secret = SHAPES[key](chance(1))
    assert secret not in redact(text)
    assert DOTS in redact(text)
    assert secret not in redact(quote(text, safe=""))


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "path/to/", "x_"])
def test_a_key_in_base64_is_found_wherever_its_word_begins(before: str) -> None:
    key = openai(chance(2))
    form = base64.b64encode(f"user:{key}".encode()).decode()
    assert form[8:-8] not in redact(f"GET /{before}{form} 200")


def test_a_key_in_a_basic_authorization_is_found_in_its_base64() -> None:
    key = anthropic(chance(1))
    header = base64.b64encode(f"user:{key}".encode()).decode()
    assert redact(f"Authorization: Basic {header}") == f"Authorization: Basic {DOTS}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GET /hooks?layer=0&batch=8 200 in 12.3 ms",
        "Traceback (most recent call last):",
        "UTH_DATABASE_URL: expected sqlite:///file or postgresql://user:password@host:port/name",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "a/rather/long/path/to/some/module/of/this/app.py",
        f"{DOTS} is a mask",
    ],
)
def test_an_ordinary_line_stays_as_it_is(text: str) -> None:
    assert redact(text, ["hunter2"]) == text


def test_a_short_value_is_left_in() -> None:
    assert redact("a b c", ["a", ""]) == "a b c"
    assert redact("abcd", ["abcd"]) == DOTS


def test_a_value_within_another_leaves_no_rest() -> None:
    assert redact("x hunter2extra y", ["hunter2", "hunter2extra"]) == f"x {DOTS} y"


def test_a_redactor_shows_nothing_and_cannot_be_copied_out() -> None:
    redactor = Redactor([openai(chance(1)), "hunter2"])
    assert repr(redactor) == "Redactor()"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(redactor)
    with pytest.raises(TypeError, match="cannot be pickled"):
        copy.deepcopy(redactor)


def test_what_cannot_be_known_is_not_shown() -> None:
    assert redact("text", [3]) == UNREADABLE  # type: ignore[list-item]
    assert redact(3) == UNREADABLE  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["%" * 10_000, "a%" * 5_000, "a" * 10_000 + "%41",
     "%41" * 3_000, draw(chance(1), 10_000), "sk-" * 3_000, "://" * 3_000,
     "\ud800" * 100, "=" * 10_000, "A" * 10_001, "postgresql://a:" * 700, "•" * 10_000],
)  # fmt: skip
def test_a_hostile_line_is_redacted(text: str) -> None:
    found = redact(text, ["hunter2", "\ud800xyz"])
    assert redact(found, ["hunter2", "\ud800xyz"]) == found
