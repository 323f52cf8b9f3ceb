"""The filter: no secret in any part of a record, in any spelling, and it never raises."""

import base64
import copy
import io
import json
import logging
import pickle
import sys
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.leaks.redact import UNREADABLE, Redactor
from core.secrets.log_filter import MAX_CHARACTERS, SecretFilter, extras, known_values
from core.secrets.source import Source, SourceKind, dotenv_source, process_source

CANARY = "kx8R2vWq/+Zt 4Ye"
# Letters that no word of a log has all of.
SECRETS = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S"], exclude_characters="•"),
    min_size=12,
    max_size=60,
)


def record(message: object, *args: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("name", logging.ERROR, "file.py", 7, message, args, None)
    vars(made).update(more)
    return made


def filtered(made: logging.LogRecord, *known: str) -> str:
    """Everything that a handler could write of a record."""
    assert SecretFilter(known).filter(made)
    return repr(vars(made)) + logging.Formatter("%(message)s").format(made)


def caught(error: BaseException) -> object:
    try:
        raise error
    except BaseException:  # noqa: BLE001 - it is what the test is about
        return sys.exc_info()


@pytest.mark.parametrize(
    "made",
    [
        record(CANARY),
        record("got %s", CANARY),
        record("got %(key)s", {"key": CANARY}),
        record(["a list", CANARY]),
        record("plain", exc_info=caught(ValueError(CANARY))),
        record("plain", exc_info=caught(KeyError(CANARY))),
        record("plain", exc_text=f"ValueError: {CANARY}"),
        record("plain", stack_info=f"Stack\n  {CANARY}"),
        record("plain", found=CANARY),
        record("plain", found={"key": [CANARY]}),
        record("%d", CANARY),
        record("%s %s", CANARY),
    ],
    ids=lambda made: f"{made.msg!s:.12} {extras(made)}",
)
def test_a_known_value_is_in_no_part_of_a_record(made: logging.LogRecord) -> None:
    assert CANARY not in filtered(made, CANARY)


def test_nor_in_the_causes_and_notes_of_an_exception() -> None:
    error = RuntimeError(f"first {CANARY}")
    error.add_note(f"noted {CANARY}")
    try:
        try:
            raise error
        except RuntimeError as cause:
            raise ValueError("second") from cause
    except ValueError:
        made = record("plain", exc_info=sys.exc_info())
    text = filtered(made, CANARY)
    assert CANARY not in text
    assert "ValueError: second" in text
    assert "RuntimeError: first" in text


def test_what_is_no_secret_stays_as_it_is() -> None:
    made = record("%s took %.1f s", "export", 1.25, batch=8, exc_info=caught(ValueError("no layer 'fc9'")))
    expected = "".join(traceback.format_exception(*made.exc_info)).rstrip()  # type: ignore[misc]
    SecretFilter([CANARY]).filter(made)
    assert (made.getMessage(), made.exc_text, vars(made)["batch"]) == ("export took 1.2 s", expected, "8")


@pytest.mark.parametrize(
    "spell",
    [
        str,
        lambda value: quote(value, safe=""),
        json.dumps,
        lambda value: base64.b64encode(f"user:{value}".encode()).decode(),
        lambda value: base64.b64encode(value.encode()).decode(),
    ],
    ids=["raw", "URL", "JSON", "base64 inside", "base64"],
)
def test_a_spelling_does_not_help(spell: object) -> None:
    spelled = spell(CANARY)  # type: ignore[operator]
    assert spelled.strip('"')[8:16] not in SecretFilter([CANARY]).clean(f"before {spelled} after")


@given(SECRETS, st.text(max_size=40), st.text(max_size=40))
def test_whatever_the_value_and_its_neighbors_it_does_not_get_past(
    value: str, before: str, after: str
) -> None:
    # A text that has dots itself may look as if it held the value.
    if value.strip() not in before + after:
        cleaned = SecretFilter([value]).clean(f"{before} {value.strip()} {after}")
        assert value.strip() not in cleaned


def test_a_providers_key_is_recognized_without_being_known() -> None:
    key = "ghp_" + "a1B2" * 9
    assert key not in SecretFilter().clean(f"cloning with {key}")


def test_a_color_before_a_key_does_not_hide_it() -> None:
    key = "ghp_" + "a1B2" * 9
    assert key not in SecretFilter().clean(f"cloning with \x1b[1;31m{key}\x1b[0m")


def test_every_line_of_a_value_counts() -> None:
    key = "first line of it\nsecond line of it\n"
    cleaned = SecretFilter([key]).clean("read 'second line of it'")
    assert "second line of it" not in cleaned


def test_a_value_inside_a_longer_one_leaves_nothing_of_it() -> None:
    cleaned = SecretFilter(["abcdef", "abcdef-0123456789"]).clean("x abcdef-0123456789 y")
    assert "0123456789" not in cleaned


def test_what_is_too_short_for_a_secret_is_left_alone() -> None:
    assert SecretFilter(["app"]).clean("the app starts") == "the app starts"


@pytest.mark.parametrize("offset", range(-20, 21, 4))
def test_a_long_text_is_cut_and_no_part_of_a_secret_is_left_at_the_cut(offset: int) -> None:
    for edge in (MAX_CHARACTERS, MAX_CHARACTERS + 8_000):
        text = "." * (edge + offset) + CANARY + "." * 50_000
        cleaned = SecretFilter([CANARY]).clean(text)
        assert len(cleaned) < MAX_CHARACTERS + 40
        assert cleaned.endswith(f"({len(text):,} characters)")
        assert not [start for start in range(len(CANARY) - 4) if CANARY[start : start + 4] in cleaned]


def test_nor_where_dots_have_made_the_text_shorter() -> None:
    cleaned = SecretFilter([CANARY]).clean("x" + CANARY * 4_000)
    assert not [start for start in range(len(CANARY) - 4) if CANARY[start : start + 4] in cleaned]


def test_a_record_that_cannot_be_formatted_is_logged_as_such() -> None:
    class Odd:
        def __str__(self) -> str:
            raise ValueError(CANARY)

    made = record("%s", Odd(), found=Odd())
    text = filtered(made)
    assert made.getMessage() == "a record that could not be formatted, of file.py:7 (ValueError)"
    assert vars(made)["found"] == "a value that could not be formatted (ValueError)"
    assert CANARY not in text


def test_what_cannot_be_searched_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: Redactor, _text: str) -> str:
        raise RecursionError

    monkeypatch.setattr(Redactor, "_once", broken)
    made = record("got %s", CANARY, exc_info=caught(ValueError(CANARY)))
    assert CANARY not in filtered(made, CANARY)
    assert made.getMessage() == UNREADABLE


def test_it_works_in_a_real_handler() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(SecretFilter([CANARY]))
    logger = logging.Logger("of its own")
    logger.addHandler(handler)
    try:
        raise ValueError(CANARY)
    except ValueError:
        logger.exception("got %s", CANARY, stack_info=True)
    assert CANARY not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_it_shows_and_gives_away_nothing() -> None:
    kept = SecretFilter([CANARY])
    assert repr(kept) == "SecretFilter()"
    for give in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            give(kept)


def test_known_values_are_those_of_the_declared_keys_in_every_source(tmp_path: Path) -> None:
    names = ["OPENAI_API_KEY", "MY_KEY", "PATH"]
    environment = {"OPENAI_API_KEY": "from the process", "MY_KEY": "of mine", "PATH": "/bin", "OTHER": "x"}
    (tmp_path / ".env").write_text("OPENAI_API_KEY=from the file\nHF_TOKEN=\nUNDECLARED=1\n")
    sources = [process_source(names, environment), dotenv_source(tmp_path / ".env")]
    assert sorted(known_values(sources, ["MY_KEY"])) == ["from the file", "from the process", "of mine"]
    assert known_values([Source(SourceKind.STREAMLIT, {})]) == []
