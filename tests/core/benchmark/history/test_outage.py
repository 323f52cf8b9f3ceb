"""A database that is away: runs are kept, shown, and written once when it is back; nobody waits for long."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from core.benchmark.history import Bounds, HistoryError, Saved, Series, outage, queries, spool, store
from core.benchmark.history.outage import Outage
from core.benchmark.history.place import FILE_NAME
from core.benchmark.history.spool import Spool
from tests.core.benchmark.history import made
from tests.core.benchmark.history.conftest import Open
from tests.core.benchmark.history.postgres import Postgres
from tests.core.benchmark.history.waits import wait_until
from tests.core.benchmark.history.writers import runs_of

pytestmark = pytest.mark.usefixtures("short_pauses")


@contextmanager
def killed(server: Postgres) -> Iterator[None]:
    server.kill()
    try:
        yield
    finally:
        server.start()


def test_runs_are_kept_while_the_server_is_dead_and_written_once_when_it_is_back(
    postgres: Postgres, empty: str, open_at: Open
) -> None:
    history = open_at(empty)
    before = [made.run(owner="me") for _ in range(3)]
    for run in before:
        assert history.add(run) is Saved.WRITTEN
    during = [made.run(owner="me") for _ in range(3)]
    with killed(postgres):
        assert [history.add(run) for run in during] == [Saved.KEPT] * 3
        assert history.pending == 3
        assert history.problem.startswith("PostgreSQL cannot be used: ")
        assert history.problem.endswith("3 runs wait in a file, to be written when that is over.")
        # What waits is shown all the same; what is in the database comes again with it.
        assert [line.id for line in history.runs("me")] == [run.id for run in reversed(during)]
        assert all(line.waiting for line in history.runs("me"))
        assert history.get(during[0].id) == during[0]
        assert history.get(before[0].id) is None
        assert [each.runs for each in history.machines("me")] == [3]
        assert len(history.trend("me", Series("mlp", "ort", 1, 1, before[0].machine_id))) == 3
        with pytest.raises(HistoryError, match=r"nothing was deleted. Try again later"):
            history.delete(during[0].id, "me")
    # Nobody asks for anything: it is picked up by itself.
    wait_until(lambda: history.pending == 0)
    assert history.problem == ""
    assert runs_of(history) == [run.id for run in reversed(before + during)]
    assert not any(line.waiting for line in history.runs("me"))
    after = made.run()
    assert history.add(after) is Saved.WRITTEN


def test_a_server_that_dies_while_runs_are_added_loses_none_and_doubles_none(
    postgres: Postgres, empty: str, open_at: Open
) -> None:
    history = open_at(empty)
    history.add(made.run())
    runs: list[made.Run] = []
    saved: list[Saved] = []
    failures: list[BaseException] = []

    def add() -> None:
        try:
            while saved.count(Saved.KEPT) < 5 and len(saved) < 10_000:
                runs.append(made.run(made.case(rounds=4)))
                saved.append(history.add(runs[-1]))
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            failures.append(error)

    thread = threading.Thread(target=add)
    thread.start()
    wait_until(lambda: len(saved) > 20)
    with killed(postgres):
        thread.join()
    assert not failures
    assert set(saved) == {Saved.WRITTEN, Saved.KEPT}
    wait_until(lambda: history.pending == 0)
    found = runs_of(history)
    assert len(found) == len(set(found)) == len(runs) + 1
    assert {run.id for run in runs} <= set(found)


def test_what_waited_when_the_app_ended_is_written_by_the_next(
    postgres: Postgres, empty: str, open_at: Open
) -> None:
    run = made.run()
    with killed(postgres):
        first = open_at(empty)
        assert first.add(run) is Saved.KEPT
        first.close()
    second = open_at(empty)
    assert [line.id for line in second.runs(None)] == [run.id]
    wait_until(lambda: second.pending == 0)
    assert second.get(run.id) == run


def test_a_run_that_is_written_while_a_list_is_made_is_listed_once(
    postgres: Postgres, empty: str, open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made.run()
    with killed(postgres):
        history = open_at(empty)
        assert history.add(run) is Saved.KEPT
        history.close()
    history, writer = open_at(empty), open_at(empty)
    series = Series("mlp", "ort", 1, 1, run.machine_id)

    def but_first_it_is_written(question: Callable[..., Any]) -> Callable[..., Any]:
        def asked(connection: Connection, **options: Any) -> Any:  # noqa: ANN401 - any question's answer
            writer.flush()
            return question(connection, **options)

        return asked

    # What waits is looked for before the database is asked for its runs, and after it for its points.
    monkeypatch.setattr(store.History, "_start_writing", lambda _: None)
    monkeypatch.setattr(queries, "lines", but_first_it_is_written(queries.lines))
    assert [line.id for line in history.runs(None)] == [run.id]
    assert history.pending == 0
    assert [line.id for line in history.runs(None)] == [run.id]
    assert len(history.trend(None, series)) == 1


def test_a_server_that_hangs_is_given_up(postgres: Postgres, empty: str, open_at: Open) -> None:
    history = open_at(empty)
    history.add(made.run())
    run = made.run()
    postgres.pause()
    try:
        start = time.monotonic()
        assert history.add(run) is Saved.KEPT
        assert time.monotonic() - start < 30
        start = time.monotonic()
        for _ in range(10):
            assert [line.id for line in history.runs(None)] == [run.id]
        assert time.monotonic() - start < 15
    finally:
        postgres.go_on()
    wait_until(lambda: history.pending == 0)
    assert len(history.runs(None)) == 2


def test_ten_looks_at_a_database_that_is_away_wait_once(
    open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.setattr(outage, "PAUSE_SECONDS", 60.0)
    tries: list[float] = []

    def connect(*_: object, **__: object) -> object:
        tries.append(time.monotonic())
        time.sleep(1.0)
        raise psycopg.OperationalError("connection timeout expired")

    monkeypatch.setattr(psycopg.Connection, "connect", connect)
    monkeypatch.setattr(psycopg, "connect", connect)
    history = open_at("postgresql://u:p@localhost/d")
    threads = [threading.Thread(target=history.runs, args=(None,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(10):
        history.runs(None)
    assert len(tries) == 1
    assert history.problem == "PostgreSQL cannot be used: it gives no answer in time."


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_takes_no_waiting_run_is_one_clear_line(
    open_at: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    file = tmp_path / "data" / FILE_NAME
    file.mkdir(parents=True)
    history = open_at(None)
    kept = made.run()
    assert history.add(kept) is Saved.KEPT

    def full(_: int) -> None:
        raise OSError(fault, os.strerror(fault))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(HistoryError, match=r"this run is not kept. Download it, make room") as caught:
            history.add(made.run())
    assert str(caught.value).startswith(
        "The disk is full" if fault == errno.ENOSPC else "It cannot be written"
    )
    assert caught.value.__context__ is None
    assert [line.id for line in history.runs(None)] == [kept.id]
    assert len(list((tmp_path / "data" / "waiting").glob("*"))) == 2  # the run and the lock
    assert history.add(made.run()) is Saved.KEPT


@pytest.mark.parametrize(
    "bounds", [Bounds(waiting=3), Bounds(waiting_bytes=3 * len(made.pack(made.run())) + 99)]
)
def test_only_so_many_runs_may_wait(tmp_path: Path, open_at: Open, bounds: Bounds) -> None:
    (tmp_path / "data" / FILE_NAME).mkdir(parents=True)
    history = open_at(None, bounds=bounds)
    runs = [made.run() for _ in range(4)]
    assert [history.add(run) for run in runs[:3]] == [Saved.KEPT] * 3
    with pytest.raises(HistoryError, match=r"^The database is away and 3 runs wait for it already"):
        history.add(runs[3])
    assert [line.id for line in history.runs(None)] == [run.id for run in reversed(runs[:3])]


def test_runs_that_wait_and_runs_that_are_written_make_one_list(tmp_path: Path, open_at: Open) -> None:
    history = open_at(None)
    runs = [made.run(owner="me") for _ in range(6)]
    for run in runs[:3]:
        history.add(run)
    for run in runs[3:]:
        history._spool.keep(run)
    history._spool.keep(runs[2])  # as if the connection had broken just when it was written
    history._closed.set()  # the thread shall not write them meanwhile
    expected = [run.id for run in reversed(runs)]
    for size in (1, 2, 4, 10):
        pages = [history.runs("me", limit=size, offset=start) for start in range(0, 8, size)]
        assert [line.id for page in pages for line in page] == expected
    assert history.flush() == 4
    assert [line.id for line in history.runs("me")] == expected


def test_a_run_that_waits_can_be_deleted_once_the_database_is_back(open_at: Open) -> None:
    history = open_at(None)
    run = made.run(owner="me")
    history._closed.set()
    history._spool.keep(run)
    assert not history.delete(run.id, "you")
    assert history.delete(run.id, "me")
    assert (history.pending, history.runs(None), history.get(run.id)) == (0, [], None)


def test_another_process_that_holds_the_files_is_not_waited_for_for_ever(
    tmp_path: Path, open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / FILE_NAME).mkdir(parents=True)
    monkeypatch.setattr(spool, "LOCK_SECONDS", 0.1)
    history = open_at(None)
    run = made.run()
    assert history.add(run) is Saved.KEPT
    other = Spool(tmp_path / "data" / "waiting", Bounds())
    with other.locked():
        with pytest.raises(HistoryError, match="Another process of this app holds the runs that wait"):
            history.add(made.run())
        assert history.flush() == 0
        assert [line.id for line in history.runs(None)] == [run.id]
    assert history.add(made.run()) is Saved.KEPT


def test_a_file_that_is_damaged_is_put_aside_and_the_others_are_written(
    tmp_path: Path, open_at: Open
) -> None:
    history = open_at(None)
    run = made.run()
    history._spool.keep(made.run())
    history._spool.keep(run)
    waiting = sorted((tmp_path / "data" / "waiting").glob("*.run"))
    waiting[0].write_bytes(waiting[0].read_bytes()[:-9])
    assert history.flush() == 1
    assert [line.id for line in history.runs(None)] == [run.id]
    assert len(list((tmp_path / "data" / "waiting").glob("*.damaged"))) == 1
    assert history.pending == 0


class TestOutage:
    def test_one_caller_tries_and_the_others_do_not_wait(self) -> None:
        now = 100.0
        one = Outage(lambda: now)
        assert one.may_try()
        assert one.may_try()
        assert one.begin("gone")
        assert not one.begin("gone")
        assert (one.may_try(), one.why) == (False, "gone")
        now += outage.PAUSE_SECONDS
        assert [one.may_try() for _ in range(3)] == [True, False, False]
        assert one.end()
        assert not one.end()
        assert [one.may_try() for _ in range(3)] == [True, True, True]
        assert one.why == ""
