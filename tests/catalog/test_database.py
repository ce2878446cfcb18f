"""The catalog's database: made, migrated, shared between processes, clear when it fails."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from select import select as select_ready

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select, text

from dashboard.catalog.database import CatalogUnavailableError, Database
from dashboard.catalog.leases import hold_lease
from dashboard.catalog.reading import load_entries, load_kinds, load_revision
from dashboard.catalog.sqlite_file import SqliteFile
from dashboard.catalog.tables import jobs, metadata
from dashboard.catalog.writing import note_sightings
from dashboard.outputs import ModelOutput, Outputs
from dashboard.settings import read_settings
from dashboard.status import OutputState
from tests.catalog.samples import arrived, random_sightings

LEASE = timedelta(seconds=6)

WRITER = """
import sys, time
from pathlib import Path
from dashboard.catalog.database import Database
from dashboard.catalog.writing import note_sightings
from tests.catalog.samples import random_sightings

url, number, start = sys.argv[1:]
database = Database(url)
print("here", flush=True)
while not Path(start).exists():
    time.sleep(0.001)
for sighting in random_sightings(int(number), 60):
    note_sightings(database, [sighting])
database.close()
"""


def load_jobs(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(connection.execute(select(jobs.c.job_id)).scalars())


def test_the_migrated_schema_is_that_of_the_tables(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_catalog_lies_where_its_url_says(tmp_path: Path) -> None:
    storage = tmp_path / "50%41 ü #1?x"
    url = read_settings({"JOB_STORAGE_PATH": str(storage)}).catalog_url
    database = Database(url)
    note_sightings(database, [arrived("a")])
    assert Path(f"{storage}.catalog.sqlite3").stat().st_size
    database.close()


def test_what_was_noted_is_there_when_the_catalog_is_opened_again(catalog_url: str) -> None:
    for expected in ({"a"}, {"a", "b"}):
        database = Database(catalog_url)
        note_sightings(database, [arrived(max(expected))])
        assert load_jobs(database) == expected
        database.close()


def test_several_dashboards_open_a_new_catalog_at_once_and_count_right(
    catalog_url: str, tmp_path: Path, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    writers = [start_python(WRITER, catalog_url, n, tmp_path / "start") for n in range(2)]
    assert {writer.stdout and writer.stdout.readline() for writer in writers} == {"here\n"}
    (tmp_path / "start").touch()
    assert [writer.wait() for writer in writers] == [0, 0]
    database = Database(catalog_url)
    require_true_counts(database)
    assert len(load_jobs(database)) > 80
    database.close()


OTHER = """
import sys
from dashboard.catalog.database import CatalogUnavailableError, Database
from dashboard.catalog.writing import note_sightings
from tests.catalog.samples import arrived

print("here", flush=True)
database = Database(sys.argv[1])
for _ in range(100):
    try:
        note_sightings(database, [arrived("other")])
        break
    except CatalogUnavailableError:
        pass
print("done", flush=True)
database.close()
"""


def test_who_makes_a_new_file_takes_away_nobodys_journal(
    sqlite_url: str,
    start_python: Callable[..., subprocess.Popen[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another dashboard comes between seeing that there is no file and clearing the place."""
    remove, others = SqliteFile.remove_remains, list[subprocess.Popen[str]]()

    def remove_late(file: SqliteFile) -> None:
        others.append(start_python(OTHER, sqlite_url))
        others[0].stdout.readline()
        select_ready([others[0].stdout], [], [], 1)  # it must not come so far
        remove(file)

    monkeypatch.setattr(SqliteFile, "remove_remains", remove_late)
    database = Database(sqlite_url)
    note_sightings(database, [arrived("own")])
    assert others[0].wait() == 0
    assert load_jobs(database) == {"own", "other"}
    database.close()


def require_true_counts(database: Database) -> None:
    with database.reading() as connection:
        told = {kind_id: number for kind_id, _, number in load_kinds(connection) if number}
        counted = connection.execute(select(jobs.c.kind, func.count()).group_by(jobs.c.kind))
        assert told == {row[0]: row[1] for row in counted}


