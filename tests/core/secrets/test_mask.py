"""The mask: whatever the value, nothing shows but what the rule allows."""

import json
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.secrets.declared import SecretKind
from core.secrets.mask import DOTS, Masked, length_of, mask

ANYTHING = st.text(st.characters(), min_size=1)  # with lone surrogates too
PRINTING = string.ascii_letters + string.digits + string.punctuation
OPAQUE = string.ascii_letters + string.digits + "_-"
KNOWN_NAMES = ("type", "project_id", "private_key", "client_email")


def runs(text: str, size: int = 4) -> set[str]:
    return {text[start : start + size] for start in range(len(text) - size + 1)}


@given(ANYTHING, st.sampled_from(SecretKind), st.booleans(), st.booleans())
def test_no_kind_shows_four_characters_in_a_row_of_anything(
    value: str, kind: SecretKind, known: bool, owner: bool
) -> None:
    shown = mask(value, kind=kind, known=known, owner=owner).text
    assert shown.startswith(DOTS)
    rest = shown.removeprefix(DOTS)
    if rest and kind is SecretKind.TOKEN:
        assert rest == f"...{value[-5:]}"
        assert known
        assert owner
    elif rest:
        assert kind is SecretKind.PATH
        assert rest in {".json", ".pem", ".key"}


@given(ANYTHING, st.booleans())
def test_a_token_shows_nothing_to_others_and_nothing_of_an_unknown_form(value: str, flag: bool) -> None:
    assert mask(value, known=flag, owner=not flag).text == DOTS
    assert mask(value, known=False, owner=False).text == DOTS
    assert mask(value, kind=SecretKind.IDENTIFIER, known=True, owner=True).text == DOTS


@given(st.text(OPAQUE, min_size=24, max_size=200))
def test_the_owner_sees_the_end_of_a_long_known_token(value: str) -> None:
    if not value.startswith("-----"):
        assert mask(value, known=True, owner=True).text == f"{DOTS}...{value[-5:]}"


@given(st.text(OPAQUE, min_size=24, max_size=200), st.booleans())
def test_nobody_sees_the_end_of_a_token_of_unknown_form_or_of_somebody_elses(value: str, flag: bool) -> None:
    assert mask(value, known=flag, owner=not flag).text == DOTS


@given(st.text(PRINTING, max_size=23).filter(bool))
def test_the_owner_sees_nothing_of_a_short_one(value: str) -> None:
    assert mask(value, known=True, owner=True).text == DOTS


@pytest.mark.parametrize(
    "value",
    [
        "canary canary canary canary",
        "canarycanarycanary\ncanarycanary",
        "canarycanarycanarycanarycanary\n",
        "canarycanarycanarycanaryé",
        "canarycanarycanary\u200bcanarycanary",
        "https://canary.example.com/canary",
        '{"canary":"canarycanarycanary"}',
        "[1234567890123456789012345]",
        "-----BEGINcanarycanarycanary-----",
    ],
)
def test_the_owner_sees_nothing_of_what_is_no_opaque_token(value: str) -> None:
    assert mask(value, known=True, owner=True).text == DOTS


@given(st.data())
def test_two_tokens_with_one_end_and_about_one_length_look_alike(data: st.DataObject) -> None:
    tail = data.draw(st.text(OPAQUE, min_size=5, max_size=5))
    first, second = (data.draw(st.text(string.ascii_letters, min_size=19, max_size=34)) for _ in range(2))
    masks = {mask(head + tail, known=True, owner=True) for head in (first, second)}
    assert masks == {Masked(f"{DOTS}...{tail}", "24 to 39 characters")}


@given(
    scheme=st.sampled_from(["postgresql", "https", "mongodb+srv"]),
    user=st.text(st.characters()),
    password=st.text(st.characters()),
    path=st.text(st.characters()),
)
@example("postgresql", "app", "p@ss.example.com/", "db")
@example("postgresql", "us.er:5432/p", "x", "db")
@example("postgresql", "app", "12#x.example.com", "db")
@example("postgresql", "app", "x\\", "?password=canary")
@example("postgresql", "a.bc", "80", "@evil.example.com:99/")
def test_a_url_shows_where_it_leads_or_nothing(scheme: str, user: str, password: str, path: str) -> None:
    value = f"{scheme}://{user}:{password}@db.example.com:5432/{path}"
    shown = mask(value, kind=SecretKind.URL, known=True, owner=True).text
    assert shown in {DOTS, f"{scheme}://db.example.com:5432/{DOTS}"}


