"""The tables of the history. `migrations` makes them; the two are held against each other by a test."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect

VERSION_TABLE: Final = "benchmark_version"
"""Where the revision of the tables stands: others may keep theirs in the same database."""


class Utc(TypeDecorator[datetime]):
    """A moment, written and read in UTC; SQLite has no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What is written."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What is read."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite counts up by itself only in a column of exactly this type.
Sequence: Final = BigInteger().with_variant(Integer, "sqlite")

METADATA: Final = MetaData()

RUNS: Final = Table(
    "benchmark_runs",
    METADATA,
    # The order of coming: the clock may jump, this never goes back.
    Column("sequence", Sequence, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("owner", Text, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("started", Utc, nullable=False),
    Column("imported", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("machine_id", Text, nullable=False),
    Column("versions_id", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
    Index("benchmark_runs_owner", "owner", "sequence"),
    Index("benchmark_runs_machine", "machine_id", "sequence"),
    sqlite_autoincrement=True,
)
"""A row per run."""

RESULTS: Final = Table(
    "benchmark_results",
    METADATA,
    Column("run", Sequence, ForeignKey(RUNS.c.sequence, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("model", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("threads", BigInteger, nullable=False),
    Column("model_id", Text, nullable=False),
    Column("engine", Text, nullable=False),
    Column("baseline", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("rounds", BigInteger, nullable=False),
    Column("median", Float),
    Column("lower_quartile", Float),
    Column("upper_quartile", Float),
    Column("ratio", Float),
    Column("low", Float),
    Column("high", Float),
    Column("verdict", Text),
    Column("agrees", Boolean),
    Column("problem", Text, nullable=False),
    Index("benchmark_results_of", "model", "engine", "batch", "threads", "run"),
)
"""A row per engine of a comparison: what lists and trends show."""

DOCUMENTS: Final = Table(
    "benchmark_documents",
    METADATA,
    Column("run", Sequence, ForeignKey(RUNS.c.sequence, ondelete="CASCADE"), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""All of a run with its rounds, as `document.pack` gives it: apart, so that lists need not pass over it."""
