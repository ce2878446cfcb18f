"""GET /jobs/download: what is in the one ZIP of many jobs, and when there is none."""

import importlib
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dashboard import job_pages
from result_packager import Collection
from tests.bulk.archives import (
    DONE,
    address_of,
    opened,
    report_of,
    results_of,
    while_packing,
)
from tests.refusals import error_of


def test_every_member_is_that_of_the_jobs_own_zip(
    http: TestClient, jobs: list[str], tmp_path: Path
) -> None:
    response = http.get(address_of(jobs))
    assert response.headers["content-type"] == "application/zip"
    today = datetime.now(UTC).date()
    name = f"attachment; filename=recon-jobs-{today}.zip"
    assert response.headers["content-disposition"] == name
    (tmp_path / "jobs.zip").write_bytes(response.content)
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-tqq", tmp_path / "jobs.zip"], check=True)
    expected = {}
    for job_id in ("first1", "third3"):
        own = opened(http.get(f"/jobs/{job_id}/download").content)
        expected |= {f"{job_id}/{name}": own.read(name) for name in own.namelist()}
    together = opened(response.content)
    assert together.namelist() == [*expected, "report.csv"]
    assert {name: together.read(name) for name in expected} == expected
    assert b"texture.png" in expected["third3/nvdiffrec/mesh.mtl"]


def test_the_report_has_a_line_for_each_job(http: TestClient, jobs: list[str]) -> None:
    report = report_of(http.get(address_of([*jobs, "nobody"])).content)
    assert {job_id: row["result"] for job_id, row in report.items()} == {
        "first1": "included",
        "second2": "JOB_FAILED",
        "third3": "included",
        "nobody": "JOB_NOT_FOUND",
    }
    own = http.get("/jobs/second2/download").json()["error"]
    # The pipeline's words stand behind ours on one line: a spreadsheet takes them for no formula.
    assert report["second2"]["message"] == 'Job second2 failed: =1+1 out of memory, "bad"'
    assert report["second2"]["suggestion"] == own["suggestion"]
    assert int(report["first1"]["size_bytes"]) == http.get("/jobs/first1").json()["size_bytes"]


def test_a_job_asked_for_twice_is_there_once(http: TestClient, jobs: list[str]) -> None:
    names = opened(http.get(address_of(["first1", "first1"])).content).namelist()
    assert len(names) == len(set(names))


def test_a_job_may_be_called_download(
    http: TestClient, put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> None:
    put_outputs("download")
    put_record("download", "SUCCESS", DONE)
    own = opened(http.get("/jobs/download/download").content)
    bulk = opened(http.get("/jobs/download?job=download").content)
    assert {f"download/{name}" for name in own.namelist()} < set(bulk.namelist())


def test_below_a_path_prefix_it_is_served_too(jobs: list[str]) -> None:
    routes = importlib.import_module("dashboard.api").routes("/recon")
    starlette = importlib.import_module("starlette.applications").Starlette(routes=routes)
    response = TestClient(starlette).get(f"/recon{address_of(jobs)}")
    assert results_of(response.content)["first1"] == "included"


@pytest.mark.parametrize("query", ["", "?job=", "?job=a.b", "?job=first1&job=..", "?job=%0a"])
def test_what_is_no_job_id_is_an_invalid_parameter(
    http: TestClient, jobs: list[str], query: str
) -> None:
    response = http.get(f"/jobs/download{query}")
    assert error_of(response) == (422, "INVALID_PARAMETER")
    assert response.json()["error"]["details"]["parameter"] == "job"


def test_only_get_and_head(http: TestClient) -> None:
    assert error_of(http.post("/jobs/download")) == (405, "METHOD_NOT_ALLOWED")


def test_head_decides_the_same_and_packs_nothing(
    http: TestClient, jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Collection, "pack_job", lambda *_: pytest.fail("packed"))
    response = http.head(address_of(jobs))
    assert (response.status_code, response.headers["content-type"]) == (200, "application/zip")
    assert "content-length" not in response.headers
    assert http.head(address_of(["second2"])).status_code == 500
    assert http.head(address_of(["second2", "nobody"])).status_code == 409


# --- all that pass a filter


@pytest.fixture
def catalogued(http: TestClient, jobs: list[str], until: Callable[..., None]) -> list[str]:
    """Wait until lists know the jobs too."""
    until(lambda: http.get("/jobs").json()["total"] == len(jobs))
    return jobs


@pytest.mark.parametrize(
    ("asked", "included"),
    [
        ("status=ready", ["third3", "first1"]),
        ("status=ready&sort=job_id", ["first1", "third3"]),
        ("status=ready,failed&sort=-job_id", ["third3", "first1"]),
        ("model=nvdiffrec", ["third3"]),
        ("q=FIRST&quality=normal", ["first1"]),
    ],
)
def test_a_filter_takes_the_ready_jobs_that_pass(
    http: TestClient, catalogued: list[str], asked: str, included: list[str]
) -> None:
    content = http.get(f"/jobs/download?{asked}").content
    results = results_of(content)
    assert results == dict.fromkeys(included, "included")
    if "sort" in asked:
        assert list(results) == included
    by_name = http.get(address_of(list(results))).content
    members = [{m.filename: m.CRC for m in opened(c).infolist()} for c in (content, by_name)]
    assert members[0] == members[1]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "job"),
        ("?status=", "job"),
        ("?status=,", "job"),
        ("?sort=job_id", "job"),
        ("?job=first1&status=ready", "job"),
        ("?job=first1&q=f", "job"),
        ("?job=first1&jbo=third3", "jbo"),
        ("?status=ready&limit=1", "limit"),
        ("?status=ready&offset=1", "offset"),
        ("?status=ready&cursor=x", "cursor"),
        ("?status=ready&modell=nvdiffrec", "modell"),
        ("?staus=ready", "staus"),
        ("?status=done", "status"),
    ],
)
def test_nobody_gets_all_jobs_by_a_slip(
    http: TestClient, catalogued: list[str], query: str, named: str
) -> None:
    response = http.get(f"/jobs/download{query}")
    assert error_of(response) == (422, "INVALID_PARAMETER")
    assert response.json()["error"]["details"]["parameter"] == named