@given(user=st.text(OPAQUE), password=st.text(OPAQUE), path=st.text(OPAQUE), query=st.text(OPAQUE))
def test_a_well_formed_url_shows_where_it_leads(user: str, password: str, path: str, query: str) -> None:
    value = f"mysql://{user}:{password}@db.example.com/{path}?{query}"
    assert mask(value, kind=SecretKind.URL).text == f"mysql://db.example.com/{DOTS}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("redis://:canary@localhost:6379/0", f"redis://localhost:6379/{DOTS}"),
        ("https://canary@[2001:db8::1]:8443/x", f"https://[2001:db8::1]:8443/{DOTS}"),
        ("postgresql://10.0.0.7", f"postgresql://10.0.0.7/{DOTS}"),
        ("https://HOOKS.example.com/canary", f"https://hooks.example.com/{DOTS}"),
        # A lone word can be a password whose user and host are missing.
        ("postgresql://canary", DOTS),
        ("postgresql://app:canary/5432", DOTS),
        ("postgresql://app:canary@db.example.com:99999/x", DOTS),
        ("postgresql://app:canary@db.example.com:5432@x", DOTS),
        ("canary://db.example.com", DOTS),
        ("postgresql:canary", DOTS),
        ("sqlite:///canary.db", DOTS),
        ("mongodb://app:canary@a.example.com,b.example.com/x", DOTS),
        (" https://example.com", DOTS),
        ("https://example.com/x\n", DOTS),
        ("https://ex%61mple.com/", DOTS),
        ("https://b\u00fccher.example/", DOTS),
        ("https://[canary]/", DOTS),
        ("x" * 5_000, DOTS),
        ("https://example.com/" + "x" * 5_000, DOTS),
    ],
)
def test_a_url_that_is_not_surely_one_shows_nothing(value: str, shown: str) -> None:
    assert mask(value, kind=SecretKind.URL).text == shown


@given(
    names=st.sets(st.sampled_from(KNOWN_NAMES), min_size=1),
    others=st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), max_size=3, unique=True),
    value=st.text(),
)
def test_json_shows_the_names_that_everybodys_has_and_counts_the_others(
    names: set[str], others: list[tuple[str, str]], value: str
) -> None:
    shown = []
    for side in (0, 1):
        more = {f"other{place} {pair[side]}": value for place, pair in enumerate(others)}
        text = json.dumps(dict.fromkeys(names, f"{value}{side}") | more)
        shown.append(mask(text, kind=SecretKind.JSON).text)
    words = [name for name in KNOWN_NAMES if name in names]
    if others:
        words.append("1 other" if len(others) == 1 else f"{len(others)} others")
    assert shown == [f"JSON with {', '.join(words)}: {DOTS}"] * 2


@pytest.mark.parametrize(
    "value",
    [
        "canary",
        '"canary"',
        "[1, 2]",
        "{}",
        "{",
        "[" * 60_000,
        '{"a": ' * 10_000,
        '{"type": "canary"' + " " * 70_000 + "}",
    ],
)
def test_json_that_is_no_table_or_too_much_shows_nothing(value: str) -> None:
    assert mask(value, kind=SecretKind.JSON).text == DOTS


@given(st.text(st.characters()))
def test_pem_shows_its_label(body: str) -> None:
    value = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\n"
    assert mask(value, kind=SecretKind.PEM).text == f"RSA PRIVATE KEY {DOTS}"


@pytest.mark.parametrize(
    "value",
    [
        "-----BEGIN CANARY-----\nx\n-----END CANARY-----",
        "-----BEGIN PRIVATE KEY-----\ncanary",
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END EC PRIVATE KEY-----",
        "canary",
        "-----BEGIN PRIVATE KEY-----" + "x" * 2**18 + "-----END PRIVATE KEY-----",
    ],
)
def test_pem_with_another_label_or_without_an_end_shows_nothing(value: str) -> None:
    assert mask(value, kind=SecretKind.PEM).text == DOTS


@given(ANYTHING, st.sampled_from(["", ".json", ".pem", ".key"]))
def test_a_path_shows_its_ending_if_that_is_a_usual_one(start: str, suffix: str) -> None:
    value = f"{start}/{suffix}"
    assert mask(value, kind=SecretKind.PATH).text == f"{DOTS}{suffix}"
    assert mask(f"{value}.canary", kind=SecretKind.PATH).text == DOTS
    assert mask("/home/ada/KEY.JSON", kind=SecretKind.PATH).text == f"{DOTS}.json"


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "empty"),
        (1, "1 to 7 characters"),
        (7, "1 to 7 characters"),
        (8, "8 to 15 characters"),
        (16, "16 to 23 characters"),
        (24, "24 to 39 characters"),
        (39, "24 to 39 characters"),
        (40, "40 to 79 characters"),
        (80, "80 to 159 characters"),
        (160, "160 or more characters"),
        (2**20, "160 or more characters"),
    ],
)
def test_a_length_is_a_range(size: int, words: str) -> None:
    assert length_of("x" * size) == words
    assert mask("x" * size).length == words


@pytest.mark.parametrize("kind", SecretKind)
def test_an_empty_value_has_nothing_to_show(kind: SecretKind) -> None:
    assert mask("", kind=kind, known=True, owner=True) == Masked("", "empty")


@pytest.mark.parametrize("kind", SecretKind)
@pytest.mark.parametrize("value", ["canary", "canary" * 200_000])
def test_the_dots_have_one_width_whatever_the_length(kind: SecretKind, value: str) -> None:
    assert mask(value, kind=kind).text == DOTS == "•" * 8
    assert not runs(value) & runs(mask(value, kind=kind).text)
