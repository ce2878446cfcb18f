"""Several dashboards on one catalog: one looks around at a time, and another takes over."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from sqlalchemy import select

from dashboard.catalog.database import Database
from dashboard.catalog.tables import jobs, leases
from dashboard.live import live

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


def listed(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(connection.execute(select(jobs.c.job_id)).scalars())


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
    until(lambda: listed(database))
    leader.kill()
    backend.set("celery-task-meta-unpushed", '{"status": "STARTED"}')
    (storage / "late").mkdir()
    shutil.rmtree(storage / "job7")
    expected = {path.name for path in storage.iterdir()} | {"unpushed"}
    until(lambda: listed(database) == expected)
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
    until(lambda: "next" in listed(live().database))
    database.close()
