"""A catalog that is lost, damaged, locked, read-only, full or hangs: it is said what is wrong,
downloads go on, and the catalog comes back by itself.
"""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from starlette.testclient import TestClient

from dashboard.catalog import database as database_module
from dashboard.catalog.database import CatalogUnavailableError, Database
from dashboard.catalog.reading import load_entries, load_kinds
from dashboard.catalog.writing import note_sightings
from tests.catalog.samples import arrived, random_sightings
from tests.pages import open_page
from tests.powerless import powerless

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def listed(
    http: TestClient,
    finished_job: str,
    sqlite_file: Path,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
) -> Path:
    """The file of a catalog that holds one ready job, while the dashboard runs on it."""
    monkeypatch.setenv("CATALOG_URL", sqlite_url)
    until(lambda: status_of(http, finished_job) == "ready")
    return sqlite_file


def status_of(http: TestClient, job_id: str) -> str | None:
    found = {job["job_id"]: job["status"] for job in http.get("/jobs").json().get("jobs", [])}
    return found.get(job_id)


def write_into(file: Path, content: bytes, at: int = 0) -> None:
    """Write into the very file, as a broken disk does."""
    with file.open("r+b") as stream:
        stream.seek(at)
        stream.write(content)


def replaced(file: Path, content: bytes) -> None:
    other = file.with_name("other")
    other.write_bytes(content)
    other.replace(file)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "overwritten": lambda file: write_into(file, b"garbage!" * 1000),
    "overwritten, all of it": lambda file: write_into(file, b"\xff" * file.stat().st_size),
    "replaced by a text": lambda file: replaced(file, b"This is not a database. " * 1000),
    "replaced by little": lambda file: replaced(file, b"?"),
    "emptied": lambda file: os.truncate(file, 0),
    "cut": lambda file: os.truncate(file, file.stat().st_size // 3),
    "deleted": lambda file: file.unlink(),
    "deleted, with journals": lambda file: [f.unlink() for f in file.parent.iterdir()],
    "deleted, with its directory": lambda file: (
        file.parent.rename(file.parent.with_name("gone")) and file.parent.mkdir()
    ),
    "another catalog": lambda file: replaced(file, other_catalog(file)),
}


def other_catalog(file: Path) -> bytes:
    other = Database(f"sqlite:///{file.with_name('backup')}")
    note_sightings(other, [])
    with other.writing():
        pass
    other.close()
    content = file.with_name("backup").read_bytes()
    file.with_name("backup").unlink()
    return content


@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_happens_to_the_file_downloads_go_on_and_the_list_comes_back(
    http: TestClient, finished_job: str, listed: Path, until: Until, damage: str
) -> None:
    checkpoint(listed)
    DAMAGES[damage](listed)
    assert http.get(f"/jobs/{finished_job}/download").status_code == 200
    assert http.get(f"/jobs/{finished_job}").json()["status"] == "ready"
    until(lambda: status_of(http, finished_job) == "ready")
    until(lambda: counted(listed) == 1)


