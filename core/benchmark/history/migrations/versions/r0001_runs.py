"""Runs, their results, and all of each as a document."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes the tables."""
    sequence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "benchmark_runs",
        sa.Column("sequence", sequence, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text(), nullable=False, unique=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("versions_id", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("benchmark_runs_owner", "benchmark_runs", ["owner", "sequence"])
    op.create_index("benchmark_runs_machine", "benchmark_runs", ["machine_id", "sequence"])
    op.create_table(
        "benchmark_results",
        sa.Column("run", sequence, _run(), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("threads", sa.BigInteger(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("baseline", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("rounds", sa.BigInteger(), nullable=False),
        sa.Column("median", sa.Float()),
        sa.Column("lower_quartile", sa.Float()),
        sa.Column("upper_quartile", sa.Float()),
        sa.Column("ratio", sa.Float()),
        sa.Column("low", sa.Float()),
        sa.Column("high", sa.Float()),
        sa.Column("verdict", sa.Text()),
        sa.Column("agrees", sa.Boolean()),
        sa.Column("problem", sa.Text(), nullable=False),
    )
    op.create_index(
        "benchmark_results_of", "benchmark_results", ["model", "engine", "batch", "threads", "run"]
    )
    op.create_table(
        "benchmark_documents",
        sa.Column("run", sequence, _run(), primary_key=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    """Drops them with all that is in them."""
    for table in ("benchmark_documents", "benchmark_results", "benchmark_runs"):
        op.drop_table(table)


def _run() -> sa.ForeignKey:
    return sa.ForeignKey("benchmark_runs.sequence", ondelete="CASCADE")