def test_threads_that_write_the_same_jobs_at_once_count_right(database: Database) -> None:
    seen = [random_sightings(n, 60) for n in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda part: [note_sightings(database, [one]) for one in part], seen))
    require_true_counts(database)
    assert load_jobs(database) == {one.job_id for part in seen for one in part}


def test_a_reader_sees_one_moment_while_others_write(database: Database) -> None:
    note_sightings(database, [arrived("a")])
    with database.reading() as connection:
        before = load_revision(connection)
        note_sightings(database, [arrived("b")])
        assert sum(number for _, _, number in load_kinds(connection)) == 1
        assert load_revision(connection) == before
    with database.reading() as connection:
        assert sum(number for _, _, number in load_kinds(connection)) == 2


def test_names_of_any_length_and_order_find_their_kind(database: Database) -> None:
    # As long as a file system allows, and nothing that an index could press together.
    names = sorted(f"{'AZaz'[n % 4]}{Random(n).randbytes(127).hex()}" for n in range(20))
    models = tuple(ModelOutput(name, 1, None, None) for name in names)
    outputs = Outputs(OutputState.COMPLETE, models=models)
    note_sightings(database, [arrived("a", outputs)])
    with database.reading() as connection:
        assert load_entries(connection, ["a"])["a"].outputs == outputs
    assert note_sightings(database, [arrived("a", outputs)]) == 0


def test_a_lease_is_held_by_one_until_it_runs_out(database: Database) -> None:
    now = datetime.now(UTC)
    assert hold_lease(database, "task", "one", now, LEASE)
    assert hold_lease(database, "task", "one", now + LEASE / 2, LEASE)
    assert not hold_lease(database, "task", "other", now + LEASE, LEASE)
    assert hold_lease(database, "elsewhere", "other", now, LEASE)
    assert hold_lease(database, "task", "other", now + LEASE * 2, LEASE)
    assert not hold_lease(database, "task", "one", now + LEASE * 2, LEASE)


def test_tables_that_were_taken_away_are_made_anew(database: Database) -> None:
    note_sightings(database, [arrived("a")])
    generation = database.generation
    with database.writing() as connection:
        for table in (*reversed(metadata.sorted_tables), "alembic_version"):
            connection.execute(text(f"DROP TABLE {table}"))
    with pytest.raises(CatalogUnavailableError):
        load_jobs(database)
    assert load_jobs(database) == set()
    assert database.generation > generation


def test_a_catalog_of_a_newer_dashboard_is_left_alone(database: Database, catalog_url: str) -> None:
    note_sightings(database, [arrived("a")])
    with database.writing() as connection:
        ours = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    older = Database(catalog_url)
    with pytest.raises(CatalogUnavailableError, match="9999"):
        load_jobs(older)
    with database.writing() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{ours}'"))
    assert load_jobs(older) == {"a"}
    older.close()


def test_a_postgresql_that_went_away_and_came_back(
    postgresql_url: str, postgresql: Callable[[str], str]
) -> None:
    database = Database(postgresql_url)
    note_sightings(database, [arrived("a")])
    with psycopg.connect(postgresql("postgres"), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [postgresql_url.partition("@/")[2].partition("?")[0]],
        )
    assert load_jobs(database) == {"a"}
    database.close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://nobody@127.0.0.1:1/catalog", "Connection refused"),
        ("postgresql://nobody@nowhere.invalid/catalog", "failed to resolve host"),
        ("postgresql://nobody@/catalog?host=/nowhere/at/all", "No such file or directory"),
        ("sqlite:////nowhere/at/all/catalog.sqlite3", "No such file or directory"),
    ],
)
def test_a_fault_is_told_without_addresses_and_paths(url: str, told: str) -> None:
    with pytest.raises(CatalogUnavailableError) as caught:
        load_jobs(Database(url))
    assert told in str(caught.value)
    assert "nowhere" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
