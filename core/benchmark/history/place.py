"""Where the history's database is, read from its address, and what of it may be said aloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from core.benchmark.history.lines import clean
from core.benchmark.history.run import HistoryError

FILE_NAME: Final = "history.sqlite3"
CONNECT_SECONDS: Final = 3
"""How long a connection may take to be there."""
_SECRETS: Final = frozenset({"password", "sslpassword", "passfile", "sslkey"})
_REASONS: Final = MappingProxyType(
    {
        "authentication failed": "it refuses the user or the password",
        "no password supplied": "it wants a password",
        "translate host name": "its host is not known",
        "resolve host": "its host is not known",
        "service not known": "its host is not known",
        "connection refused": "nothing answers at its address",
        "no such file or directory": "nothing answers at its address",
        "starting up": "it is starting",
        "shutting down": "it is shutting down",
        "too many": "it has too many connections",
        "timeout": "it gives no answer in time",
        "timed out": "it gives no answer in time",
        "within": "it gives no answer in time",
        "no space left": "its disk is full",
        "permission denied": "it does not allow that",
        "does not exist": "the database or a table does not exist",
        "already exists": "other tables of these names are in it",
        "newer version": "its tables are of a newer version of this app",
        "closed the connection": "the connection broke",
        "connection is lost": "the connection broke",
        "terminating connection": "the connection broke",
        "not a database": "the file is none of SQLite's, or is damaged",
        "malformed": "the file is damaged",
        "no such table": "the file is of another program, or is damaged",
        "no such column": "the file is of another program, or is damaged",
        "locked": "another program holds it",
        "readonly": "it may only be read",
        "read-only": "it may only be read",
        "unable to open": "the file cannot be opened",
    }
)
"""What drivers and databases say, in small letters, and what a visitor is told: no host, no user, no path."""
_EXPECTED: Final = (
    "The address of the database cannot be read: expected postgresql://user:password@host:port/name, with "
    "%-codes for signs such as @ and / in the password, or sqlite:///file; or none, for a file of the app's "
    "own."
)


@dataclass(frozen=True)
class Place:
    """A database.

    Attributes:
        url: for SQLAlchemy.
        name: in words for a visitor: no address, no user.
        arguments: for the driver.
        secrets: what no message may hold.
    """

    url: URL = field(repr=False)
    name: str
    arguments: Mapping[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for a server."""
        return Path(self.url.database or "") if self.url.drivername == "sqlite" else None

    def reason(self, error: BaseException) -> str:
        """Why it cannot be used, for a visitor; the log has `in_words`."""
        said = self.in_words(error).lower()
        why = next((words for sign, words in _REASONS.items() if sign in said), "the log has what it said")
        return f"{self.name} cannot be used: {why}"

    def in_words(self, error: BaseException) -> str:
        """What an error says, on one line, without secrets."""
        said = str(getattr(error, "orig", None) or error)
        for secret in self.secrets:
            said = said.replace(secret, "***")
        return clean(said, 300) or type(error).__name__


def read_place(url: str | None, folder: Path) -> Place:
    """The database of an address; none is SQLite in the folder.

    Raises:
        HistoryError: if it is no address of SQLite or PostgreSQL; of the address, nothing is in the error.
    """
    if not url:
        return _sqlite(URL.create("sqlite", database=str(folder / FILE_NAME)))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    # Out of the block, so that the error has no context: the address may be in it.
    kind = parsed.drivername.partition("+")[0] if parsed is not None else ""
    if parsed is not None and parsed.drivername == "sqlite" and parsed.database:
        return _sqlite(parsed)
    if parsed is not None and kind in {"postgresql", "postgres"}:
        return _postgresql(parsed.set(drivername="postgresql+psycopg"), url)
    raise HistoryError(_EXPECTED)


def _sqlite(url: URL) -> Place:
    return Place(url, "SQLite", {"timeout": CONNECT_SECONDS}, ())


def _postgresql(url: URL, written: str) -> Place:
    """The database of a server; `written` is its address as it came."""
    arguments = {"connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8", "tcp_user_timeout": 3_000}
    raw = written.partition("://")[2].rpartition("@")[0].partition(":")[2]
    found = [url.password or "", raw, unquote(raw)]
    for name, value in url.query.items():
        if name in _SECRETS:
            found += [value] if isinstance(value, str) else value
    # What contains another is taken away first.
    secrets = sorted({each for each in found if each}, key=len, reverse=True)
    left = {name: value for name, value in arguments.items() if name not in url.query}
    return Place(url, "PostgreSQL", left, tuple(secrets))
