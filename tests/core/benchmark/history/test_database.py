"""The database works or says in one line why it does not, and never a password; nobody waits for long."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select
from sqlalchemy.engine import Engine

from core.benchmark.history import Bounds, HistoryError, Saved, queries
from core.benchmark.history.database import AwayError, Database, RefusedError
from core.benchmark.history.document import pack
from core.benchmark.history.lines import line_of
from core.benchmark.history.place import FILE_NAME, read_place
from core.benchmark.history.schema import RUNS
from tests.core.benchmark.history import made
from tests.core.benchmark.history.conftest import Open
from tests.core.benchmark.history.postgres import PASSWORD, Postgres
from tests.core.benchmark.history.waits import wait_until

CANARY = "c4n4ry@/:%"
pytestmark = pytest.mark.usefixtures("short_pauses")


def listen_to_all(caplog: pytest.LogCaptureFixture) -> None:
    """Has everybody log all they can; the libraries below keep to themselves unless they are asked."""
    for name in (None, "sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "psycopg", "alembic"):
        caplog.set_level(logging.DEBUG, name)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"password": CANARY}, "it refuses the user or the password"),
        ({"host": "no-such-host.invalid"}, "its host is not known"),
        ({"database": "no such database"}, "the database or a table does not exist"),
    ],
)
def test_a_server_that_takes_no_connection_says_why_and_never_the_password(
    postgres: Postgres,
    change: dict[str, str],
    why: str,
    open_at: Open,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    listen_to_all(caplog)
    address = postgres.url(**{"password": PASSWORD} | change)
    history = open_at(address)
    run = made.run()
    assert history.add(run) is Saved.KEPT
    assert history.runs(None)[0].id == run.id
    assert history.problem == (
        f"PostgreSQL cannot be used: {why}. 1 run waits in a file, to be written when that is over."
    )
    with pytest.raises(HistoryError) as caught:
        history.delete(run.id, None)
    chain = [caught.value, caught.value.__context__, caught.value.__cause__]
    said = [history.problem, repr(history), str(history), caplog.text, *map(repr, chain)]
    said += traceback.format_exception(caught.value)
    said += [f"{record.__dict__}" for record in caplog.records]
    said += [repr(vars(part)) for part in (history, history._database)]
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (PASSWORD, CANARY, "c4n4ry", "kan@rie", "kan%40rie"):
        assert not any(secret in text for text in said)
        assert secret.encode() not in kept
    assert chain[1:] == [None, None]
    assert caplog.records


def test_a_database_that_works_never_says_its_password(
    empty: str, open_at: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    listen_to_all(caplog)
    history = open_at(empty)
    run = made.run(owner="t0ken")
    assert history.add(run) is Saved.WRITTEN
    assert history.get(run.id) == run
    assert "INSERT INTO benchmark_runs" in caplog.text
    said = [
        caplog.text,
        repr(history),
        repr(vars(history)),
        *(f"{record.__dict__}" for record in caplog.records),
    ]
    for secret in (PASSWORD, "kan@rie", "kan%40rie", "t0ken"):
        assert not any(secret in text for text in said)
    assert not list((tmp_path / "data").rglob("*"))


def test_a_secret_in_the_driver_s_own_words_is_taken_out(
    postgres: Postgres, open_at: Open, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    def connect(*_: object, **arguments: object) -> object:
        raise psycopg.OperationalError(f"cannot connect with {arguments['password']}, sorry")

    monkeypatch.setattr(psycopg.Connection, "connect", connect)
    monkeypatch.setattr(psycopg, "connect", connect)
    history = open_at(postgres.url(password=CANARY))
    assert history.add(made.run()) is Saved.KEPT
    assert "cannot connect with ***, sorry" in caplog.text
    assert CANARY not in caplog.text + history.problem


def test_a_connection_that_never_comes_is_not_waited_for(
    open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    over = threading.Event()
    closed = threading.Event()

    class Late:
        def close(self) -> None:
            closed.set()

    def connect(*_: object, **__: object) -> Any:  # noqa: ANN401 - a connection, as far as anyone knows
        over.wait(60)
        return Late()

    monkeypatch.setattr(psycopg.Connection, "connect", connect)
    monkeypatch.setattr(psycopg, "connect", connect)
    history = open_at("postgresql://u:p@localhost/d")
    assert history.runs(None) == []
    assert history.problem == "PostgreSQL cannot be used: it gives no answer in time."
    over.set()
    assert closed.wait(30)


def test_a_file_that_is_no_database_says_so_and_runs_wait(open_at: Open, tmp_path: Path) -> None:
    file = tmp_path / "data" / FILE_NAME
    file.parent.mkdir()
    file.write_bytes(b"not a database, " * 500)
    history = open_at(None)
    run = made.run()
    assert history.add(run) is Saved.KEPT
    assert history.get(run.id) == run
    assert history.problem == (
        "SQLite cannot be used: the file is none of SQLite's, or is damaged. "
        "1 run waits in a file, to be written when that is over."
    )
    assert file.read_bytes() == b"not a database, " * 500
    file.unlink()
    wait_until(lambda: history.pending == 0)
    assert [line.id for line in history.runs(None)] == [run.id]


def test_tables_of_another_program_are_left_alone(open_at: Open, tmp_path: Path) -> None:
    file = tmp_path / "data" / FILE_NAME
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE benchmark_runs (mine TEXT)")
        connection.execute("INSERT INTO benchmark_runs VALUES ('precious')")
        connection.commit()
    history = open_at(None)
    assert history.add(made.run()) is Saved.KEPT
    assert history.problem.startswith("SQLite cannot be used: other tables of these names are in it.")
    history.close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT * FROM benchmark_runs").fetchall() == [("precious",)]


def test_a_damaged_file_says_so_and_runs_wait(open_at: Open, tmp_path: Path) -> None:
    first = open_at(None)
    for _ in range(30):
        first.add(made.run())
    first.close()
    file = tmp_path / "data" / FILE_NAME
    with file.open("r+b") as content:
        content.seek(4096)
        content.write(os.urandom(file.stat().st_size - 4096))
    history = open_at(None)
    assert history.add(made.run()) is Saved.KEPT
    assert "damaged" in history.problem
    assert "\n" not in history.problem


def test_a_full_disk_under_sqlite_is_one_clear_line_and_loses_nothing(open_at: Open) -> None:
    history = open_at(None)
    runs = [made.run() for _ in range(5)]
    for run in runs:
        history.add(run)
    history.close()
    pages: list[int] = []

    def no_more_pages(connection: sqlite3.Connection, _: object) -> None:
        pages.append(connection.execute("PRAGMA page_count").fetchone()[0])
        connection.execute(f"PRAGMA max_page_count = {pages[0] + 1}")

    def add_many(count: int) -> None:
        for _ in range(count):
            runs.append(made.run())
            history.add(runs[-1])

    event.listen(Engine, "connect", no_more_pages)
    try:
        with pytest.raises(HistoryError, match=r"^The disk is full: this run is not kept") as caught:
            add_many(20)
    finally:
        event.remove(Engine, "connect", no_more_pages)
    runs.pop()
    assert caught.value.__context__ is None
    assert history.pending == 0
    assert [line.id for line in history.runs(None)] == [run.id for run in reversed(runs)]
    assert all(history.get(run.id) == run for run in runs)
    history.close()
    assert history.add(made.run()) is Saved.WRITTEN


def test_a_database_that_someone_deletes_is_begun_anew(tmp_path: Path, open_at: Open) -> None:
    history = open_at(None)
    history.add(made.run())
    for file in (tmp_path / "data").glob("history*"):
        file.unlink()
    run = made.run()
    assert history.add(run) is Saved.WRITTEN
    history.close()
    assert [line.id for line in open_at(None).runs(None)] == [run.id]


def test_sqlite_is_set_to_survive(tmp_path: Path, open_at: Open) -> None:
    history = open_at(None)
    history.add(made.run())

    def pragmas(connection: Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}

    found = history._database.run(pragmas)
    assert found == {"journal_mode": "wal", "synchronous": 3, "foreign_keys": 1, "busy_timeout": 3_000}
    assert (tmp_path / "data" / FILE_NAME).stat().st_size > 0


def count(database: Database) -> int:
    return database.run(lambda one: one.execute(select(func.count()).select_from(RUNS)).scalar_one())


def add(run: made.Run) -> Callable[[Connection], bool]:
    return partial(queries.insert, line=line_of(run), data=pack(run), bounds=Bounds())


def test_work_that_fails_half_way_leaves_nothing(opened: Database) -> None:
    def half(connection: Connection) -> None:
        add(made.run())(connection)
        raise OSError("no luck")

    with pytest.raises(AwayError, match=r"cannot be used: the log has what it said$"):
        opened.run(half, write=True)
    opened.outage.end()
    assert count(opened) == 0
    assert opened.run(add(made.run()), write=True)
    assert count(opened) == 1


def test_a_mistake_of_ours_is_no_outage(opened: Database) -> None:
    def wrong(_: Connection) -> None:
        raise AssertionError("a mistake")

    with pytest.raises(AssertionError, match="a mistake"):
        opened.run(wrong)
    assert opened.problem == ""
    assert count(opened) == 0


def test_what_the_tables_do_not_take_is_refused_and_all_else_goes_on(opened: Database) -> None:
    broken = replace(made.run(), note="x")
    object.__setattr__(broken, "note", None)
    with pytest.raises(RefusedError, match=r"does not take a run; the log has why$") as caught:
        opened.run(add(broken), write=True)
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
    assert opened.problem == ""
    assert opened.run(add(made.run()), write=True)


def test_while_it_is_away_nobody_else_tries(opened: Database) -> None:
    tries: list[int] = []

    def work(_: Connection) -> None:
        tries.append(1)

    opened.run(work)
    opened.outage.begin("It is away.")
    for _ in range(3):
        with pytest.raises(AwayError, match=r"^It is away\.$"):
            opened.run(work)
    assert len(tries) == 1
    wait_until(opened.outage.may_try)
    opened.outage.end()
    opened.run(work)
    assert len(tries) == 2


def test_what_a_reader_reads_does_not_change_under_it(tmp_path: Path) -> None:
    database = Database(read_place(None, tmp_path))
    database.run(add(made.run()), write=True)

    def read(connection: Connection) -> tuple[int, int]:
        asked = select(func.count()).select_from(RUNS)
        before = connection.execute(asked).scalar_one()
        writer = threading.Thread(target=database.run, args=(add(made.run()),), kwargs={"write": True})
        writer.start()
        writer.join(60)
        return before, connection.execute(asked).scalar_one()

    assert database.run(read) == (1, 1)
    assert count(database) == 2
    database.close()