def checkpoint(file: Path) -> None:
    """Bring all into the file itself: in its journal, nothing of it would be lost."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def counted(file: Path) -> int:
    """How many jobs are in the file that is there now, asked past the dashboard."""
    try:
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        try:
            return int(connection.execute("SELECT count(*) FROM jobs").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error:
        return -1


@pytest.mark.parametrize("content", [b"garbage", b"not a database " * 1000])
def test_a_damaged_file_is_kept_as_a_copy(sqlite_file: Path, content: bytes) -> None:
    sqlite_file.write_bytes(content)
    database = Database(f"sqlite:///{sqlite_file}")
    with pytest.raises(CatalogUnavailableError, match="not a database"), database.reading():
        pass
    [copy] = sqlite_file.parent.glob("*.damaged-*")
    assert copy.read_bytes() == content
    assert note_sightings(database, [arrived("a")]) == 1
    database.close()


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bytes_make_a_new_catalog_or_none(sqlite_file: Path, seed: int) -> None:
    """A changed figure cannot be told from a true one; what cannot be read is given up."""
    rng, database = Random(seed), Database(f"sqlite:///{sqlite_file}")
    note_sightings(database, random_sightings(3, 60))
    database.close()
    size_bytes = sqlite_file.stat().st_size
    for _ in range(rng.choice([1, 30, 300])):
        write_into(sqlite_file, rng.randbytes(4), rng.randrange(size_bytes - 4))
    faults = sum(not is_usable(database) for _ in range(4))
    assert faults <= 2
    assert is_usable(database)
    copies = [f for f in sqlite_file.parent.glob("*.damaged-*") if not f.name.endswith(JOURNALS)]
    assert len(copies) == min(faults, 1)
    database.close()


JOURNALS = ("-wal", "-shm")


def is_usable(database: Database) -> bool:
    seen = random_sightings(3, 60)
    try:
        note_sightings(database, seen)
        with database.reading() as connection:
            load_kinds(connection)
            load_entries(connection, [sighting.job_id for sighting in seen])
    except CatalogUnavailableError:
        return False
    return True


def test_two_dashboards_that_find_the_same_damage_replace_the_file_once(sqlite_file: Path) -> None:
    both = [Database(f"sqlite:///{sqlite_file}") for _ in range(2)]
    for database in both:
        note_sightings(database, [arrived("a")])
    checkpoint(sqlite_file)
    write_into(sqlite_file, b"\xff" * sqlite_file.stat().st_size)
    found = [is_usable(database) for _ in range(3) for database in both]
    assert found[-2:] == [True, True]
    copies = [f for f in sqlite_file.parent.glob("*.damaged-*") if not f.name.endswith(JOURNALS)]
    assert len(copies) == 1
    for database in both:
        database.close()


def test_while_another_process_writes_lists_show_what_is_known(
    http: TestClient,
    finished_job: str,
    listed: Path,
    storage: Path,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database_module, "TURN_WAIT_S", 1)
    other = sqlite3.connect(listed, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    (storage / "later").mkdir()
    assert status_of(http, finished_job) == "ready"
    assert http.get(f"/jobs/{finished_job}/download").status_code == 200
    until(lambda: http.get("/health").json()["catalog"] == "unavailable: database is locked")
    other.execute("COMMIT")
    other.close()
    until(lambda: status_of(http, "later") == "queued")
    until(lambda: http.get("/health").json()["catalog"] == "ok")


@pytest.fixture
def as_nobody(tmp_path: Path) -> Iterator[None]:
    with powerless(tmp_path):
        yield


def test_a_directory_that_cannot_be_written_is_told_and_mended(
    http: TestClient,
    finished_job: str,
    sqlite_file: Path,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
    tmp_path: Path,
    as_nobody: None,
) -> None:
    monkeypatch.setenv("CATALOG_URL", sqlite_url)
    monkeypatch.setenv("ZIP_CACHE_MB", "0")
    if os.getuid() != 0:
        sqlite_file.parent.chmod(0o555)
    refused = http.get("/jobs")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (503, "CATALOG_UNAVAILABLE")
    assert error["details"]["reason"] == "unable to open database file"
    assert str(tmp_path) not in refused.text
    assert refused.headers["retry-after"]
    health = http.get("/health")
    assert health.status_code == 503
    assert health.json()["catalog"] == "unavailable: unable to open database file"
    assert http.get(f"/jobs/{finished_job}/download").status_code == 200
    owner = os.geteuid()
    os.seteuid(os.getuid())
    sqlite_file.parent.chmod(0o777)
    os.seteuid(owner)
    until(lambda: status_of(http, finished_job) == "ready")


def test_a_file_that_cannot_be_written_is_told(
    http: TestClient,
    finished_job: str,
    sqlite_file: Path,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
    as_nobody: None,
) -> None:
    owner = os.geteuid()
    os.seteuid(os.getuid())
    database = Database(sqlite_url)
    with database.writing():
        pass
    database.close()
    sqlite_file.chmod(0o444)
    sqlite_file.parent.chmod(0o777)
    os.seteuid(owner)
    monkeypatch.setenv("CATALOG_URL", sqlite_url)
    monkeypatch.setenv("ZIP_CACHE_MB", "0")
    until(lambda: "error" in http.get("/jobs").json())
    error = http.get("/jobs").json()["error"]
    assert error["code"] == "CATALOG_UNAVAILABLE"
    assert error["details"]["reason"] == "attempt to write a readonly database"
    page = open_page()
    assert ["CATALOG_UNAVAILABLE" in banner.value for banner in page.error] == [True]
    assert error["details"]["reason"] in [text.value for text in page.text]
    assert http.get(f"/jobs/{finished_job}/download").status_code == 200


FULL = """
import resource, signal, sys
from dashboard.catalog.database import CatalogUnavailableError, Database
from dashboard.catalog.reading import load_kinds
from dashboard.catalog.writing import note_sightings
from tests.catalog.samples import random_sightings

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
database = Database(sys.argv[1])
note_sightings(database, random_sightings(1, 50))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
try:
    note_sightings(database, random_sightings(2, 3000))
    raise SystemExit("there was room")
except CatalogUnavailableError as exc:
    print(exc)
with database.reading() as connection:
    assert load_kinds(connection)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert note_sightings(database, random_sightings(2, 3000)) > 50
database.close()
"""


def test_a_full_disk_is_told_and_what_is_there_stays_readable(
    sqlite_url: str, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start_python(FULL, sqlite_url)
    told, _ = process.communicate()
    assert process.returncode == 0
    assert told.strip() in {"database or disk is full", "disk I/O error"}


@pytest.fixture
def stop_postgresql(postgresql_url: str) -> Iterator[Callable[[signal.Signals], None]]:
    """Send a signal to all processes of the server; in the end they go on."""
    folder = Path(postgresql_url.partition("host=")[2])
    first = (folder / "data" / "postmaster.pid").read_text().split()[0]

    def send(number: signal.Signals) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                if first in {parent, process.name}:
                    os.kill(int(process.name), number)

    yield send
    send(signal.SIGCONT)


def test_a_hung_postgresql_is_told_and_waited_for_by_one_at_a_time(
    http: TestClient,
    finished_job: str,
    postgresql_url: str,
    stop_postgresql: Callable[[signal.Signals], None],
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
) -> None:
    monkeypatch.setenv("CATALOG_URL", postgresql_url)
    until(lambda: status_of(http, finished_job) == "ready")
    stop_postgresql(signal.SIGSTOP)
    began = time.monotonic()
    refused = http.get("/jobs")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "CATALOG_UNAVAILABLE")
    assert time.monotonic() - began < 10
    took = []
    for _ in range(3):
        began = time.monotonic()
        assert http.get(f"/jobs/{finished_job}/download").status_code == 200
        took.append(time.monotonic() - began)
    assert min(took) < 1
    assert http.get("/health").json()["catalog"].startswith("unavailable: ")
    stop_postgresql(signal.SIGCONT)
    until(lambda: status_of(http, finished_job) == "ready")
    until(lambda: http.get("/health").json()["catalog"] == "ok")
