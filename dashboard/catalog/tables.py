"""The catalog's tables. Times are whole microseconds since 1970 in UTC."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from dashboard.verdict import UNREVIEWED

metadata = MetaData()

# Ordered by bytes in every database, as cursors compare them too.
JOB_ID = String(64).with_variant(String(64, collation="C"), "postgresql")
NAME = Text().with_variant(Text(collation="C"), "postgresql")

# `jobs` is how many jobs are of a kind; it moves in the transaction that moves the jobs.
kinds = Table(
    "kinds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("phase", String(16), nullable=False),
    Column("output", String(24), nullable=False),
    Column("models", Text, nullable=False),
    Column("lacks", String(64), nullable=False),
    Column("is_surveyed", Boolean, nullable=False),
    Column("jobs", Integer, nullable=False, default=0),
    Column("verdict", String(16), nullable=False, server_default=UNREVIEWED),
    UniqueConstraint("phase", "output", "models", "lacks", "is_surveyed", "verdict", name="kind"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", JOB_ID, primary_key=True),
    Column("kind", Integer, ForeignKey("kinds.id"), nullable=False),
    # What Celery said last; `state` is null for a record that could not be read.
    Column("state", String(40)),
    Column("outcome", String(40)),
    Column("progress", Double),
    Column("step", Text),
    Column("model", Text),
    Column("error_type", Text),
    Column("error_text", Text),
    Column("error_code", Text),
    Column("finished_at", BigInteger),
    # What lay on the disk at the last look.
    Column("output", String(24), nullable=False),
    Column("missing", Text),
    Column("cover_model", Text),
    Column("cover_name", Text),
    Column("cover_mtime_ns", BigInteger),
    Column("directory_created_at", BigInteger),
    Column("directory_changed_at", BigInteger),
    Column("signature", String(32), nullable=False),
    Column("is_surveyed", Boolean, nullable=False),
    # Our own clock.
    Column("first_seen_at", BigInteger, nullable=False),
    Column("alive_at", BigInteger, nullable=False),
    # What lists are sorted by.
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("size_bytes", BigInteger),
    Column("psnr", Double),
    Column("ssim", Double),
)

# The figures of each model; `quality` is the whole file as JSON, the columns what is asked for.
model_outputs = Table(
    "model_outputs",
    metadata,
    Column("job_id", JOB_ID, primary_key=True),
    Column("model", NAME, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("quality", Text),
    Column("quality_problem", Text),
    Column("quality_status", String(16), nullable=False),
    Column("psnr", Double),
    Column("ssim", Double),
    Column("depth_mae", Double),
    Column("depth_rmse", Double),
)

# Every review ever given, of jobs that are gone too: rows are added and never changed, but for
# `is_current`, which marks the last one of each job.
verdicts = Table(
    "verdicts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job_id", JOB_ID, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("note", Text, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("replaced", String(32)),
    Column("is_current", Boolean, nullable=False),
)
Index("verdicts_job_id", verdicts.c.job_id, verdicts.c.decided_at)
Index(
    "verdicts_current",
    verdicts.c.job_id,
    unique=True,
    sqlite_where=verdicts.c.is_current.is_(True),
    postgresql_where=verdicts.c.is_current.is_(True),
)

# One row: `value` grows with every transaction that changed something.
revision = Table(
    "revision",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# Which dashboard does a task that only one should do, and until when that holds.
leases = Table(
    "leases",
    metadata,
    Column("task", String(40), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("until", BigInteger, nullable=False),
)

# What a list is sorted by, and whether jobs may lack it.
SORTED = {"created_at": False, "updated_at": False, "size_bytes": True, "psnr": True, "ssim": True}


def _present(key: str) -> dict[str, Any]:
    """Keep the jobs that lack a figure out of its index."""
    if not SORTED[key]:
        return {}
    present = jobs.c[key].is_not(None)
    return {"sqlite_where": present, "postgresql_where": present}


for _key in SORTED:
    # All jobs in order, and the jobs of each kind in order.
    Index(f"jobs_{_key}", jobs.c[_key], jobs.c.job_id, **_present(_key))
    Index(f"jobs_kind_{_key}", jobs.c.kind, jobs.c[_key], jobs.c.job_id, **_present(_key))
Index("jobs_kind_job_id", jobs.c.kind, jobs.c.job_id)
# All figures, beside the files as JSON, which are many times as large.
Index(
    "model_outputs_figures",
    *(
        model_outputs.c[name]
        for name in ("job_id", "model", "quality_status", "psnr", "ssim", "depth_mae", "depth_rmse")
    ),
)
