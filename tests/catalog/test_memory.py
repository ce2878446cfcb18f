"""What a dashboard remembers of jobs that Celery or the disk have forgotten, as users see it."""

import os
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import redis
from sqlalchemy import select, text
from starlette.testclient import TestClient

from dashboard.catalog.tables import jobs
from dashboard.live import LIVES, close_all, live
from tests.pages import open_page, words

FINISHED = datetime(2026, 2, 1, 10, tzinfo=UTC)
Until = Callable[[Callable[[], object]], None]


def listed(http: TestClient) -> dict[str, str]:
    return {job["job_id"]: job["status"] for job in http.get("/jobs").json()["jobs"]}


def download(http: TestClient, job_id: str) -> tuple[int, str | None]:
    response = http.get(f"/jobs/{job_id}/download")
    is_zip = response.headers["content-type"] == "application/zip"
    return response.status_code, None if is_zip else response.json()["error"]["code"]


@pytest.fixture
def forgotten(
    http: TestClient,
    backend: redis.Redis,
    put_outputs: Callable[..., Path],
    put_record: Callable[..., None],
    until: Until,
) -> None:
    """Jobs that had ended when they were seen; Celery has forgotten all of them since."""
    for job_id in ("good", "emptied", "removed"):
        put_outputs(job_id)
        put_record(job_id, "SUCCESS", {"status": "completed"})
    put_record("wrong", "SUCCESS", {"status": "failed", "error": "no faces left"})
    put_record("raised", "FAILURE", {"exc_type": "ValueError", "exc_message": ["odd"]})
    put_record("stopped", "REVOKED")
    put_record("moving", "STARTED")
    until(lambda: {"good", "wrong", "raised", "stopped", "moving"} <= listed(http).keys())
    until(lambda: listed(http)["good"] == "ready")
    backend.flushall()


def restart() -> None:
    """Begin again with what the catalog has, as after a restart of the server."""
    close_all()
    LIVES.clear()


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("restarted", [False, True])
def test_an_end_that_was_seen_stays_when_celery_has_forgotten_it(
    http: TestClient, storage: Path, until: Until, restarted: bool
) -> None:
    shutil.rmtree(storage / "emptied" / "output")
    shutil.rmtree(storage / "removed")
    if restarted:
        restart()
    assert download(http, "good") == (200, None)
    assert download(http, "emptied") == (410, "JOB_EXPIRED")
    assert download(http, "removed") == (410, "JOB_EXPIRED")
    assert download(http, "wrong") == (500, "JOB_FAILED")
    assert http.get("/jobs/wrong").json()["error"]["details"]["error"] == "no faces left"
    assert "ValueError: odd" in http.get("/jobs/raised").json()["error"]["message"]
    until(lambda: "moving" not in listed(http))  # it never ended, and is nowhere
    assert download(http, "moving") == (404, "JOB_NOT_FOUND")
    assert listed(http) == {
        "good": "ready",
        "emptied": "expired",
        "removed": "expired",
        "wrong": "failed",
        "raised": "failed",
        "stopped": "cancelled",
    }


@pytest.mark.usefixtures("forgotten")
def test_while_redis_is_away_only_ends_are_known(
    http: TestClient,
    storage: Path,
    point_at: Callable[[str], None],
    put_outputs: Callable[..., Path],
    until: Until,
) -> None:
    restart()
    point_at("redis://127.0.0.1:1/0")
    put_outputs("unheard")
    until(lambda: listed(http).get("unheard") == "unknown")
    assert download(http, "good") == (200, None)
    assert download(http, "wrong") == (500, "JOB_FAILED")
    assert download(http, "unheard") == (503, "STATE_UNAVAILABLE")
    shutil.rmtree(storage / "removed")
    assert download(http, "removed") == (410, "JOB_EXPIRED")
    answer = http.get("/jobs?status=ready,failed,cancelled,expired").json()
    assert {job["job_id"] for job in answer["jobs"]} == {
        "good", "emptied", "removed", "wrong", "raised", "stopped",
    }  # fmt: skip
    assert answer["error"]["code"] == "STATE_UNAVAILABLE"


def test_outputs_that_nobody_knows_are_served_only_where_that_is_wished(
    http: TestClient,
    put_outputs: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
) -> None:
    put_outputs("found")
    (put_outputs("partial") / "reconviagen" / "mesh.obj").unlink()
    (put_outputs("partial", "nvdiffrec") / "nvdiffrec" / "mesh.obj").unlink()
    for name in ("reconviagen", "nvdiffrec"):
        glb = put_outputs("unused", f"{name}x") and Path(os.environ["JOB_STORAGE_PATH"])
        (glb / "partial" / "output" / name / "mesh.glb").unlink()
    until(lambda: listed(http).get("found") == "unrecorded")
    assert download(http, "found") == (404, "JOB_NOT_FOUND")
    monkeypatch.setenv("SERVE_UNRECORDED", "1")
    assert download(http, "found") == (200, None)
    assert download(http, "partial") == (404, "JOB_NOT_FOUND")
    assert listed(http) == {"found": "ready", "partial": "unrecorded", "unused": "ready"}
    assert http.get("/jobs?status=ready").json()["total"] == 2


