"""The tests' server itself: whose it is, where its programs are from, and what is said if there are none."""

from __future__ import annotations

from pathlib import Path

import psutil
import psycopg
import pytest

from tests.core.benchmark.history import postgres as servers
from tests.core.benchmark.history.postgres import HOW_TO_GET_IT, Postgres, PostgresError


def test_it_does_not_run_as_root(postgres: Postgres) -> None:
    assert {process.uids().real for process in postgres._processes()}.isdisjoint({0})


def test_it_wants_a_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(postgres.url(password="another"))


def test_it_keeps_its_address_and_what_it_has_over_a_kill(postgres: Postgres) -> None:
    address = postgres.new_database("kept")
    postgres.kill()
    assert postgres._processes() == []
    postgres.start()
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_it_leaves_nothing_behind() -> None:
    server = Postgres()
    folder, pids = server._folder, [process.pid for process in server._processes()]
    server.close()
    assert len(pids) > 1
    assert not folder.exists()
    assert not any(
        psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids
    )


def test_without_its_programs_a_test_fails_and_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for found in ("_candidates", "_packaged"):
        monkeypatch.setattr(servers, found, lambda: [Path("/nowhere/package/install/bin")])
    with pytest.raises(PostgresError) as caught:
        Postgres()
    assert str(caught.value) == HOW_TO_GET_IT
