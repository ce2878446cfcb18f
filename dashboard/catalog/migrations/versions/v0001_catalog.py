"""The first catalog: jobs, their models' figures, kinds, and who does what."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

JOB_ID = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make every table and index."""
    op.create_table(
        "kinds",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("output", sa.String(24), nullable=False),
        sa.Column("models", sa.Text, nullable=False),
        sa.Column("lacks", sa.String(64), nullable=False),
        sa.Column("is_surveyed", sa.Boolean, nullable=False),
        sa.Column("jobs", sa.Integer, nullable=False),
        sa.UniqueConstraint("phase", "output", "models", "lacks", "is_surveyed", name="kind"),
    )
    op.create_table(
        "jobs",
        sa.Column("job_id", JOB_ID, primary_key=True),
        sa.Column("kind", sa.Integer, sa.ForeignKey("kinds.id"), nullable=False),
        *(sa.Column(name, sa.String(40)) for name in ("state", "outcome")),
        sa.Column("progress", sa.Double),
        *(
            sa.Column(name, sa.Text)
            for name in ("step", "model", "error_type", "error_text", "error_code")
        ),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("output", sa.String(24), nullable=False),
        *(sa.Column(name, sa.Text) for name in ("missing", "cover_model", "cover_name")),
        sa.Column("cover_mtime_ns", sa.BigInteger),
        sa.Column("directory_created_at", sa.BigInteger),
        sa.Column("directory_changed_at", sa.BigInteger),
        sa.Column("signature", sa.String(32), nullable=False),
        sa.Column("is_surveyed", sa.Boolean, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("first_seen_at", "alive_at", "created_at", "updated_at")
        ),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("psnr", sa.Double),
        sa.Column("ssim", sa.Double),
    )
    op.create_table(
        "model_outputs",
        sa.Column("job_id", JOB_ID, primary_key=True),
        sa.Column("model", NAME, primary_key=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("quality", sa.Text),
        sa.Column("quality_problem", sa.Text),
        sa.Column("quality_status", sa.String(16), nullable=False),
        *(sa.Column(name, sa.Double) for name in ("psnr", "ssim", "depth_mae", "depth_rmse")),
    )
    counter = op.create_table(
        "revision",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counter, [{"id": 1, "value": 0}])
    op.create_table(
        "leases",
        sa.Column("task", sa.String(40), primary_key=True),
        sa.Column("holder", sa.String(80), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    for key in ("created_at", "updated_at", "size_bytes", "psnr", "ssim"):
        present: dict[str, Any] = {}
        if key in {"size_bytes", "psnr", "ssim"}:
            condition = sa.text(f"{key} IS NOT NULL")
            present = {"sqlite_where": condition, "postgresql_where": condition}
        op.create_index(f"jobs_{key}", "jobs", [key, "job_id"], **present)
        op.create_index(f"jobs_kind_{key}", "jobs", ["kind", key, "job_id"], **present)
    op.create_index("jobs_kind_job_id", "jobs", ["kind", "job_id"])
