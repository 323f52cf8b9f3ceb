"""Databases to keep a history in: SQLite, and a PostgreSQL server that is started once for all tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.benchmark.history import Bounds, History, database, outage, store
from core.benchmark.history.database import Database
from core.benchmark.history.place import read_place
from tests.core.benchmark.history.postgres import Postgres

Open = Callable[..., History]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


@pytest.fixture
def open_at(tmp_path: Path) -> Iterator[Open]:
    """Opens histories at an address, all of which are closed in the end."""
    opened: list[History] = []

    def open_one(url: str | None, folder: Path | None = None, bounds: Bounds | None = None) -> History:
        opened.append(History(url, folder or tmp_path / "data", bounds=bounds))
        return opened[-1]

    yield open_one
    for history in opened:
        history.close()


@pytest.fixture
def empty(postgres: Postgres) -> str:
    """The address of a new database of the server."""
    return postgres.new_database(f"test_{secrets.token_hex(6)}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return None
    address: str = request.getfixturevalue("empty")
    return address


@pytest.fixture
def history(url: str | None, open_at: Open) -> History:
    """An empty history in each kind of database."""
    return open_at(url)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away is tried again soon."""
    for module in (outage, store):
        monkeypatch.setattr(module, "PAUSE_SECONDS", 0.5)
    monkeypatch.setattr(database, "ANSWER_SECONDS", 2.0)


@pytest.fixture
def opened(url: str | None, tmp_path: Path) -> Iterator[Database]:
    """A new database of each kind."""
    database = Database(read_place(url, tmp_path / "data"))
    yield database
    database.close()
