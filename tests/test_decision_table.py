"""The contract's table: through the pure decision's callers, HTTP and page, on real facts."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dashboard.api import zip_builds
from dashboard.errors import REFUSALS, ErrorCode, JobStatus, Severity, refusal_for
from tests.pages import open_page, words

JOB = "abcd1234"
README = Path(__file__).parents[1] / "README.md"


@dataclass(frozen=True)
class Row:
    """One row: what is stored, what lies on disk, and what must be answered."""

    record: tuple[str, Any] | bytes | None
    disk: str
    http_status: int
    code: str | None
    status: str | None
    details: dict[str, Any]


ROWS = {
    "unknown": Row(None, "nothing", 404, "JOB_NOT_FOUND", None, {}),
    "queued": Row(None, "job", 409, "JOB_NOT_READY", "queued", {"state": "PENDING", "progress": 0}),
    "unrecorded": Row(None, "complete", 404, "JOB_NOT_FOUND", "unrecorded", {}),
    "unrecorded, empty": Row(None, "empty output", 404, "JOB_NOT_FOUND", "unrecorded", {}),
    "received": Row(("RECEIVED", None), "job", 409, "JOB_NOT_READY", "running", {"progress": 0}),
    "started": Row(
        ("STARTED", {"pid": 1}), "job", 409, "JOB_NOT_READY", "running", {"state": "STARTED"}
    ),
    "progress": Row(
        ("PROGRESS", {"progress": 45, "step": "Texturing"}),
        "complete",
        409,
        "JOB_NOT_READY",
        "running",
        {"progress": 45, "state": "PROGRESS", "step": "Texturing"},
    ),
    "retry": Row(
        ("RETRY", {"exc_type": "X"}), "nothing", 409, "JOB_NOT_READY", "running", {"state": "RETRY"}
    ),
    "other state": Row(("POLISHING", None), "job", 409, "JOB_NOT_READY", "running", {}),
    "exception": Row(
        ("FAILURE", {"exc_type": "ValueError", "exc_message": ["too few photos"]}),
        "job",
        500,
        "JOB_FAILED",
        "failed",
        {"error": "too few photos", "error_type": "ValueError", "cancelled": False},
    ),
    "exception without shape": Row(
        ("FAILURE", None), "complete", 500, "JOB_FAILED", "failed", {"cancelled": False}
    ),
    "revoked": Row(
        ("REVOKED", {"exc_type": "TaskRevokedError", "exc_message": ["terminated"]}),
        "job",
        500,
        "JOB_FAILED",
        "cancelled",
        {"cancelled": True},
    ),
    "returned failed": Row(
        ("SUCCESS", {"status": "failed", "error": "out of memory", "error_code": "OOM"}),
        "complete",
        500,
        "JOB_FAILED",
        "failed",
        {"error": "out of memory", "error_code": "OOM", "cancelled": False},
    ),
    "returned cancelled": Row(
        ("SUCCESS", {"status": "cancelled"}),
        "job",
        500,
        "JOB_FAILED",
        "cancelled",
        {"cancelled": True},
    ),
    "expired": Row(("SUCCESS", {"status": "completed"}), "job", 410, "JOB_EXPIRED", "expired", {}),
    "expired, no directory": Row(
        ("SUCCESS", {"status": "completed"}), "nothing", 410, "JOB_EXPIRED", "expired", {}
    ),
    "incomplete": Row(
        ("SUCCESS", {"status": "completed"}),
        "no mesh",
        500,
        "INCOMPLETE_RESULTS",
        "incomplete",
        {"missing": ["reconviagen/mesh.glb or mesh.obj"]},
    ),
    "incomplete, no model": Row(
        ("SUCCESS", {}), "empty output", 500, "INCOMPLETE_RESULTS", "incomplete", {}
    ),
    "ready": Row(("SUCCESS", {"status": "completed"}), "complete", 200, None, "ready", {}),
    "ready, odd result": Row(("SUCCESS", "fine"), "complete", 200, None, "ready", {}),
    "not JSON": Row(b"{", "complete", 500, "STATE_UNREADABLE", "unknown", {}),
    "not a record": Row(b"[]", "nothing", 500, "STATE_UNREADABLE", "unknown", {}),
    "too large": Row(b"x" * 2_000_000, "job", 500, "STATE_UNREADABLE", "unknown", {}),
}


@pytest.fixture(params=ROWS.values(), ids=ROWS.keys())
def row(
    request: pytest.FixtureRequest,
    storage: Path,
    backend: Any,
    put_record: Callable[..., None],
    put_outputs: Callable[..., Path],
) -> Row:
    row: Row = request.param
    if row.disk != "nothing":
        (storage / JOB).mkdir()
    if row.disk in {"complete", "no mesh"}:
        output = put_outputs(JOB)
    if row.disk == "no mesh":
        (output / "reconviagen" / "mesh.glb").unlink()
        (output / "reconviagen" / "mesh.obj").unlink()
    if row.disk == "empty output":
        (storage / JOB / "output").mkdir()
    if isinstance(row.record, bytes):
        backend.set(f"celery-task-meta-{JOB}", row.record)
    elif row.record:
        put_record(JOB, *row.record)
    return row


def test_the_download_answers_as_the_table_says(row: Row, http: TestClient) -> None:
    response = http.get(f"/jobs/{JOB}/download")
    assert response.status_code == row.http_status
    if row.code is None:
        assert response.headers["content-type"] == "application/zip"
        return
    error = response.json()["error"]
    assert set(error) == {"code", "message", "details", "suggestion"}
    assert error["code"] == row.code
    assert row.details.items() <= error["details"].items()
    assert error["suggestion"]
    assert "{" not in error["suggestion"]
    assert response.headers["cache-control"] == "no-store"
    assert ("retry-after" in response.headers) == (row.http_status in {409, 503})


def test_head_answers_with_the_same_status(row: Row, http: TestClient) -> None:
    response = http.head(f"/jobs/{JOB}/download")
    assert response.status_code == row.http_status
    assert response.content == b""


def test_the_state_names_the_status_and_the_same_error(row: Row, http: TestClient) -> None:
    response = http.get(f"/jobs/{JOB}")
    if row.status is None:
        assert response.status_code == 404
        return
    job = response.json()
    assert (response.status_code, job["status"]) == (200, row.status)
    download = http.get(f"/jobs/{JOB}/download")
    assert job["error"] == (download.json()["error"] if row.code else None)
    assert job["download_url"] == (None if row.code else f"/jobs/{JOB}/download")


def test_the_list_holds_the_job_with_the_same_status(row: Row, http: TestClient) -> None:
    listed = {job["job_id"]: job["status"] for job in http.get("/jobs").json()["jobs"]}
    assert listed == ({JOB: row.status} if row.status else {})


def test_page_and_endpoint_give_the_same_answer(row: Row, http: TestClient) -> None:
    error = http.get(f"/jobs/{JOB}/download").json()["error"] if row.code else None
    page = open_page(job=JOB)
    banners = [*page.info, *page.warning, *page.error]
    if error is None:
        assert not banners
        assert f'href="/jobs/{JOB}/download"' in words(page)
        return
    [shown] = banners
    assert f"`{error['code']}` · HTTP {row.http_status}" in shown.value
    assert error["suggestion"].replace("_", "\\_") in shown.value
    assert error["message"] in [text.value for text in page.text]
    refusal = refusal_for(ErrorCode(error["code"]), row.status)
    assert shown.proto.title == refusal.title
    boxes = {Severity.INFO: page.info, Severity.WARNING: page.warning, Severity.ERROR: page.error}
    assert shown in list(boxes[refusal.severity])
    assert "/download" not in words(page)


def test_nothing_that_is_no_job_id_is_a_job(http: TestClient) -> None:
    for text in ("a.b", "-x", "x" * 65, "%00", "a%0d%0ab", "é", "_"):
        response = http.get(f"/jobs/{text}/download")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "JOB_NOT_FOUND")


def test_page_and_endpoint_agree_while_the_backend_is_away(
    http: TestClient, finished_job: str, point_at: Callable[[str], None]
) -> None:
    point_at("redis://127.0.0.1:9/0")
    error = http.get(f"/jobs/{JOB}/download").json()["error"]
    page = open_page(job=JOB)
    assert "`STATE_UNAVAILABLE` · HTTP 503" in page.warning[0].value
    assert error["suggestion"].replace("_", "\\_") in page.warning[0].value
    assert error["message"] in [text.value for text in page.text]


def test_a_storage_that_is_gone_is_not_expired(
    http: TestClient, finished_job: str, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB_STORAGE_PATH", str(storage / "unmounted"))
    response = http.get(f"/jobs/{finished_job}/download")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "STORAGE_UNAVAILABLE")
    page = open_page(job=JOB)
    assert "`STORAGE_UNAVAILABLE` · HTTP 503" in page.error[0].value


def test_results_that_vanish_before_packing_are_expired(
    http: TestClient, finished_job: str, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = zip_builds.stream_result_zip

    def remove_and_pack(job_id: str, directory: Path) -> object:
        shutil.rmtree(storage / finished_job)
        return pack(job_id, directory)

    monkeypatch.setattr(zip_builds, "stream_result_zip", remove_and_pack)
    response = http.get(f"/jobs/{finished_job}/download")
    assert (response.status_code, response.json()["error"]["code"]) == (410, "JOB_EXPIRED")


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_a_row_that_says_what_to_do(code: ErrorCode) -> None:
    row = REFUSALS[code]
    assert 400 <= row.http_status < 600
    assert row.title
    assert row.text
    assert row.suggestion
    assert (row.retry_after_s is not None) == (row.http_status in {409, 503})
    told = [line for line in README.read_text().splitlines() if f"`{code}`" in line]
    assert any(line.startswith("| `") and f"| {row.http_status} |" in line for line in told)


@pytest.mark.parametrize("status", JobStatus)
def test_words_for_a_status_never_change_the_http_status(status: JobStatus) -> None:
    for code in ErrorCode:
        assert refusal_for(code, status).http_status == REFUSALS[code].http_status
