"""Brings the tables of a database to the newest revision, by Alembic, without its command line."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, text

from core.benchmark.history.schema import VERSION_TABLE

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

VERSIONS: Final = Path(__file__).parent / "versions"
_LOCK_KEY: Final = 0x7568_6265_6E63_68
"""Names this app's migrations among PostgreSQL's advisory locks."""
# Alembic's `op`, which revisions are written with, speaks for one migration per process.
_ONE_AT_A_TIME: Final = threading.Lock()


class MigrationError(Exception):
    """Tables that cannot be brought to the newest revision: one line."""


def is_current(connection: Connection, versions: Path = VERSIONS) -> bool:
    """Whether nothing needs to be done."""
    script = _script(versions)
    return _context(connection, script, "head").get_current_heads() == tuple(script.get_heads())


def upgrade(connection: Connection, versions: Path = VERSIONS, to: str = "head") -> None:
    """Runs what is missing, in the transaction that the caller has begun: all of it, or nothing.

    Several processes may do it at once: in SQLite the transaction must have begun for writing, in PostgreSQL
    a lock is taken here.

    Args:
        connection: in a transaction.
        versions: the folder of the revisions.
        to: the last revision to run.

    Raises:
        MigrationError: if the database is at a revision that is not known here.
        sqlalchemy.exc.SQLAlchemyError: if it cannot be done.
    """
    from alembic.operations import Operations
    from alembic.util import CommandError

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    script = _script(versions)
    with _ONE_AT_A_TIME:
        context = _context(connection, script, to)
        try:
            with Operations.context(context):
                context.run_migrations()
        except CommandError as error:
            raise MigrationError(f"its tables are of a newer version of this app ({error})") from None


def _script(versions: Path) -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(versions.parent), version_locations=[str(versions)])


def _context(connection: Connection, script: ScriptDirectory, to: str) -> MigrationContext:
    from alembic.runtime.migration import MigrationContext

    def steps(revision: Any, _: MigrationContext) -> Any:  # noqa: ANN401 - as Alembic has them
        # What Alembic's own `upgrade` command calls; it has no public name.
        return script._upgrade_revs(to, revision)

    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "fn": steps})
