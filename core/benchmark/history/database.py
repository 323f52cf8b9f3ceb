"""The database behind the history: opened when it is needed, brought up to date, bounded in time."""

from __future__ import annotations

import logging
import socket
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from core.benchmark.history import folder, migrations
from core.benchmark.history.outage import Outage
from core.benchmark.history.place import CONNECT_SECONDS, Place

ANSWER_SECONDS: Final = 8.0
"""How long a server may take for one piece of work; it is told to give up a statement before."""
_STATEMENT_SECONDS: Final = 4
_LOG: Final = logging.getLogger(__name__)
_FAILURES: Final = (SQLAlchemyError, sqlite3.Error, OSError, migrations.MigrationError)
_T = TypeVar("_T")


class DatabaseError(Exception):
    """What a database did not do, in one line; without a cause, and without secrets."""


class AwayError(DatabaseError):
    """It cannot be reached, or not be used."""


class FullError(DatabaseError):
    """There is no room for a run."""


class RefusedError(DatabaseError):
    """It does not take this run, but may well take others."""


class Database:
    """A database; for threads.

    Args:
        place: where it is.
        versions: the folder of the revisions of its tables.
    """

    def __init__(self, place: Place, versions: Path = migrations.VERSIONS) -> None:
        self._place = place
        self._versions = versions
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        self.outage = Outage()

    @property
    def problem(self) -> str:
        """Why it cannot be used, in one line; empty if it can, as far as is known."""
        return self.outage.why

    def run(self, work: Callable[[Connection], _T], *, write: bool = False) -> _T:
        """Does some work in a transaction of its own, which is on the disk when this returns.

        Args:
            work: gets the connection.
            write: whether it writes.

        Raises:
            AwayError: if the database cannot be used, or could not be a moment ago.
            FullError: if its disk is full.
            RefusedError: if it does not take what is to be written.
        """
        if not self.outage.may_try():
            raise AwayError(self.outage.why)
        try:
            with self._bounded():
                result = self._work(work, write=write)
        except _FAILURES as error:
            failure = self._failed(error)
        else:
            if self.outage.end():
                _LOG.info("the history's database is there again")
            return result
        # Here it has no context: the driver's error, which may know the password, stays behind.
        raise failure

    def close(self) -> None:
        """Closes all connections; the next work opens new ones."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def _work(self, work: Callable[[Connection], _T], *, write: bool) -> _T:
        engine = self._opened()
        with engine.connect().execution_options(writes=write) as connection, connection.begin():
            return work(connection)

    def _opened(self) -> Engine:
        waited = not self._lock.acquire(blocking=False)
        if waited:
            self._lock.acquire()
        try:
            file = self._place.file
            if self._engine is not None and file is not None and not file.exists():
                # Someone deleted it to begin anew: what is still open goes with the last connection.
                self._engine.dispose()
                self._engine = None
            if self._engine is None:
                if waited and self.outage.why:
                    # Whoever had the lock has just failed: one after the other would wait for the same.
                    raise AwayError(self.outage.why)
                self._engine = self._open()
            return self._engine
        except _FAILURES as error:
            self._failed(error)
            raise
        finally:
            self._lock.release()

    def _open(self) -> Engine:
        """The engine of a database that is up to date."""
        file = self._place.file
        if file is not None:
            folder.make(file.parent)
        engine = create_engine(
            self._place.url,
            connect_args=dict(self._place.arguments),
            pool_pre_ping=True,
            pool_timeout=CONNECT_SECONDS,
            # Errors show what was written otherwise: owners and rounds.
            hide_parameters=True,
        )
        if file is not None:
            _prepare_sqlite(engine)
        else:
            self._prepare_postgresql(engine)
        try:
            with engine.connect() as connection, connection.begin():
                current = migrations.is_current(connection, self._versions)
            if not current:
                with engine.connect().execution_options(writes=True) as connection, connection.begin():
                    migrations.upgrade(connection, self._versions)
        except BaseException:
            engine.dispose()
            raise
        return engine

    def _prepare_postgresql(self, engine: Engine) -> None:
        @event.listens_for(engine, "do_connect")
        def connect(dialect: Any, _: Any, arguments: Any, options: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's
            # Looking up a host's name knows no time limit.
            return _in_time(lambda: dialect.connect(*arguments, **options), CONNECT_SECONDS + 1.0)

        @event.listens_for(engine, "connect")
        def connected(connection: Any, _: object) -> None:  # noqa: ANN401 - psycopg's
            connection.execute(f"SET statement_timeout = '{_STATEMENT_SECONDS}s'")
            connection.commit()
            self._connections.add(connection)

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Cuts all connections to a server that gives no answer: its machine may hang."""
        if self._place.file is not None:
            yield
            return
        timer = threading.Timer(ANSWER_SECONDS, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        for connection in list(self._connections):
            with suppress(Exception), socket.socket(fileno=connection.fileno()) as wire:
                try:
                    wire.shutdown(socket.SHUT_RDWR)
                finally:
                    wire.detach()

    def _failed(self, error: Exception) -> DatabaseError:
        """What to raise; if the database is away, that is remembered."""
        failure = self._failure(error)
        if isinstance(failure, AwayError) and self.outage.begin(str(failure)):
            _LOG.warning("the history's database cannot be used: %s", self._place.in_words(error))
        return failure

    def _failure(self, error: Exception) -> DatabaseError:
        cause = getattr(error, "orig", None) or error
        if getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return FullError("The disk is full")
        if isinstance(error, DataError | IntegrityError):
            _LOG.warning("the history's database refused a run: %s", self._place.in_words(error))
            return RefusedError(f"{self._place.name} does not take a run; the log has why")
        return AwayError(self._place.reason(error))


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:  # noqa: ANN401 - sqlite3's
        # Transactions begin below, not where Python's module thinks that they should.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        # What is committed is on the disk, whatever happens to the power.
        connection.execute("PRAGMA synchronous = EXTRA")
        _use_wal(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later could find that another has written meanwhile.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Readers and a writer do not wait for each other. It stays in the file: most often it is so already."""
    end = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            # While another process does the same, SQLite does not wait as long as it otherwise would.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.02)


def _in_time(connect: Callable[[], Any], seconds: float) -> Any:  # noqa: ANN401 - a connection of a driver
    """What `connect` gives; a connection that comes too late is closed."""
    future: Future[Any] = Future()

    def work() -> None:
        try:
            connection = connect()
        except Exception as error:  # noqa: BLE001 - it is raised where the result is wanted
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
            return
        if future.set_running_or_notify_cancel():
            future.set_result(connection)
        else:
            connection.close()

    threading.Thread(target=work, daemon=True, name="database connection").start()
    try:
        return future.result(seconds)
    except TimeoutError:
        if future.cancel():
            raise TimeoutError(f"no connection within {seconds:g} s") from None
        return future.result()
