"""A walk along a list: in its own order, and stable while verdicts change what is on it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from dashboard.catalog.database import Database
from dashboard.catalog.entries import Sighting
from dashboard.catalog.reading import count_holding, find_jobs, load_kinds
from dashboard.catalog.verdicts import give
from dashboard.catalog.walking import Path as Walked
from dashboard.catalog.walking import Stop, Trail, set_out, stop_on
from dashboard.catalog.writing import note_sightings
from dashboard.celery_record import CeleryRecord
from dashboard.job_query import SORT_KEYS, JobQuery
from dashboard.outputs import NO_OUTPUTS, ModelOutput, Outputs
from dashboard.quality import quality_from_json
from dashboard.status import OutputState
from dashboard.verdict import Verdict

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DONE = CeleryRecord(state="SUCCESS", outcome="completed")
# Some share a figure, some lack one.
PSNRS = (27.0, None, 19.5, 27.0, None, 31.0, 24.5, 19.5)


def outputs(psnr: float | None) -> Outputs:
    quality = quality_from_json({"metrics": {"psnr": psnr}})
    model = ModelOutput("reconviagen", 1000, quality, None)
    return Outputs(OutputState.COMPLETE, models=(model,), created_at=NOON, changed_at=NOON)


@pytest.fixture
def database(catalog_url: str) -> Iterator[Database]:
    """Eight jobs in no order, and one that failed."""
    database = Database(catalog_url)
    seen = [
        Sighting(job_id=f"job{'dbhfaceg'[n]}", seen_at=NOON, record=DONE, outputs=outputs(psnr))
        for n, psnr in enumerate(PSNRS)
    ]
    failed = CeleryRecord(state="FAILURE")
    seen.append(Sighting(job_id="failed", seen_at=NOON, record=failed, outputs=NO_OUTPUTS))
    note_sightings(database, seen)
    yield database
    database.close()


def judge(database: Database, job_id: str) -> None:
    with database.writing() as connection:
        give(connection, job_id, Verdict.ACCEPTED, "", "Ada", upon=None, now=NOON)


def walked(database: Database, query: JobQuery) -> Walked:
    with database.reading() as connection:
        every = load_kinds(connection)
        wanted = [each for each in every if not query.verdicts or each[1].verdict in query.verdicts]
        if query.text:
            wanted = count_holding(connection, wanted, query.text)
        return Walked(query, tuple(wanted), is_all=False)


def stop(database: Database, query: JobQuery, job_id: str | None, trail: Trail | None) -> Stop:
    path = walked(database, query)
    with database.reading() as connection:
        trail = trail or set_out(connection, path, job_id)
        assert trail
        return stop_on(connection, path, trail, job_id)


def listed(database: Database, query: JobQuery) -> list[str]:
    path = walked(database, query)
    with database.reading() as connection:
        found = find_jobs(connection, query, path.counted, is_all=False)
    return [place.job_id for place in found]


@pytest.mark.parametrize("text", ["", "job"])
@pytest.mark.parametrize("sort", [f"{sign}{key}" for key in SORT_KEYS for sign in ("", "-")])
def test_a_walk_goes_through_the_list_there_and_back(
    database: Database, sort: str, text: str
) -> None:
    query = JobQuery(sort=sort, text=text)
    order = listed(database, query)
    assert len(order) == (8 if text else 9)
    job_id: str | None = None
    trail: Trail | None = None
    for number, expected in enumerate(order, 1):
        here = stop(database, query, job_id, trail)
        assert (here.job_id, here.number, here.total) == (expected, number, len(order))
        job_id, trail = here.following, here.longer
    assert job_id is None
    job_id, trail = order[-1], None
    for number, expected in reversed(list(enumerate(order, 1))):
        here = stop(database, query, job_id, trail)
        assert (here.job_id, here.number, here.total) == (expected, number, len(order))
        job_id, trail = here.previous, here.longer
    assert job_id is None


@pytest.mark.parametrize("sort", ["job_id", "-psnr"])
@pytest.mark.parametrize("begin", range(9))
def test_a_walk_that_begins_anywhere_knows_where_it_is(
    database: Database, sort: str, begin: int
) -> None:
    query = JobQuery(sort=sort)
    order = listed(database, query)
    here = stop(database, query, order[begin], None)
    assert (here.number, here.total) == (begin + 1, 9)
    assert here.previous == (order[begin - 1] if begin else None)
    assert here.following == (order[begin + 1] if begin < 8 else None)


def test_numbers_stay_while_verdicts_empty_the_list(database: Database) -> None:
    query = JobQuery(sort="-psnr", verdicts=frozenset({"unreviewed"}))
    order = listed(database, query)
    here = stop(database, query, None, None)
    for number, job_id in enumerate(order, 1):
        judge(database, job_id)
        here = stop(database, query, job_id, here.longer)
        assert (here.number, here.total) == (number, 9)
        if here.following:
            here = stop(database, query, here.following, here.longer)
    assert listed(database, query) == []
    back = [here.job_id]
    while here.previous:
        here = stop(database, query, here.previous, here.longer)
        back.append(here.job_id)
    assert back == order[::-1]


def test_what_others_judged_ahead_is_passed_over(database: Database) -> None:
    query = JobQuery(sort="job_id", verdicts=frozenset({"unreviewed"}))
    first, second, third, *_ = order = listed(database, query)
    here = stop(database, query, first, None)
    assert here.following == second
    judge(database, second)
    here = stop(database, query, first, here.trail)
    assert (here.following, here.number, here.total) == (third, 1, len(order) - 1)


def test_new_jobs_ahead_are_met_and_those_behind_change_no_number(database: Database) -> None:
    query = JobQuery(sort="job_id")
    here = stop(database, query, "jobb", None)
    number, total = here.number, here.total
    for job_id in ("aaa", "zzz"):
        sighting = Sighting(job_id=job_id, seen_at=NOON, record=DONE, outputs=outputs(1.0))
        note_sightings(database, [sighting])
    here = stop(database, query, "jobb", here.trail)
    assert (here.number, here.total) == (number, total + 1)
