"""Where the database is: read from its address, of which nothing secret is ever said."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.benchmark.history import History, HistoryError, Saved
from core.benchmark.history.place import CONNECT_SECONDS, FILE_NAME, read_place
from tests.core.benchmark.history import made
from tests.core.benchmark.history.conftest import Open

FOLDER = Path("/some/folder")


@pytest.mark.parametrize(
    "url",
    ["mysql://a:canary@b/c", "postgresql", "canary", "postgresql://u:p@ss:canary@h:x/d", "sqlite://", "://"],
)
def test_an_address_of_no_database_that_is_known_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"cannot be read: expected postgresql://") as caught:
        History(url, tmp_path)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_an_address_may_name_a_file_of_sqlite(tmp_path: Path, open_at: Open) -> None:
    history = open_at(f"sqlite:///{tmp_path}/elsewhere/runs.db")
    run = made.run()
    assert history.add(run) is Saved.WRITTEN
    assert (tmp_path / "elsewhere" / "runs.db").exists()


@pytest.mark.parametrize("url", [None, ""])
def test_no_address_is_a_file_in_the_folder(url: str | None) -> None:
    place = read_place(url, FOLDER)
    assert (place.name, place.file, place.secrets) == ("SQLite", FOLDER / FILE_NAME, ())
    assert dict(place.arguments) == {"timeout": CONNECT_SECONDS}


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+asyncpg"])
def test_a_server_is_spoken_to_by_the_one_driver(scheme: str) -> None:
    place = read_place(f"{scheme}://user:word@host:5433/name", FOLDER)
    assert (place.url.drivername, place.name, place.file) == ("postgresql+psycopg", "PostgreSQL", None)
    found = (place.url.username, place.url.host, place.url.port, place.url.database)
    assert found == ("user", "host", 5433, "name")


def test_what_an_address_says_of_time_and_encoding_counts() -> None:
    usual = read_place("postgresql://u:p@h/n", FOLDER)
    assert usual.arguments["connect_timeout"] == CONNECT_SECONDS
    told = read_place("postgresql://u:p@h/n?connect_timeout=9", FOLDER)
    assert set(usual.arguments) - set(told.arguments) == {"connect_timeout"}
    assert told.url.query["connect_timeout"] == "9"


WORDS = "cannot log in: [***]"
# None of the message's own signs: a secret that is one would be taken out of it too.
secrets = st.text(min_size=1, max_size=20).filter(
    lambda text: text.isprintable() and not set(text) & set(WORDS)
)


@given(secrets, secrets)
def test_no_message_has_a_secret_however_it_is_written(password: str, key: str) -> None:
    address = f"postgresql://user:{quote(password, safe='')}@host/name?sslpassword={quote(key, safe='')}"
    place = read_place(address, FOLDER)
    assert place.url.password == password
    for secret in (password, quote(password, safe=""), key):
        said = place.in_words(RuntimeError(f"cannot log in: [{secret}]"))
        assert said == WORDS
    assert place.reason(RuntimeError(password)).startswith("PostgreSQL cannot be used: ")


def test_a_place_is_printed_without_its_address() -> None:
    shown = repr(read_place("postgresql://user:canary@host/name?sslpassword=c4nary", FOLDER))
    assert shown == "Place(name='PostgreSQL')"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('FATAL:  password authentication failed for user "u"', "it refuses the user or the password"),
        ('could not translate host name "h" to address', "its host is not known"),
        ('connection to server at "h" failed: Connection refused', "nothing answers at its address"),
        ("connection timeout expired", "it gives no answer in time"),
        ('FATAL:  database "n" does not exist', "the database or a table does not exist"),
        ("FATAL:  the database system is starting up", "it is starting"),
        ("FATAL:  sorry, too many clients already", "it has too many connections"),
        ("server closed the connection unexpectedly", "the connection broke"),
        ("database is locked", "another program holds it"),
        ("database disk image is malformed", "the file is damaged"),
        ("attempt to write a readonly database", "it may only be read"),
        ("unable to open database file", "the file cannot be opened"),
        ("something new", "the log has what it said"),
    ],
)
def test_what_drivers_say_is_a_reason_without_names(said: str, why: str) -> None:
    place = read_place("postgresql://u:canary@h/n", FOLDER)
    assert place.reason(RuntimeError(said)) == f"PostgreSQL cannot be used: {why}"


def test_an_error_without_words_is_called_by_its_name() -> None:
    assert read_place(None, FOLDER).in_words(TimeoutError()) == "TimeoutError"
