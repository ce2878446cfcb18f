"""Verdicts in both databases: kept with their history, counted, merged, and never overwritten."""

import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from dashboard import verdicts
from dashboard.catalog.database import Database
from dashboard.catalog.reading import load_entries
from dashboard.catalog.verdicts import OvertakenError, take_in
from dashboard.celery_record import NO_RECORD, CeleryRecord
from tests.catalog.reviews import (
    ACCEPTED,
    NOON,
    REJECTED,
    REWORK,
    counts,
    current,
    decide,
    everything,
    history,
    see,
)


@pytest.fixture
def database(open_database: Callable[[], Database]) -> Database:
    return open_database()


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


@pytest.mark.parametrize("schema", ["0001", "0003"])
def test_a_catalog_from_before_verdicts_is_brought_along(
    schema: str, tmp_path: Path, catalog_url: str, open_database: Callable[[], Database]
) -> None:
    engine = create_engine(catalog_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        upgrade(connection, schema)
        columns = "(id, phase, output, models, lacks, is_surveyed, jobs)"
        kind = "(7, 'completed', 'no job directory', '[]', 'psnr,size_bytes,ssim', true, 1)"
        connection.execute(text(f"INSERT INTO kinds {columns} VALUES {kind}"))
        columns = "(job_id, kind, state, outcome, output, signature, is_surveyed, first_seen_at, "
        columns += "alive_at, created_at, updated_at)"
        job = "('job1', 7, 'SUCCESS', 'completed', 'no job directory', '', true, 5, 5, 5, 5)"
        connection.execute(text(f"INSERT INTO jobs {columns} VALUES {job}"))
    engine.dispose()
    database = open_database()
    assert counts(database) == {"unreviewed": 1}
    review = decide(database)
    assert current(database) == review
    assert counts(database) == {"accepted": 1}