def test_how_long_results_stay_is_told_everywhere(
    http: TestClient, finished_job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"/jobs/{finished_job}"
    assert http.get(url).json()["available_until"] is None
    assert "expires" not in http.get(f"{url}/download").headers
    hours = int((datetime.now(UTC) - FINISHED) / timedelta(hours=1)) + 30
    monkeypatch.setenv("RESULT_RETENTION_HOURS", str(hours))
    until_when = FINISHED + timedelta(hours=hours)
    assert http.get(url).json()["available_until"] == until_when.isoformat()
    assert http.get("/jobs").json()["jobs"][0]["available_until"] == until_when.isoformat()
    whole = http.get(f"{url}/download")
    unchanged = http.get(f"{url}/download", headers={"If-None-Match": whole.headers["etag"]})
    part = http.get(f"{url}/download", headers={"Range": "bytes=0-9"})
    answers = [whole, http.head(f"{url}/download"), unchanged, part]
    assert [answer.status_code for answer in answers] == [200, 200, 304, 206]
    for answer in answers:
        assert parsedate_to_datetime(answer.headers["expires"]) == until_when
    for job in ({}, {"job": finished_job}):
        assert re.search("available for (29|30) h", words(open_page(**job)))


def surveyed() -> list[bool]:
    with live().database.reading() as connection:
        return list(connection.execute(select(jobs.c.is_surveyed)).scalars())


def test_dates_that_nobody_meant_do_no_harm(
    http: TestClient,
    storage: Path,
    put_outputs: Callable[..., Path],
    put_record: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
) -> None:
    monkeypatch.setenv("RESULT_RETENTION_HOURS", "1000")
    for job_id, date in (("late", "9999-12-31T23:59:59"), ("early", "0001-01-01T00:00:00+14:00")):
        preview = put_outputs(job_id) / "reconviagen" / "previews" / "textured_00.png"
        os.utime(preview, (15e9, 15e9))  # nanoseconds of the year 2445 are no 64-bit number
        put_record(job_id, "SUCCESS", {}, date_done=date)
    put_outputs("usual")
    until(lambda: listed(http) == {"late": "ready", "early": "ready", "usual": "unrecorded"})
    until(lambda: surveyed() == [True] * 3)
    assert http.get("/jobs/late").json()["available_until"] is None
    assert [download(http, job_id) for job_id in ("late", "early")] == [(200, None)] * 2
    assert http.get("/jobs?sort=updated_at&limit=1").json()["jobs"][0]["job_id"] in {
        "early",
        "usual",
    }


def test_a_silent_job_is_stalled_but_still_on_its_way(
    http: TestClient, put_record: Callable[..., None], until: Until
) -> None:
    put_record("slow", "PROGRESS", {"progress": 45})
    until(lambda: listed(http) == {"slow": "running"})
    assert http.get("/jobs/slow").json()["stalled"] is False
    with live().database.writing() as connection:  # half an hour passes
        connection.execute(text("UPDATE jobs SET alive_at = alive_at - 31 * 60 * 1000000"))
    for job in (http.get("/jobs/slow").json(), http.get("/jobs").json()["jobs"][0]):
        assert (job["status"], job["stalled"]) == ("running", True)
        assert job["error"]["details"]["silent_min"] == 31
    response = http.get("/jobs/slow/download")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "JOB_NOT_READY")
    assert "no sign of life for 31 minutes" in response.json()["error"]["message"]
    put_record("slow", "PROGRESS", {"progress": 45})  # the same again, but said anew
    until(lambda: not http.get("/jobs").json()["jobs"][0]["stalled"])
    assert http.get("/jobs/slow").json()["stalled"] is False


def test_a_job_that_goes_keeps_its_place(
    http: TestClient, storage: Path, put_record: Callable[..., None], until: Until
) -> None:
    (storage / "old").mkdir()
    os.utime(storage / "old", (1e9, 1e9))
    put_record("old", "FAILURE")
    until(lambda: listed(http) == {"old": "failed"})
    before = http.get("/jobs/old").json()["created_at"]
    assert before.startswith("2001-09-09")
    (storage / "old").rmdir()
    assert http.get("/jobs/old").json()["created_at"] == before
    assert http.get("/jobs").json()["jobs"][0]["created_at"] == before
