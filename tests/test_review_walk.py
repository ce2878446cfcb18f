"""A reviewer's walk: the list's own order, and stable while verdicts change the list."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from dashboard import verdicts
from dashboard.catalog.database import Database
from dashboard.catalog.entries import Sighting
from dashboard.catalog.reading import count_holding, find_jobs, load_kinds
from dashboard.catalog.verdicts import give, open_catalog
from dashboard.catalog.walking import Path as Walked
from dashboard.catalog.walking import Stop, Trail, set_out, stop_on
from dashboard.catalog.writing import note_sightings
from dashboard.celery_record import CeleryRecord
from dashboard.job_query import SORT_KEYS, JobQuery
from dashboard.outputs import NO_OUTPUTS, ModelOutput, Outputs
from dashboard.quality import quality_from_json
from dashboard.review_walk import stop_at
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
def database(tmp_path: Path) -> Iterator[Database]:
    """Eight jobs in no order, and one that failed."""
    database = open_catalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
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


@pytest.fixture
def ready(
    put_outputs: Callable[..., Path], put_record: Callable[..., None], backend: redis.Redis
) -> list[str]:
    """Three jobs that are ready, and one that failed."""
    for job_id in ("one", "three", "two"):
        put_outputs(job_id)
        put_record(job_id, "SUCCESS", {"status": "completed"})
    put_record("zero", "FAILURE")
    return ["one", "three", "two"]


UNREVIEWED = JobQuery(sort="job_id", verdicts=frozenset({"unreviewed"}))


def test_the_service_walks_what_the_filter_asks_for(ready: list[str]) -> None:
    query = JobQuery(sort="job_id", statuses=frozenset({"ready"}))  # type: ignore[arg-type]
    trail, job_id, found = None, None, []
    for _ in itertools.count():
        here = stop_at(query, job_id, trail)
        assert here
        found.append(here.job_id)
        if here.following is None:
            break
        trail, job_id = here.longer, here.following
    assert found == ready


def test_without_an_address_a_walk_goes_on_from_its_first_job(ready: list[str]) -> None:
    here = stop_at(UNREVIEWED, None, None)
    assert here
    verdicts.give_verdict(here.job_id, Verdict.ACCEPTED, "", "Ada", upon=None)
    again = stop_at(UNREVIEWED, None, here.longer)
    assert again
    assert again.job_id == here.job_id == "one"
    anew = stop_at(UNREVIEWED, None, None)
    assert anew
    assert anew.job_id == "three"


def test_a_trail_of_another_list_is_left(ready: list[str]) -> None:
    here = stop_at(UNREVIEWED, "three", None)
    assert here
    other = stop_at(JobQuery(sort="-job_id"), "two", here.longer)
    assert other
    assert (other.number, other.previous, other.following) == (2, "zero", "three")


def test_there_is_no_stop_at_a_job_that_is_not_there(ready: list[str]) -> None:
    assert stop_at(UNREVIEWED, "nothing", None) is None
    assert stop_at(UNREVIEWED, "../../etc", None) is None
    assert stop_at(JobQuery(text="nothing"), None, None) is None
