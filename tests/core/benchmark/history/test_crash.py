"""What was reported as kept is there, whoever is killed when."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from core.benchmark.history import History
from core.benchmark.history.place import FILE_NAME
from tests.core.benchmark.history import made
from tests.core.benchmark.history.conftest import Open
from tests.core.benchmark.history.writers import read, runs_of, told, writer

KILLS = 12


def test_a_writer_that_is_killed_again_and_again_loses_nothing(
    url: str | None, tmp_path: Path, open_at: Open
) -> None:
    chance = random.Random(5)  # noqa: S311 - moments to kill at
    reported: list[tuple[str, str]] = []
    for _ in range(KILLS):
        with writer(url, tmp_path / "data") as (process, connection):
            reported += [read(connection) for _ in range(chance.randrange(1, 12))]
            time.sleep(chance.uniform(0, 0.01))
            process.kill()
            process.join()
            reported += told(connection)
    history = open_at(url)
    found = runs_of(history)
    assert {saved for _, saved in reported} == {"written"}
    assert len(found) == len(set(found))
    assert {run for run, _ in reported} <= set(found)
    # One per kill may have been written without its having been said.
    assert len(found) <= len(reported) + KILLS
    for run in chance.sample(found, 5):
        assert history.get(run) is not None
    assert history.add(made.run())
    if url is None:
        assert _integrity(tmp_path / "data" / FILE_NAME) == "ok"


def test_two_writers_and_a_reader_do_not_disturb_each_other(
    url: str | None, tmp_path: Path, open_at: Open
) -> None:
    # Both find no tables and make them, or wait for the other to.
    with (
        writer(url, tmp_path / "data", 40) as (one, first),
        writer(url, tmp_path / "data", 40) as (two, second),
    ):
        history = open_at(url)
        seen = 0
        while one.is_alive() or two.is_alive():
            lines = history.runs(None, limit=1_000)
            assert history.problem == ""
            assert len(lines) >= seen
            seen = len(lines)
            if lines:
                assert history.get(lines[0].id) is not None
        reported = told(first) + told(second)
    assert {saved for _, saved in reported} == {"written"}
    assert sorted(runs_of(history)) == sorted(run for run, _ in reported)
    assert len(reported) == 80


@pytest.mark.parametrize("place", ["keep", "flush"])
def test_a_run_that_waits_survives_a_kill(tmp_path: Path, place: str, open_at: Open) -> None:
    folder = tmp_path / "data"
    (folder / FILE_NAME).mkdir(parents=True)  # no file can be there: the database is away
    reported = []
    for _ in range(4):
        with writer(None, folder, 30) as (process, connection):
            reported += [read(connection) for _ in range(3)]
            process.kill()
            process.join()
            reported += told(connection)
    assert {saved for _, saved in reported} == {"kept"}
    (folder / FILE_NAME).rmdir()
    if place == "flush":
        with writer(None, folder, 1) as (process, connection):
            process.kill()  # in the middle of writing what waits, or before
            process.join()
    history: History = open_at(None, folder)
    history.flush()
    found = runs_of(history)
    assert {run for run, _ in reported} <= set(found)
    assert len(found) == len(set(found))
    assert history.pending == 0


def test_two_processes_that_write_what_waits_write_each_run_once(tmp_path: Path, open_at: Open) -> None:
    folder = tmp_path / "data"
    (folder / FILE_NAME).mkdir(parents=True)
    with writer(None, folder, 30) as (process, connection):
        process.join()
        kept = [run for run, _ in told(connection)]
    (folder / FILE_NAME).rmdir()
    with writer(None, folder, 5) as (one, first), writer(None, folder, 5) as (two, second):
        one.join()
        two.join()
        reported = told(first) + told(second)
    history = open_at(None, folder)
    assert (len(kept), history.pending) == (30, 0)
    found = runs_of(history)
    assert sorted(found) == sorted([*kept, *(run for run, _ in reported)])
    assert found[:-31:-1] == kept  # in the order of their coming, before all that came later


def _integrity(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        found: str = connection.execute("PRAGMA integrity_check").fetchone()[0]
        return found
