"""GET /jobs/export.csv and .json: the filtered list as a file, whatever stands in it."""

import csv
import importlib
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import hypothesis.strategies as some
import pandas as pd
import pytest
from starlette.testclient import TestClient

from dashboard import job_pages, spreadsheet
from dashboard.api import export
from dashboard.spreadsheet import COLUMNS

DONE = {"status": "completed"}
BOTH = ("/jobs/export.csv", "/jobs/export.json")


@pytest.fixture
def jobs(
    http: TestClient,
    put_outputs: Callable[..., Path],
    put_record: Callable[..., None],
    until: Callable[..., None],
) -> list[str]:
    """A ready job of two models, a running one, and a failed one with hostile words."""
    put_outputs("ready1", "nvdiffrec", "reconviagen")
    put_record("ready1", "SUCCESS", DONE)
    put_record("run2", "PROGRESS", {"progress": 45, "step": "@SUM(A1)"})
    put_record("fail3", "SUCCESS", {"status": "failed", "error": 'a, "b"\n;=1+1\r\n-2'})
    until(lambda: len(http.get("/jobs").json()["jobs"]) == 3)
    return ["fail3", "ready1", "run2"]


def rows_of(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")  # Excel reads UTF-8 by this mark alone
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert all(set(row) == set(COLUMNS) for row in rows)
    return rows


def test_csv_has_a_row_for_each_model(http: TestClient, jobs: list[str]) -> None:
    response = http.get("/jobs/export.csv?sort=job_id")
    assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    today = datetime.now(UTC).date()
    name = f"attachment; filename=recon-jobs-{today}.csv"
    assert response.headers["content-disposition"] == name
    assert response.headers["cache-control"] == "no-store"
    failed, one, other, running = rows_of(response.content)
    assert (one["job_id"], one["model"]) == ("ready1", "nvdiffrec")
    assert (other["job_id"], other["model"]) == ("ready1", "reconviagen")
    assert (one["psnr_db"], one["ssim"], one["quality"]) == ("27.1", "0.91", "normal")
    assert (one["limit_psnr_normal"], one["image_width_px"]) == ("25.0", "512")
    assert one["finished_at_utc"] == "2026-02-01 10:00:00"
    own = http.get("/jobs/ready1").json()
    assert int(one["job_size_bytes"]) == own["size_bytes"]
    assert (running["progress_percent"], running["model"], running["psnr_db"]) == ("45.0", "", "")
    assert (failed["status"], failed["error_code"]) == ("failed", "JOB_FAILED")


def test_json_is_one_array_of_what_the_list_tells(http: TestClient, jobs: list[str]) -> None:
    response = http.get("/jobs/export.json?sort=job_id")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-disposition"].endswith(".json")
    assert response.json() == http.get("/jobs?sort=job_id").json()["jobs"]
    assert len(response.text.splitlines()) == 2 + len(jobs)  # a job on each line


@pytest.mark.parametrize("step", [1, 2, 3])
def test_steps_leave_no_trace(
    http: TestClient, jobs: list[str], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    whole = {path: http.get(f"{path}?sort=job_id").text for path in BOTH}
    monkeypatch.setattr(job_pages, "WALKED_AT_ONCE", step)
    assert {path: http.get(f"{path}?sort=job_id").text for path in BOTH} == whole


def test_the_lists_filter_and_sort_hold(http: TestClient, jobs: list[str]) -> None:
    asked = "status=ready,failed&sort=-job_id"
    assert [job["job_id"] for job in http.get(f"/jobs/export.json?{asked}").json()] == [
        "ready1",
        "fail3",
    ]
    rows = rows_of(http.get("/jobs/export.csv?model=nvdiffrec&quality=normal&q=READY").content)
    # A filter picks jobs; a job comes with all of its models.
    assert [row["model"] for row in rows] == ["nvdiffrec", "reconviagen"]


def test_an_empty_list_is_a_head_or_an_empty_array(http: TestClient) -> None:
    assert rows_of(http.get("/jobs/export.csv").content) == []
    assert http.get("/jobs/export.json").json() == []


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize("name", ["limit", "offset", "cursor", "page", "job", "staus"])
def test_what_would_be_ignored_is_refused(http: TestClient, path: str, name: str) -> None:
    response = http.get(f"{path}?{name}=1")
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, "INVALID_PARAMETER")
    assert error["details"]["parameter"] == name
    assert http.get(f"{path}?{name}=").status_code == 200  # empty is not given


@pytest.mark.parametrize("path", BOTH)
def test_faults_are_refusals_and_head_decides_the_same(
    http: TestClient, jobs: list[str], path: str, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert "content-length" not in head.headers
    assert http.post(path).status_code == 405
    assert http.get(f"{path}?sort=name").status_code == 422
    monkeypatch.setenv("CATALOG_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    assert http.get(path).json()["error"]["code"] == "CATALOG_UNAVAILABLE"
    monkeypatch.delenv("CATALOG_URL")
    monkeypatch.setenv("JOB_STORAGE_PATH", str(storage / "unmounted"))
    assert http.head(path).status_code == 503
    assert http.get(path).json()["error"]["code"] == "STORAGE_UNAVAILABLE"


def test_a_job_is_not_shadowed(http: TestClient, put_record: Callable[..., None]) -> None:
    put_record("export", "STARTED")
    assert http.get("/jobs/export").json()["job_id"] == "export"


def test_below_a_path_prefix_addresses_carry_it(jobs: list[str]) -> None:
    routes = importlib.import_module("dashboard.api").routes("/recon")
    starlette = importlib.import_module("starlette.applications").Starlette(routes=routes)
    [job] = TestClient(starlette).get("/recon/jobs/export.json?status=ready").json()
    assert job["download_url"] == "/recon/jobs/ready1/download"


def test_what_breaks_on_the_way_is_seen_by_the_client(
    address: str, jobs: list[str], storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_pages, "WALKED_AT_ONCE", 1)
    lines = export.job_lines

    def leave(of_jobs: Any) -> str:
        storage.rename(storage.with_name("away"))
        return lines(of_jobs)

    monkeypatch.setattr(export, "job_lines", leave)
    connection = HTTPConnection(urlsplit(address).netloc)
    connection.request("GET", "/jobs/export.csv?sort=job_id")
    response = connection.getresponse()
    assert response.status == 200
    with pytest.raises(IncompleteRead):
        response.read()
    connection.close()


# --- hostile words


def test_no_cell_is_a_formula(
    http: TestClient,
    jobs: list[str],
    put_outputs: Callable[..., Path],
    put_record: Callable[..., None],
    until: Callable[..., None],
) -> None:
    model = "=HYPERLINK('x', -1)"
    put_outputs("evil4", model, quality={"summary": "+cmd; =1\t\n-2", "metrics": {"psnr": -3.5}})
    put_record("evil4", "SUCCESS", DONE)
    until(lambda: http.get("/jobs?q=evil4").json()["total"])
    rows = {row["job_id"]: row for row in rows_of(http.get("/jobs/export.csv").content)}
    evil = rows["evil4"]
    assert evil["model"] == "'=HYPERLINK('x', '-1)"
    assert evil["quality_summary"] == "'+cmd; '=1 -2"
    assert evil["psnr_db"] == "-3.5"  # a number, and meant as one
    assert rows["run2"]["step"] == "'@SUM(A1)"
    assert rows["fail3"]["error_message"] == 'Job fail3 failed: a, "b" ;\'=1+1 -2'
    # Nothing is changed where no spreadsheet reads it.
    [told] = http.get("/jobs/export.json?q=evil4").json()
    assert told["models"][0]["name"] == model


@hypothesis.given(some.text(alphabet="=+-@,;|\"'\t\r\n \u00a0\uff1da1"))
def test_no_text_becomes_a_formula_or_another_row(text: str) -> None:
    cell = spreadsheet._text(text)
    line = spreadsheet._lines([["id", cell, "end"]])
    assert list(csv.reader(io.StringIO(line, newline=""))) == [["id", cell, "end"]]
    assert line.count("\n") == 1
    for separator in (",", ";", "|", "\t"):
        parts = re.split(re.escape(separator), cell)
        assert not any(re.match(r'[\s"]*[=+\-@\uff1d]', part) for part in parts), cell
    assert cell.replace("'", "") == " ".join(text.split()).replace("'", "")


def test_pandas_reads_it_without_being_told_anything(http: TestClient, jobs: list[str]) -> None:
    table = pd.read_csv(io.BytesIO(http.get("/jobs/export.csv?sort=job_id").content))
    assert list(table.columns) == list(COLUMNS)
    assert list(table["job_id"]) == ["fail3", "ready1", "ready1", "run2"]
    assert table["psnr_db"].dtype == float
