"""The journal beside a SQLite catalog: whatever happens to the file, no verdict is lost."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from dashboard.catalog.database import CatalogUnavailableError, Database
from tests.catalog.reviews import (
    ACCEPTED,
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
def catalog_url(sqlite_url: str) -> str:
    """PostgreSQL keeps no journal: it has backups of its own."""
    return sqlite_url


@pytest.fixture
def database(open_database: Callable[[], Database]) -> Database:
    return open_database()


def lose_file(file: Path) -> None:
    for each in file.parent.glob(f"{file.name}*"):
        if not each.name.endswith(".jsonl"):
            each.unlink()


def test_a_deleted_catalog_takes_its_verdicts_with_it_nowhere(
    open_database: Callable[[], Database], sqlite_file: Path
) -> None:
    database = open_database()
    see(database, "job1")
    first = decide(database, ACCEPTED, note="Fine\nall round")
    second = decide(database, REWORK, first, reviewer="Grace")
    other = decide(database, REJECTED, job_id="gone9")
    lose_file(sqlite_file)
    # The dashboard that runs notices by itself, and so does one that starts.
    for again in (database, open_database()):
        assert history(again) == [second, first]
        assert history(again, "gone9") == [other]
    see(database, "job1")
    assert current(database) == second
    assert counts(database) == {"rework": 1}


def test_a_damaged_catalog_is_replaced_with_all_its_verdicts(
    open_database: Callable[[], Database], sqlite_file: Path
) -> None:
    database = open_database()
    see(database, "job1")
    review = decide(database)
    database.close()
    file = sqlite_file
    lose_file(Path(f"{file}-wal"))
    lose_file(Path(f"{file}-shm"))
    file.write_bytes(b"this is not a database" * 1000)
    with pytest.raises(CatalogUnavailableError):
        everything(database)
    assert everything(database) == [review]
    assert list(file.parent.glob("*.damaged-*"))


def test_a_catalog_set_back_to_a_copy_is_brought_up_to_date(
    open_database: Callable[[], Database], sqlite_file: Path
) -> None:
    database = open_database()
    first = decide(database)
    database.close()
    file = sqlite_file
    copy = file.read_bytes()
    second = decide(database, REJECTED, first)
    database.close()
    lose_file(file)
    file.write_bytes(copy)
    assert history(open_database()) == [second, first]


def test_a_lost_journal_is_written_anew(
    open_database: Callable[[], Database], sqlite_file: Path
) -> None:
    database = open_database()
    first = decide(database)
    journal = Path(f"{sqlite_file}.verdicts.jsonl")
    journal.unlink()
    second = decide(database, REJECTED, first)  # while it runs
    assert len(journal.read_text().splitlines()) == 2
    journal.unlink()
    open_database().close()
    again = open_database()  # or at the next start
    assert everything(again) == [first, second]
    assert len(journal.read_text().splitlines()) == 2


def test_a_line_cut_off_costs_neither_the_others_nor_the_next(
    open_database: Callable[[], Database], sqlite_file: Path
) -> None:
    database = open_database()
    first = decide(database)
    journal = Path(f"{sqlite_file}.verdicts.jsonl")
    with journal.open("ab") as file:
        file.write(b'{"id": "\xff\xfe')
    second = decide(database, REJECTED, first)
    lose_file(sqlite_file)
    assert everything(open_database()) == [first, second]


def test_what_the_journal_cannot_keep_is_not_given(database: Database, sqlite_file: Path) -> None:
    see(database, "job1")
    journal = Path(f"{sqlite_file}.verdicts.jsonl")
    journal.mkdir()
    with pytest.raises(CatalogUnavailableError, match="Is a directory"):
        decide(database)
    assert everything(database) == []
    assert counts(database) == {"unreviewed": 1}


def test_what_the_catalog_refuses_in_the_end_never_comes_to_count(
    database: Database, open_database: Callable[[], Database], sqlite_file: Path
) -> None:
    first = decide(database)

    def refuse(_connection: object) -> None:
        full = sqlite3.OperationalError("database or disk is full")
        raise OperationalError("COMMIT", {}, full)

    event.listen(database._engine, "commit", refuse)
    for _ in range(2):
        with pytest.raises(CatalogUnavailableError, match="full"):
            decide(database, REJECTED, first)
    event.remove(database._engine, "commit", refuse)
    second = decide(database, REWORK, first)
    database.close()
    lose_file(sqlite_file)
    assert everything(open_database()) == [first, second]


def test_a_journal_that_cannot_be_read_keeps_no_list_away(
    open_database: Callable[[], Database], sqlite_file: Path
) -> None:
    Path(f"{sqlite_file}.verdicts.jsonl").mkdir()
    database = open_database()
    see(database, "job1")
    assert counts(database) == {"unreviewed": 1}


KILLED = """
import os, sys
from dashboard.catalog.verdicts import Keeper, give, open_catalog
from dashboard.verdict import Verdict
from datetime import UTC, datetime
url = os.environ["CATALOG_URL"]
with Keeper(url) as keeper, open_catalog(url).writing() as connection:
    review, _ = give(connection, "job1", Verdict.ACCEPTED, "", "Ada", upon=None,
                     now=datetime.now(UTC))
    keeper.keep(connection, [review])
    print(review.id, flush=True)
    os._exit(9)  # before the transaction ends
"""


def test_a_verdict_in_the_journal_counts_though_the_dashboard_died(
    open_database: Callable[[], Database], sqlite_file: Path
) -> None:
    root = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": f"{root}:{root / 'packaging'}"}
    died = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment, stdout=subprocess.PIPE, check=False
    )
    assert died.returncode == 9
    [review] = everything(open_database())
    assert review.id == died.stdout.decode().strip()


def test_the_current_verdicts_are_found_by_an_index(database: Database, sqlite_file: Path) -> None:
    see(database, "job1")
    with sqlite3.connect(sqlite_file) as plain:
        asked = "SELECT * FROM verdicts WHERE job_id IN ('a', 'b') AND is_current IS 1"
        [row] = plain.execute(f"EXPLAIN QUERY PLAN {asked}").fetchall()
    plain.close()
    assert "USING INDEX verdicts_current" in row[3]
