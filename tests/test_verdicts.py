"""Verdicts in the catalog: kept with their history, counted, merged, and never lost."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from starlette.testclient import TestClient

from dashboard import verdicts
from dashboard.catalog.database import CatalogUnavailableError, Database, migrate
from dashboard.catalog.entries import Sighting
from dashboard.catalog.reading import load_entries, load_kinds
from dashboard.catalog.tables import metadata
from dashboard.catalog.verdicts import (
    OvertakenError,
    give,
    keep,
    load_all,
    load_history,
    open_catalog,
    take_in,
)
from dashboard.catalog.writing import note_sightings
from dashboard.celery_record import NO_RECORD, CeleryRecord
from dashboard.job_query import parse_query
from dashboard.jobs import get_job
from dashboard.outputs import NO_OUTPUTS
from dashboard.verdict import Review, Verdict

ACCEPTED, REWORK, REJECTED = Verdict
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DONE = CeleryRecord(state="SUCCESS", outcome="completed")


@pytest.fixture
def catalog_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'jobs.catalog.sqlite3'}"
    monkeypatch.setenv("CATALOG_URL", url)
    return url


@pytest.fixture
def open_database(catalog_url: str) -> Iterator[Callable[[], Database]]:
    """Open the catalog as one more dashboard does."""
    opened: list[Database] = []

    def open_one() -> Database:
        opened.append(open_catalog(catalog_url))
        return opened[-1]

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture
def database(open_database: Callable[[], Database]) -> Database:
    return open_database()


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
    with database.writing() as connection:
        last = upon.id if upon else None
        review, is_new = give(connection, job_id, verdict, note, reviewer, upon=last, now=now)
        keep(connection, os.environ["CATALOG_URL"], [review] if is_new else [])
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


def test_verdicts_follow_one_another_and_none_is_changed(database: Database) -> None:
    see(database, "job1")
    assert current(database) is None
    first = decide(database, ACCEPTED)
    second = decide(database, REJECTED, first, note="Holes", reviewer="Grace")
    assert history(database) == [second, first]
    assert (second.replaced, first.replaced) == (first.id, None)
    assert current(database) == second


def test_kinds_count_a_job_by_its_last_verdict(database: Database) -> None:
    for number in range(3):
        see(database, f"job{number}")
    assert counts(database) == {"unreviewed": 3}
    first = decide(database, ACCEPTED)
    decide(database, REWORK, first)
    decide(database, REWORK, job_id="job2")
    assert counts(database) == {"unreviewed": 1, "rework": 2}
    see(database, "job1", CeleryRecord(state="FAILURE"))  # other news keep the verdict
    assert counts(database) == {"unreviewed": 1, "rework": 2}


def test_a_list_notices_a_verdict(database: Database) -> None:
    def revision() -> int:
        with database.reading() as connection:
            return int(connection.execute(text("SELECT value FROM revision")).scalar_one())

    before = revision()
    decide(database)
    assert revision() > before


def test_who_was_overtaken_overwrites_nothing_and_learns_of_whom(database: Database) -> None:
    see(database, "job1")
    hers = decide(database, ACCEPTED, reviewer="Grace")
    with pytest.raises(OvertakenError) as caught:
        decide(database, REJECTED, reviewer="Ada")
    assert caught.value.review == hers
    assert history(database) == [hers]
    assert counts(database) == {"accepted": 1}
    assert decide(database, REJECTED, hers, reviewer="Ada").replaced == hers.id


def test_the_same_verdict_once_more_adds_nothing(database: Database) -> None:
    review = decide(database, ACCEPTED, note="Fine")
    assert decide(database, ACCEPTED) == review  # a button pressed twice
    assert decide(database, ACCEPTED, review, note="Fine") == review
    assert history(database) == [review]


def test_the_order_of_verdicts_is_not_that_of_clocks(database: Database) -> None:
    first = decide(database, ACCEPTED, now=NOON)
    second = decide(database, REJECTED, first, now=NOON - timedelta(hours=1))
    assert second.decided_at > first.decided_at
    assert history(database) == [second, first]


def test_of_two_writers_at_once_one_is_overtaken(open_database: Callable[[], Database]) -> None:
    databases = [open_database() for _ in range(8)]
    see(databases[0], "job1")
    start, won, lost = threading.Barrier(8), [], []

    def write(database: Database, name: str) -> None:
        start.wait()
        try:
            won.append(decide(database, ACCEPTED, reviewer=name))
        except OvertakenError as exc:
            lost.append(exc.review)

    threads = [
        threading.Thread(target=write, args=(database, f"reviewer {number}"))
        for number, database in enumerate(databases)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = won
    assert lost == [winner] * 7
    assert everything(databases[0]) == [winner]
    assert counts(databases[0]) == {"accepted": 1}


def test_a_verdict_outlives_its_job(database: Database) -> None:
    see(database, "job1", CeleryRecord(state="STARTED"))
    review = decide(database)
    see(database, "job1", NO_RECORD)  # nowhere any more, and it had no end
    with database.reading() as connection:
        assert load_entries(connection, ["job1"]) == {}
    assert history(database) == [review]
    see(database, "job1")  # it comes back
    assert current(database) == review
    assert counts(database) == {"accepted": 1}


def test_a_job_may_be_judged_before_it_is_catalogued(database: Database) -> None:
    review = decide(database)
    see(database, "job1")
    assert current(database) == review
    assert counts(database) == {"accepted": 1}


def catalog_file(catalog_url: str) -> Path:
    return Path(catalog_url.removeprefix("sqlite:///"))


def lose_file(file: Path) -> None:
    for each in file.parent.glob(f"{file.name}*"):
        if not each.name.endswith(".jsonl"):
            each.unlink()


def test_a_deleted_catalog_takes_its_verdicts_with_it_nowhere(
    open_database: Callable[[], Database], catalog_url: str
) -> None:
    database = open_database()
    see(database, "job1")
    first = decide(database, ACCEPTED, note="Fine\nall round")
    second = decide(database, REWORK, first, reviewer="Grace")
    other = decide(database, REJECTED, job_id="gone9")
    lose_file(catalog_file(catalog_url))
    # The dashboard that runs notices by itself, and so does one that starts.
    for again in (database, open_database()):
        assert history(again) == [second, first]
        assert history(again, "gone9") == [other]
    see(database, "job1")
    assert current(database) == second
    assert counts(database) == {"rework": 1}


def test_a_damaged_catalog_is_replaced_with_all_its_verdicts(
    open_database: Callable[[], Database], catalog_url: str
) -> None:
    database = open_database()
    see(database, "job1")
    review = decide(database)
    database.close()
    file = catalog_file(catalog_url)
    lose_file(Path(f"{file}-wal"))
    lose_file(Path(f"{file}-shm"))
    file.write_bytes(b"this is not a database" * 1000)
    with pytest.raises(CatalogUnavailableError):
        everything(database)
    assert everything(database) == [review]
    assert list(file.parent.glob("*.damaged-*"))


def test_a_catalog_set_back_to_a_copy_is_brought_up_to_date(
    open_database: Callable[[], Database], catalog_url: str
) -> None:
    database = open_database()
    first = decide(database)
    database.close()
    file = catalog_file(catalog_url)
    copy = file.read_bytes()
    second = decide(database, REJECTED, first)
    database.close()
    lose_file(file)
    file.write_bytes(copy)
    assert history(open_database()) == [second, first]


def test_a_lost_journal_is_written_anew(
    open_database: Callable[[], Database], catalog_url: str
) -> None:
    database = open_database()
    first = decide(database)
    journal = Path(f"{catalog_file(catalog_url)}.verdicts.jsonl")
    journal.unlink()
    second = decide(database, REJECTED, first)  # while it runs
    assert len(journal.read_text().splitlines()) == 2
    journal.unlink()
    open_database().close()
    again = open_database()  # or at the next start
    assert everything(again) == [first, second]
    assert len(journal.read_text().splitlines()) == 2


def test_a_line_cut_off_costs_neither_the_others_nor_the_next(
    open_database: Callable[[], Database], catalog_url: str
) -> None:
    database = open_database()
    first = decide(database)
    journal = Path(f"{catalog_file(catalog_url)}.verdicts.jsonl")
    with journal.open("ab") as file:
        file.write(b'{"id": "\xff\xfe')
    second = decide(database, REJECTED, first)
    lose_file(catalog_file(catalog_url))
    assert everything(open_database()) == [first, second]


def test_what_the_journal_cannot_keep_is_not_given(database: Database, catalog_url: str) -> None:
    see(database, "job1")
    journal = Path(f"{catalog_file(catalog_url)}.verdicts.jsonl")
    journal.mkdir()
    with pytest.raises(CatalogUnavailableError, match="Is a directory"):
        decide(database)
    assert everything(database) == []
    assert counts(database) == {"unreviewed": 1}


def test_a_journal_that_cannot_be_read_keeps_no_list_away(
    open_database: Callable[[], Database], catalog_url: str
) -> None:
    Path(f"{catalog_file(catalog_url)}.verdicts.jsonl").mkdir()
    database = open_database()
    see(database, "job1")
    assert counts(database) == {"unreviewed": 1}


KILLED = """
import os, sys
from dashboard.catalog.verdicts import give, keep, open_catalog
from dashboard.verdict import Verdict
from datetime import UTC, datetime
url = os.environ["CATALOG_URL"]
with open_catalog(url).writing() as connection:
    review, _ = give(connection, "job1", Verdict.ACCEPTED, "", "Ada", upon=None,
                     now=datetime.now(UTC))
    keep(connection, url, [review])
    print(review.id, flush=True)
    os._exit(9)  # before the transaction ends
