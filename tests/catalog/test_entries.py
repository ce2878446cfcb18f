"""A job's row: it comes back as it went in, its kind is the decision, and counts are true."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from dashboard.catalog.database import Database
from dashboard.catalog.entries import Entry, Sighting, merge
from dashboard.catalog.kinds import Circumstances, kind_of
from dashboard.catalog.reading import load_entries, load_kinds, load_revision
from dashboard.catalog.tables import jobs, model_outputs
from dashboard.catalog.writing import note_sightings
from dashboard.celery_record import CeleryRecord, RecordFault
from dashboard.jobs import judge
from dashboard.outputs import Outputs
from dashboard.status import OutputState
from tests.catalog.samples import NOW, empty, looks, records, sightings

# The examples of a test share its database, and empty it themselves.
shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


def in_order(seen: list[Sighting]) -> list[Sighting]:
    return sorted(seen, key=lambda sighting: sighting.seen_at)


def load(database: Database) -> dict[str, Entry]:
    with database.reading() as connection:
        return load_entries(connection, connection.execute(select(jobs.c.job_id)).scalars().all())


def recount(database: Database) -> tuple[dict[int, int], dict[int, int]]:
    """How many jobs the kinds say that they have, and how many there are."""
    with database.reading() as connection:
        told = {kind_id: number for kind_id, _, number in load_kinds(connection) if number}
        counted = select(jobs.c.kind, func.count()).group_by(jobs.c.kind)
        return told, {row[0]: row[1] for row in connection.execute(counted)}


@shared
@given(seen=st.lists(sightings, max_size=12).map(in_order))
def test_what_is_noted_one_by_one_or_at_once_is_what_merging_gives(
    database: Database, seen: list[Sighting]
) -> None:
    expected: dict[str, Entry | None] = {}
    for sighting in seen:
        expected[sighting.job_id] = merge(expected.get(sighting.job_id), sighting)
    known = {job_id: entry for job_id, entry in expected.items() if entry}
    for batches in ([seen], [[sighting] for sighting in seen]):
        empty(database)
        for batch in batches:
            note_sightings(database, batch)
        assert load(database) == known
        told, counted = recount(database)
        assert told == counted
        kinds_of_jobs = Counter(kind_of(entry) for entry in known.values())
        with database.reading() as connection:
            assert kinds_of_jobs == {k: n for _, k, n in load_kinds(connection) if n}
            models = connection.execute(select(model_outputs.c.job_id)).scalars().all()
        of_entries = [job_id for job_id, entry in known.items() for _ in entry.outputs.models]
        assert sorted(models) == sorted(of_entries)


@shared
@given(seen=st.lists(sightings, min_size=1, max_size=8))
def test_what_brings_nothing_new_is_not_written(database: Database, seen: list[Sighting]) -> None:
    note_sightings(database, seen)
    before = load(database)
    with database.reading() as connection:
        revision = load_revision(connection)
    again = [
        Sighting(job_id=job_id, seen_at=NOW, record=entry.record, outputs=entry.outputs)
        for job_id, entry in before.items()
    ]
    assert note_sightings(database, again) == 0
    with database.reading() as connection:
        assert load_revision(connection) == revision
    assert load(database) == before


@given(
    record=records,
    outputs=looks(),
    away=st.booleans(),
    serve=st.booleans(),
)
def test_the_status_of_a_kind_is_the_decision_about_its_jobs(
    record: CeleryRecord | RecordFault, outputs: Outputs, away: bool, serve: bool
) -> None:
    entry = merge(None, Sighting(job_id="a", seen_at=NOW, record=record, outputs=outputs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERVE_UNRECORDED", str(int(serve)))
        if entry is None:
            assert outputs.state is OutputState.NO_JOB
            return
        job = judge(entry, backend_away=away, now=NOW)
    assert kind_of(entry).status(Circumstances(away, serve)) is job.status
    assert job.status is not None  # what is catalogued is a job
