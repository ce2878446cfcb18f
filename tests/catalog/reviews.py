"""Verdicts as a dashboard gives them, and what the catalog then holds."""

import os
from datetime import UTC, datetime

from dashboard.catalog.database import Database
from dashboard.catalog.entries import Sighting
from dashboard.catalog.reading import load_entries, load_kinds
from dashboard.catalog.verdicts import Keeper, give, load_all, load_history
from dashboard.catalog.writing import note_sightings
from dashboard.celery_record import CeleryRecord
from dashboard.outputs import NO_OUTPUTS
from dashboard.verdict import Review, Verdict

ACCEPTED, REWORK, REJECTED = Verdict
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DONE = CeleryRecord(state="SUCCESS", outcome="completed")


def see(database: Database, job_id: str, record: CeleryRecord = DONE) -> None:
    sighting = Sighting(job_id=job_id, seen_at=NOON, record=record, outputs=NO_OUTPUTS)
    note_sightings(database, [sighting])


def decide(
    database: Database,
    verdict: Verdict = ACCEPTED,
    upon: Review | None = None,
    *,
    job_id: str = "job1",
    note: str = "",
    reviewer: str = "Ada",
    now: datetime = NOON,
) -> Review:
    """Give a verdict as the dashboard does, into the journal too."""
    url = os.environ["CATALOG_URL"]
    with Keeper(url) as keeper, database.writing() as connection:
        last = upon.id if upon else None
        review, is_new = give(connection, job_id, verdict, note, reviewer, upon=last, now=now)
        keeper.keep(connection, [review] if is_new else [])
    return review


def history(database: Database, job_id: str = "job1") -> list[Review]:
    with database.reading() as connection:
        return load_history(connection, job_id)


def everything(database: Database) -> list[Review]:
    with database.reading() as connection:
        return load_all(connection)


def counts(database: Database) -> dict[str, int]:
    """How many jobs the kinds count for each verdict; those without any are left out."""
    with database.reading() as connection:
        numbers: dict[str, int] = {}
        for _, kind, jobs in load_kinds(connection):
            assert jobs >= 0
            numbers[kind.verdict] = numbers.get(kind.verdict, 0) + jobs
    return {verdict: number for verdict, number in numbers.items() if number}


def current(database: Database, job_id: str = "job1") -> Review | None:
    with database.reading() as connection:
        return load_entries(connection, [job_id])[job_id].review