"""


def test_a_verdict_in_the_journal_counts_though_the_dashboard_died(
    open_database: Callable[[], Database], catalog_url: str
) -> None:
    root = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": f"{root}:{root / 'packaging'}"}
    died = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment, stdout=subprocess.PIPE, check=False
    )
    assert died.returncode == 9
    [review] = everything(open_database())
    assert review.id == died.stdout.decode().strip()


def test_histories_merge_and_the_latest_counts(database: Database) -> None:
    see(database, "job1")
    first = decide(database, ACCEPTED)
    # Elsewhere somebody decided upon the same first verdict, a little earlier and a little later.
    second = decide(database, REWORK, first, now=NOON + timedelta(hours=2))
    earlier = replace(second, id=uuid.uuid4().hex, decided_at=NOON + timedelta(hours=1))
    later = replace(
        second, id=uuid.uuid4().hex, verdict=REJECTED, decided_at=NOON + timedelta(hours=3)
    )
    with database.writing() as connection:
        assert take_in(connection, [earlier, first, second]) == [earlier]
    assert current(database) == second
    with database.writing() as connection:
        take_in(connection, [later, later])
    assert history(database) == [later, second, earlier, first]
    assert current(database) == later
    assert counts(database) == {"rejected": 1}


def run_command(argument: str, monkeypatch: pytest.MonkeyPatch, given: str = "") -> tuple[int, str]:
    out = StringIO()
    monkeypatch.setattr(sys, "stdin", StringIO(given))
    monkeypatch.setattr(sys, "stdout", out)
    return verdicts.main([argument]), out.getvalue()


def test_one_command_saves_all_and_another_takes_them_in_again(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = decide(database, ACCEPTED, note="Fine <b>\nall round ✓")
    second = decide(database, REWORK, first)
    code, saved = run_command("export", monkeypatch)
    assert code == 0
    assert [json.loads(line)["id"] for line in saved.splitlines()] == [first.id, second.id]
    monkeypatch.setenv("CATALOG_URL", f"sqlite:///{tmp_path / 'other.sqlite3'}")
    assert run_command("import", monkeypatch, saved) == (0, "")
    assert run_command("import", monkeypatch, saved) == (0, "")  # once more is no more
    assert run_command("export", monkeypatch) == (0, saved)
    assert capsys.readouterr().err.splitlines() == [
        "2 of 2 verdicts were new",
        "0 of 2 verdicts were new",
    ]
    assert (tmp_path / "other.sqlite3.verdicts.jsonl").read_text() == saved


def test_an_import_with_a_broken_line_takes_nothing_in(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = json.dumps({**decide(database).as_json(), "id": "f" * 32})
    assert run_command("import", monkeypatch, f"{line}\n{{broken\n") == (1, "")
    assert capsys.readouterr().err == "line 2 is not a review; nothing was imported\n"
    assert len(everything(database)) == 1


def test_the_command_runs_by_its_name(catalog_url: str, database: Database) -> None:
    review = decide(database)
    root = Path(__file__).parents[1]
    told = subprocess.run(
        [sys.executable, "-m", "dashboard.verdicts", "export"],
        env=os.environ | {"PYTHONPATH": f"{root}:{root / 'packaging'}"},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert json.loads(told.stdout)["id"] == review.id


def upgrade(connection: Connection, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", "dashboard.catalog:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def test_a_catalog_from_before_verdicts_is_brought_along(
    tmp_path: Path, catalog_url: str, open_database: Callable[[], Database]
) -> None:
    engine = create_engine(catalog_url)
    with engine.begin() as connection:
        upgrade(connection, "0001")
        columns = "(id, phase, output, models, lacks, is_surveyed, jobs)"
        kind = "(7, 'completed', 'no job directory', '[]', 'psnr,size_bytes,ssim', 1, 1)"
        connection.execute(text(f"INSERT INTO kinds {columns} VALUES {kind}"))
        columns = "(job_id, kind, state, outcome, output, signature, is_surveyed, first_seen_at, "
        columns += "alive_at, created_at, updated_at)"
        job = "('job1', 7, 'SUCCESS', 'completed', 'no job directory', '', 1, 5, 5, 5, 5)"
        connection.execute(text(f"INSERT INTO jobs {columns} VALUES {job}"))
    engine.dispose()
    database = open_database()
    assert counts(database) == {"unreviewed": 1}
    review = decide(database)
    assert current(database) == review
    assert counts(database) == {"accepted": 1}


def test_the_tables_are_those_that_the_migrations_make(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'made.sqlite3'}")
    with engine.begin() as connection:
        migrate(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_current_verdicts_are_found_by_an_index(database: Database, catalog_url: str) -> None:
    see(database, "job1")
    with sqlite3.connect(catalog_file(catalog_url)) as plain:
        asked = "SELECT * FROM verdicts WHERE job_id IN ('a', 'b') AND is_current IS 1"
        [row] = plain.execute(f"EXPLAIN QUERY PLAN {asked}").fetchall()
    plain.close()
    assert "USING INDEX verdicts_current" in row[3]


@pytest.fixture
def judged(
    put_outputs: Callable[..., Path], put_record: Callable[..., None], backend: redis.Redis
) -> Review:
    """Two jobs that are ready, one of them accepted."""
    for job_id in ("seen1", "unseen1"):
        put_outputs(job_id)
        put_record(job_id, "SUCCESS", {"status": "completed"})
    return verdicts.give_verdict("seen1", ACCEPTED, "Fine", "Ada", upon=None)


def test_lists_and_jobs_tell_the_verdict_over_http(http: TestClient, judged: Review) -> None:
    told = {
        "verdict": "accepted",
        "note": "Fine",
        "reviewer": "Ada",
        "decided_at": judged.decided_at.isoformat(),
    }
    assert http.get("/jobs/seen1").json()["verdict"] == told
    assert http.get("/jobs/unseen1").json()["verdict"] is None
    listed = {job["job_id"]: job["verdict"] for job in http.get("/jobs").json()["jobs"]}
    assert listed == {"seen1": told, "unseen1": None}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("verdict=accepted", {"seen1"}),
        ("verdict=unreviewed", {"unseen1"}),
        ("verdict=unreviewed&verdict=accepted", {"seen1", "unseen1"}),
        ("verdict=rework,rejected", set()),
        ("verdict=accepted&status=failed", set()),
    ],
)
def test_lists_are_filtered_by_verdict(
    http: TestClient, judged: Review, asked: str, found: set[str]
) -> None:
    page = http.get(f"/jobs?{asked}").json()
    assert {job["job_id"] for job in page["jobs"]} == found
    assert page["total"] == len(found)


def test_an_unknown_verdict_is_an_invalid_parameter(http: TestClient) -> None:
    answer = http.get("/jobs?verdict=fine")
    assert answer.status_code == 422
    wanted = "one of unreviewed, accepted, rework, rejected"
    assert answer.json()["error"]["details"]["allowed"] == wanted


def test_a_query_names_its_verdicts() -> None:
    query = parse_query({"verdict": ["unreviewed", "rework,rejected"]})
    assert query.verdicts == {"unreviewed", "rework", "rejected"}


def test_a_job_that_is_gone_still_tells_its_verdict(storage: Path, backend: redis.Redis) -> None:
    review = verdicts.give_verdict("gone1", REJECTED, "", "Ada", upon=None)
    job = get_job("gone1")
    assert job.status is None
    assert job.review == review


def test_a_verdict_needs_a_name(storage: Path, backend: redis.Redis) -> None:
    with pytest.raises(ValueError, match="name"):
        verdicts.give_verdict("job1", ACCEPTED, "", " \t", upon=None)
    assert verdicts.read_history("job1") == []


def test_texts_are_cleaned_on_their_way_in(
    storage: Path, backend: redis.Redis, http: TestClient
) -> None:
    review: Any = verdicts.give_verdict(
        "job1", ACCEPTED, "a\0b\ud800\x1b" + "x" * 9000, "Ada\n", upon=None
    )
    assert review.note.startswith("a?b? x")
    assert len(review.note) == 2000
    assert review.reviewer == "Ada"
    assert verdicts.read_history("job1") == [review]