def test_a_filter_that_no_ready_job_passes_is_nothing_to_pack(
    http: TestClient, catalogued: list[str]
) -> None:
    for asked in ("status=failed", "q=nobody"):
        assert error_of(http.get(f"/jobs/download?{asked}")) == (409, "NOTHING_TO_PACK")
        assert http.head(f"/jobs/download?{asked}").status_code == 409
    assert http.head("/jobs/download?status=ready").status_code == 200


def test_a_job_that_is_ready_no_more_is_told(
    http: TestClient, catalogued: list[str], storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_packing(monkeypatch, "first1", lambda: shutil.rmtree(storage / "third3"))
    results = results_of(http.get("/jobs/download?status=ready&sort=job_id").content)
    assert results == {"first1": "included", "third3": "JOB_EXPIRED"}


def test_a_job_that_moves_behind_the_walk_is_there_once(
    http: TestClient, catalogued: list[str], put_record: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(job_pages, "WALKED_AT_ONCE", 1)
    put_record("first1", "SUCCESS", DONE, date_done="2026-02-01T09:00:00+00:00")
    until_date = "2026-02-03T10:00:00+00:00"

    def move() -> None:
        put_record("first1", "SUCCESS", DONE, date_done=until_date)
        for _ in range(1000):
            [job] = http.get("/jobs?q=first1").json()["jobs"]
            if job["finished_at"] == until_date:
                return
            time.sleep(0.01)

    while_packing(monkeypatch, "first1", move)
    content = http.get("/jobs/download?status=ready&sort=updated_at").content
    names = opened(content).namelist()
    assert len(names) == len(set(names))
    assert results_of(content) == {"first1": "included", "third3": "included"}


def test_a_catalog_or_storage_that_is_away_is_told(
    http: TestClient, catalogued: list[str], storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALOG_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    assert error_of(http.get("/jobs/download?status=ready")) == (503, "CATALOG_UNAVAILABLE")
    monkeypatch.delenv("CATALOG_URL")
    monkeypatch.setenv("JOB_STORAGE_PATH", str(storage / "unmounted"))
    assert error_of(http.get("/jobs/download?status=ready")) == (503, "STORAGE_UNAVAILABLE")


# --- nothing to send


def test_a_single_job_is_refused_as_its_own_download_is(
    http: TestClient, jobs: list[str], put_record: Callable[..., None]
) -> None:
    put_record("run1", "PROGRESS", {"progress": 45})
    for job_id in ("second2", "nobody", "run1"):
        alone, own = http.get(address_of([job_id])), http.get(f"/jobs/{job_id}/download")
        assert (alone.status_code, alone.json()) == (own.status_code, own.json())


def test_jobs_that_share_a_code_are_refused_by_it(
    http: TestClient, put_record: Callable[..., None]
) -> None:
    put_record("run1", "PROGRESS", {"progress": 45})
    put_record("run2", "STARTED")
    response = http.get(address_of(["run1", "run2"]))
    assert error_of(response) == (409, "JOB_NOT_READY")
    details = response.json()["error"]["details"]
    assert details["asked"] == 2
    assert "45%" in details["jobs"]["run1"]
    assert int(response.headers["retry-after"]) > 0


def test_jobs_with_different_codes_are_nothing_to_pack(
    http: TestClient, jobs: list[str], put_record: Callable[..., None]
) -> None:
    put_record("run1", "STARTED")
    response = http.get(address_of(["run1", "second2", "nobody"]))
    assert error_of(response) == (409, "NOTHING_TO_PACK")
    assert response.json()["error"]["details"]["left_out"] == {
        "JOB_NOT_READY": 1,
        "JOB_FAILED": 1,
        "JOB_NOT_FOUND": 1,
    }


def test_an_absent_backend_is_told_as_such(
    http: TestClient, jobs: list[str], point_at: Callable[[str], None]
) -> None:
    point_at("redis://127.0.0.1:9/0")
    assert error_of(http.get(address_of(["new1", "new2"]))) == (503, "STATE_UNAVAILABLE")


def test_an_absent_storage_is_told_as_such(
    http: TestClient, jobs: list[str], storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB_STORAGE_PATH", str(storage / "unmounted"))
    assert error_of(http.get(address_of(jobs))) == (503, "STORAGE_UNAVAILABLE")
