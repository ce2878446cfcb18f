"""Jobs whose story does not add up: a worker killed in mid-job leaves one that runs, and is marked
"stalled?" after a while; a task id used twice, PROGRESS after SUCCESS and clocks an hour apart
crash nothing, and the answer is the last word of Celery.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from celery import Celery
from sqlalchemy import text
from starlette.testclient import TestClient

from dashboard.live import live
from tests.pages import open_page

ROOT = Path(__file__).parents[2]
Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def worker(backend: redis.Redis, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real Celery worker with its processes, on the test's own Redis."""
    command = [sys.executable, "-m", "celery", "-A", "tests.reliability.slow_worker", "worker"]
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--concurrency=1", "--without-mingle", "--without-gossip"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
            start_new_session=True,  # so that all of its processes are killed at once
        )
    yield process
    kill(process)


def kill(worker: subprocess.Popen[bytes]) -> None:
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def job_of(http: TestClient, job_id: str) -> dict:
    return http.get(f"/jobs/{job_id}").json()


def listed(http: TestClient) -> dict[str, str]:
    return {job["job_id"]: job["status"] for job in http.get("/jobs").json()["jobs"]}


def test_a_job_whose_worker_was_killed_runs_and_stalls(
    http: TestClient, worker: subprocess.Popen[bytes], until: Until
) -> None:
    url = os.environ["CELERY_BROKER_URL"]
    with Celery("test", broker=url, backend=url) as sender:
        sender.send_task("reconstruction.process", ["lost1", "nvdiffrec"], task_id="lost1")
    until(lambda: job_of(http, "lost1").get("progress") == 45)
    kill(worker)
    job = job_of(http, "lost1")
    assert (job["status"], job["stalled"], job["step"]) == ("running", False, "Texturing lost1")
    until(lambda: http.get("/jobs").json()["jobs"][0]["progress"] == 45)
    assert listed(http) == {"lost1": "running"}

    def half_an_hour_passes() -> bool:
        """Its last signs of life may still be on their way."""
        with live().database.writing() as connection:
            connection.execute(text("UPDATE jobs SET alive_at = alive_at - 31 * 60 * 1000000"))
        page = open_page()
        return "Stalled?" in " ".join(element.value for element in page.markdown)

    until(half_an_hour_passes)
    job = job_of(http, "lost1")
    assert (job["status"], job["stalled"]) == ("running", True)
    refused = http.get("/jobs/lost1/download")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "JOB_NOT_READY")


def test_a_task_id_that_is_used_twice_tells_of_its_last_use(
    http: TestClient,
    put_outputs: Callable[..., Path],
    put_record: Callable[..., None],
    until: Until,
) -> None:
    put_outputs("twice")
    put_record("twice", "SUCCESS", {"status": "completed"})
    until(lambda: listed(http) == {"twice": "ready"})
    first = http.get("/jobs/twice/download")
    put_record("twice", "STARTED")
    until(lambda: listed(http) == {"twice": "running"})
    assert http.get("/jobs/twice/download").status_code == 409
    put_outputs("twice", "nvdiffrec")
    put_record("twice", "SUCCESS", {"status": "completed"})
    until(lambda: listed(http) == {"twice": "ready"})
    second = http.get("/jobs/twice/download")
    assert [first.status_code, second.status_code] == [200, 200]
    assert first.headers["etag"] != second.headers["etag"]
    put_record("twice", "FAILURE", {"exc_type": "ValueError", "exc_message": ["no"]})
    until(lambda: listed(http) == {"twice": "failed"})


def test_progress_after_success_is_running_until_the_end_is_told_again(
    http: TestClient,
    finished_job: str,
    put_record: Callable[..., None],
    until: Until,
) -> None:
    until(lambda: listed(http) == {finished_job: "ready"})
    put_record(finished_job, "PROGRESS", {"progress": 99})
    until(lambda: listed(http) == {finished_job: "running"})
    assert job_of(http, finished_job)["progress"] == 99
    assert http.get(f"/jobs/{finished_job}/download").json()["error"]["code"] == "JOB_NOT_READY"
    put_record(finished_job, "SUCCESS", {"status": "completed"})
    until(lambda: listed(http) == {finished_job: "ready"})


@pytest.mark.parametrize("hours", [-1, 1])
def test_clocks_an_hour_apart_hide_and_stall_nothing(
    http: TestClient,
    put_outputs: Callable[..., Path],
    put_record: Callable[..., None],
    until: Until,
    hours: int,
) -> None:
    """The pipeline's machine, and the one with the files, an hour before or behind ours."""
    there = datetime.now(UTC) + timedelta(hours=hours)
    output = put_outputs("skewed")
    for path in [output.parent, *output.parent.rglob("*")]:
        os.utime(path, (there.timestamp(), there.timestamp()))
    put_record("skewed", "PROGRESS", {"progress": 45})
    until(lambda: listed(http) == {"skewed": "running"})
    assert job_of(http, "skewed")["stalled"] is False
    put_record("skewed", "SUCCESS", {"status": "completed"}, date_done=there.isoformat())
    until(lambda: listed(http) == {"skewed": "ready"})
    assert job_of(http, "skewed")["finished_at"] == there.isoformat()
    assert http.get("/jobs/skewed/download").status_code == 200
    open_page()
