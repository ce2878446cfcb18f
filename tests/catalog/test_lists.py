"""Pages of lists, against sorting and filtering all jobs by hand."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dashboard import job_pages
from dashboard.catalog import reading
from dashboard.catalog.database import Database
from dashboard.catalog.entries import Entry, Sighting
from dashboard.catalog.reading import load_entries
from dashboard.catalog.tables import jobs
from dashboard.catalog.writing import note_sightings
from dashboard.celery_record import NO_RECORD
from dashboard.errors import JobStatus
from dashboard.job_pages import JobPage, list_jobs
from dashboard.job_query import QUALITIES, SORTS, JobQuery, parse_query
from dashboard.jobs import judge
from dashboard.outputs import NO_OUTPUTS, Outputs
from dashboard.status import OutputState
from tests.catalog.samples import MODELS, NOW, arrived, random_sightings

LATER = Outputs(OutputState.ABSENT, created_at=NOW + timedelta(days=1))
queries = st.builds(
    JobQuery,
    statuses=st.frozensets(st.sampled_from(JobStatus), max_size=3),
    models=st.frozensets(st.sampled_from([*MODELS, "nobody's"]), max_size=2),
    qualities=st.frozensets(st.sampled_from(QUALITIES), max_size=2),
    text=st.sampled_from(["", "", "", "a", "Z", "b1", "-", "_", "%", "*", "a_", "ä", "'", "\\"]),
    sort=st.sampled_from(sorted(SORTS)),
    limit=st.sampled_from([1, 7, 50, 200]),
    offset=st.integers(0, 420),
)


class Keeper:
    """A catalog that nobody keeps up to date."""

    def __init__(self, database: Database) -> None:
        self.database, self.backend_away = database, False
        self.catalog_fault: str | None = None

    def wait_until_listed(self) -> None: ...


@pytest.fixture
def keeper(
    database: Database, storage: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Keeper]:
    """Four hundred jobs of all sorts, without files: nobody looks after them."""
    found = Keeper(database)
    note_sightings(database, random_sightings(1, 400))
    monkeypatch.setattr(job_pages, "live", lambda: found)
    monkeypatch.setattr(job_pages, "has_changed", lambda *_: False)
    return found


def all_entries(database: Database) -> list[Entry]:
    with database.reading() as connection:
        job_ids = connection.execute(select(jobs.c.job_id)).scalars().all()
        return list(load_entries(connection, job_ids).values())


def figure_of(entry: Entry, key: str) -> object:
    if key in {"job_id", "created_at", "updated_at"}:
        return getattr(entry, key)
    return getattr(entry.outputs, key)


def expected(entries: list[Entry], query: JobQuery, *, away: bool = False) -> list[str]:
    """All that pass, in order."""

    def passes(entry: Entry) -> bool:
        status = judge(entry, backend_away=away, now=NOW).status
        of_models = not (query.models or query.qualities) or any(
            (not query.models or model.name in query.models)
            and (not query.qualities or quality_of(model) in query.qualities)
            for model in entry.outputs.models
        )
        of_status = status is not None and (not query.statuses or status in query.statuses)
        return of_status and of_models and query.text.lower() in entry.job_id.lower()

    passing = [entry for entry in entries if passes(entry)]
    have = [entry for entry in passing if figure_of(entry, query.sort_key) is not None]
    have.sort(
        key=lambda entry: (figure_of(entry, query.sort_key), entry.job_id), reverse=query.descending
    )
    lack = sorted({entry.job_id for entry in passing} - {entry.job_id for entry in have})
    return [entry.job_id for entry in have] + lack


def quality_of(model: object) -> str:
    return (model.quality and model.quality.status) or "none"


def ids(page: JobPage) -> list[str]:
    return [job.job_id for job in page.jobs]


@pytest.mark.parametrize("merged_max", [3, reading.MERGED_MAX])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(query=queries, away=st.booleans(), serve=st.booleans())
def test_a_page_is_what_sorting_all_jobs_by_hand_gives(
    keeper: Keeper, merged_max: int, query: JobQuery, away: bool, serve: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "MERGED_MAX", merged_max)
        patch.setenv("SERVE_UNRECORDED", str(int(serve)))
        keeper.backend_away = away
        page = list_jobs(query)
        wanted = expected(all_entries(keeper.database), query, away=away)
    end = query.offset + query.limit
    assert ids(page) == wanted[query.offset : end]
    assert page.total == len(wanted)
    assert (page.following is not None) == (len(wanted) > end)


def test_following_the_cursor_shows_every_job_once(keeper: Keeper) -> None:
    entries = all_entries(keeper.database)
    for sort, wish in product(sorted(SORTS), ({}, {"status": ["ready", "failed"]}, {"q": ["a"]})):
        asked = wish | {"sort": [sort], "limit": ["33"]}
        page = list_jobs(parse_query(asked))
        shown = ids(page)
        while page.following:
            page = list_jobs(parse_query(asked | {"cursor": [page.following.as_cursor()]}))
            shown += ids(page)
            assert page.jobs
            assert len(shown) <= len(entries)
        assert shown == expected(entries, parse_query(asked))


@pytest.mark.parametrize("sort", ["-created_at", "job_id", "psnr"])
def test_a_walk_is_not_disturbed_by_jobs_that_come_and_go(keeper: Keeper, sort: str) -> None:
    before = all_entries(keeper.database)
    query = JobQuery(sort=sort, limit=20)
    page, shown, gone = list_jobs(query), list[str](), set[str]()
    for number in range(100):
        shown += ids(page)
        if not page.following:
            break
        # What the cursor names goes as well, and new ones come to either end.
        note_sightings(keeper.database, removed(page.following.job_id))
        gone.add(page.following.job_id)
        note_sightings(keeper.database, [arrived(f"{end}new{number}", LATER) for end in "0z"])
        page = list_jobs(replace(query, after=page.following))
    stayed = [job_id for job_id in expected(before, query) if job_id not in gone]
    assert [job_id for job_id in shown if job_id in set(stayed)] == stayed


def removed(job_id: str) -> list[Sighting]:
    later = NOW + timedelta(hours=1)
    forgotten = Sighting(job_id=job_id, seen_at=later, outputs=NO_OUTPUTS)
    return [forgotten, replace(forgotten, record=NO_RECORD)]


def test_counts_are_those_of_all_jobs_whatever_the_filter(keeper: Keeper) -> None:
    entries = all_entries(keeper.database)
    page = list_jobs(JobQuery(text="a", statuses=frozenset({JobStatus.READY})))
    statuses = Counter(judge(entry, backend_away=False, now=NOW).status for entry in entries)
    assert page.by_status == statuses
    assert set(statuses) >= set(JobStatus) - {JobStatus.UNRECORDED}
    models = [entry.outputs.models for entry in entries]
    assert page.by_model == Counter(model.name for each in models for model in each)
    assert page.by_quality == Counter(q for each in models for q in set(map(quality_of, each)))
    assert page.unsurveyed == sum(not entry.outputs.is_surveyed for entry in entries)


def test_no_page_sorts_or_reads_all_jobs(
    sqlite_url: str,
    storage: object,
    monkeypatch: pytest.MonkeyPatch,
    plans_of: Callable[..., list[str]],
) -> None:
    database = Database(sqlite_url)
    note_sightings(database, random_sightings(2, 400))
    monkeypatch.setattr(job_pages, "live", lambda: Keeper(database))
    monkeypatch.setattr(job_pages, "has_changed", lambda *_: False)
    for query in (query for sort in sorted(SORTS) for query in queries_by(sort)):
        for plan in plans_of(database, lambda query=query: list_jobs(query)):
            assert "TEMP B-TREE" not in plan, (query, plan)
            assert "SCAN jobs" not in plan.replace("SCAN jobs USING", ""), (query, plan)
    database.close()


def queries_by(sort: str) -> list[JobQuery]:
    after = list_jobs(JobQuery(sort=sort, limit=150)).following
    return [
        JobQuery(sort=sort),
        JobQuery(sort=sort, offset=300),
        JobQuery(sort=sort, after=after),
        JobQuery(sort=sort, statuses=frozenset({JobStatus.READY})),
        JobQuery(sort=sort, statuses=frozenset(JobStatus) - {JobStatus.QUEUED}, offset=200),
        JobQuery(sort=sort, models=frozenset({"Zoo"}), qualities=frozenset({"normal"})),
        JobQuery(sort=sort, text="a1", statuses=frozenset({JobStatus.FAILED})),
    ]


@pytest.fixture
def plans_of() -> Callable[..., list[str]]:
    """Say how SQLite goes about each statement that a call makes."""

    def explain(database: Database, call: Callable[[], object]) -> list[str]:
        from sqlalchemy import event

        made: list[tuple[str, object]] = []
        event.listen(
            database._engine,
            "before_cursor_execute",
            remember := lambda _c, _cursor, statement, values, *_: made.append((statement, values)),
        )
        call()
        event.remove(database._engine, "before_cursor_execute", remember)
        with database.reading() as connection:
            asked = [(f"EXPLAIN QUERY PLAN {s}", v) for s, v in made if s.startswith("SELECT")]
            found = [connection.exec_driver_sql(s, v).all() for s, v in asked]
        return ["\n".join(str(row[-1]) for row in rows) for rows in found]

    return explain
