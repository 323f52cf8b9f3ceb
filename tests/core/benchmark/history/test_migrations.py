"""Tables come from the revisions: from nothing, from each older revision, all of it or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from core.benchmark.history import History, Saved
from core.benchmark.history.database import AwayError, Database
from core.benchmark.history.migrations import VERSIONS, is_current, upgrade
from core.benchmark.history.place import read_place
from core.benchmark.history.schema import METADATA, VERSION_TABLE
from tests.core.benchmark.history import made
from tests.core.benchmark.history.conftest import Open

SCRIPTS = ScriptDirectory(str(VERSIONS.parent), version_locations=[str(VERSIONS)])
REVISIONS = ["base", *reversed([script.revision for script in SCRIPTS.walk_revisions()])]
NEXT = '''"""Another column."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("benchmark_runs", sa.Column("mood", sa.Text(), nullable=False, server_default="good"))
    op.execute("{statement}")
'''


@pytest.fixture
def engine(url: str | None, tmp_path: Path) -> Iterator[Engine]:
    """The database that `url` and the folder of `open_at` name."""
    (tmp_path / "data").mkdir()
    place = read_place(url, tmp_path / "data")
    engine = create_engine(place.url)
    yield engine
    engine.dispose()


def later(tmp_path: Path, statement: str) -> Path:
    """The revisions with one more."""
    folder = tmp_path / "migrations" / "versions"
    shutil.copytree(VERSIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "r9999_next.py").write_text(NEXT.format(statement=statement))
    return folder


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return list(compare_metadata(context, METADATA))


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_revision_ends_at_the_tables_that_the_code_knows(
    revision: str, engine: Engine, url: str | None, open_at: Open
) -> None:
    if revision != "base":
        with engine.begin() as connection:
            upgrade(connection, to=revision)
    history = open_at(url)
    run = made.run()
    assert history.add(run) is Saved.WRITTEN
    assert history.get(run.id) == run
    with engine.connect() as connection:
        assert is_current(connection)
        assert differences(connection) == []


def test_a_difference_between_tables_and_code_would_be_found(engine: Engine) -> None:
    with engine.begin() as connection:
        upgrade(connection)
        connection.execute(text("ALTER TABLE benchmark_runs ADD COLUMN surplus TEXT"))
        assert len(differences(connection)) == 1


def test_there_is_one_newest_revision() -> None:
    assert len(SCRIPTS.get_heads()) == 1


def test_a_later_revision_keeps_what_is_there(
    engine: Engine, url: str | None, tmp_path: Path, open_at: Open
) -> None:
    history = open_at(url)
    run = made.run()
    history.add(run)
    history.close()
    folder = later(tmp_path, "UPDATE benchmark_runs SET mood = 'fine'")
    database = Database(read_place(url, tmp_path / "data"), folder)
    mood = database.run(lambda connection: connection.execute(text("SELECT mood FROM benchmark_runs")).all())
    database.close()
    assert [tuple(row) for row in mood] == [("fine",)]
    # An older app leaves a newer database alone.
    old = open_at(url)
    assert old.add(made.run()) is Saved.KEPT
    assert "its tables are of a newer version of this app" in old.problem


def test_a_revision_that_fails_leaves_everything_as_it_was(
    engine: Engine, url: str | None, tmp_path: Path, open_at: Open
) -> None:
    history = open_at(url)
    run = made.run()
    history.add(run)
    history.close()
    database = Database(
        read_place(url, tmp_path / "data"), later(tmp_path, "UPDATE nothing SET no = 'where'")
    )
    with pytest.raises(AwayError):
        database.run(lambda connection: None)
    database.close()
    assert "mood" not in {column["name"] for column in inspect(engine).get_columns("benchmark_runs")}
    again: History = open_at(url)
    assert again.get(run.id) == run
    assert again.problem == ""
