"""Verdicts: every one with who, when and why, and each job's last one in its kind."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

JOB_ID = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
COUNTED = ["phase", "output", "models", "lacks", "is_surveyed"]


def upgrade() -> None:
    """Make the table of verdicts; no job has one yet."""
    # SQLite cannot change a constraint: there the table is copied, which is a few dozen rows.
    with op.batch_alter_table("kinds") as kinds:
        verdict = sa.Column("verdict", sa.String(16), nullable=False, server_default="unreviewed")
        kinds.add_column(verdict)
        kinds.drop_constraint("kind", type_="unique")
        kinds.create_unique_constraint("kind", [*COUNTED, "verdict"])
    verdicts = op.create_table(
        "verdicts",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("job_id", JOB_ID, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
        sa.Column("replaced", sa.String(32)),
        sa.Column("is_current", sa.Boolean, nullable=False),
    )
    op.create_index("verdicts_job_id", "verdicts", ["job_id", "decided_at"])
    is_current = verdicts.c.is_current.is_(True)
    op.create_index(
        "verdicts_current",
        "verdicts",
        ["job_id"],
        unique=True,
        sqlite_where=is_current,
        postgresql_where=is_current,
    )
