"""GET /jobs/download: many jobs as one ZIP, what is left out told, and nothing held for long."""

import csv
import importlib
import io
import os
import shutil
import socket
import subprocess
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dashboard import bulk_zip, job_pages
from dashboard.api import sending, zip_builds
from dashboard.bulk_zip import BulkZip
from result_packager import Collection

DONE = {"status": "completed"}


@pytest.fixture
def jobs(
    http: TestClient, put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> list[str]:
    """Three jobs: two ready ones, of one and of two models, and one that failed between them."""
    put_outputs("first1")
    put_outputs("third3", "reconviagen", "nvdiffrec")
    put_record("first1", "SUCCESS", DONE)
    put_record("second2", "SUCCESS", {"status": "failed", "error": '=1+1\nout of memory, "bad"'})
    put_record("third3", "SUCCESS", DONE)
    return ["first1", "second2", "third3"]


def address_of(job_ids: list[str]) -> str:
    return "/jobs/download?" + "&".join(f"job={job_id}" for job_id in job_ids)


def opened(content: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


def report_of(content: bytes) -> dict[str, dict[str, str]]:
    text = opened(content).read("report.csv").decode()
    return {row["job_id"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}


def results_of(content: bytes) -> dict[str, str]:
    return {job_id: row["result"] for job_id, row in report_of(content).items()}


def error_of(response: Any) -> tuple[int, str]:
    error = response.json()["error"]
    assert set(error) == {"code", "message", "details", "suggestion"}
    assert error["suggestion"]
    assert response.headers["cache-control"] == "no-store"
    return response.status_code, error["code"]


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


# --- limits


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow 10 MB."""
    monkeypatch.setenv("MAX_BULK_GB", "10")
    monkeypatch.setattr(bulk_zip, "GB", 1_000_000)


@pytest.fixture
def put_sized(
    put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> Callable[[str, int], None]:
    """Make a ready job of about so many MB."""

    def put(job_id: str, size_mb: int) -> None:
        mesh = put_outputs(job_id) / "reconviagen" / "mesh.ply"
        mesh.write_bytes(os.urandom(size_mb * 1_000_000))
        put_record(job_id, "SUCCESS", DONE)

    return put


@pytest.mark.usefixtures("small_limit")
def test_jobs_beyond_the_limit_are_left_out_and_told(
    http: TestClient, put_sized: Callable[[str, int], None]
) -> None:
    for job_id, size_mb in {"a": 4, "huge": 11, "b": 4, "c": 3, "d": 1}.items():
        put_sized(job_id, size_mb)
    response = http.get(address_of(["a", "huge", "b", "c", "d"]))
    # After the first that no longer fits nothing comes: what is left is the list's end.
    assert results_of(response.content) == {
        "a": "included",
        "huge": "BULK_LIMIT",
        "b": "included",
        "c": "BULK_LIMIT",
        "d": "BULK_LIMIT",
    }
    assert response.headers["bulk-limit"].startswith("10 GB, 10000 jobs")
    assert error_of(http.get(address_of(["huge"]))) == (413, "BULK_LIMIT")


def test_the_number_of_jobs_is_limited_too(
    http: TestClient, jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_zip, "MAX_JOBS", 1)
    results = results_of(http.get(address_of(jobs)).content)
    assert results == {"first1": "included", "second2": "JOB_FAILED", "third3": "BULK_LIMIT"}


def test_the_report_names_no_more_than_it_may(
    http: TestClient, jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_zip, "MAX_JOBS", 1)
    monkeypatch.setattr(bulk_zip, "REPORTED_BEYOND", 2)
    archive = BulkZip(["first1", "third3", *(f"third{number}" for number in range(10, 30))])
    content = b""
    while not archive.is_done:
        if part := archive.step():
            content += part.read()
    report = opened(content).read("report.csv").decode().splitlines()
    assert [line.split(",")[0] for line in report[1:]] == [
        "first1",
        "third3",
        "third10",
        "third11",
        "",
    ]
    assert "So are 18 more jobs, which are not named here." in report[-1]
    assert archive.left_out.total() == 21


def test_ids_are_taken_one_by_one(http: TestClient, jobs: list[str]) -> None:
    taken: list[str] = []

    def endless() -> Iterator[str]:
        for job_id in ["second2", "first1"]:
            taken.append(job_id)
            yield job_id
        while True:
            taken.append("nobody")
            yield "nobody"

    archive = BulkZip(endless())
    while archive.step() is None:
        pass
    assert taken == ["second2", "first1"]
    archive.close()


def test_memory_does_not_grow_with_the_jobs(
    http: TestClient, put_sized: Callable[[str, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_zip, "HELD_IN_MEMORY_BYTES", 1 << 20)
    for number in range(12):
        put_sized(f"job{number}", 12)
    peaks = {}
    for count in (2, 12):
        archive = BulkZip(f"job{number}" for number in range(count))
        tracemalloc.start()
        while not archive.is_done:
            if part := archive.step():
                while part.read(1 << 20):
                    pass
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert archive.included == count
    assert peaks[12] < peaks[2] + 2_000_000
    assert peaks[12] < 40_000_000


# --- jobs that change, disks that fill up, clients that leave


def while_packing(monkeypatch: pytest.MonkeyPatch, job_id: str, act: Callable[[], object]) -> None:
    """Do something once the first bytes of a job are packed."""
    pack = Collection.pack_job

    def pack_and_act(self: Collection, asked: str, *where: Any) -> Iterator[int]:
        steps = pack(self, asked, *where)
        yield next(steps)
        if asked == job_id:
            act()
        yield from steps

    monkeypatch.setattr(Collection, "pack_job", pack_and_act)


def test_a_job_that_changes_is_left_out_whole(
    http: TestClient, jobs: list[str], storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quality = storage / "first1" / "output" / "reconviagen" / "quality.json"
    while_packing(monkeypatch, "first1", lambda: quality.write_text("{} "))
    content = http.get(address_of(jobs)).content
    assert results_of(content)["first1"] == "RESULTS_CHANGING"
    folders = {name.partition("/")[0] for name in opened(content).namelist()}
    assert folders == {"third3", "report.csv"}


def test_a_job_removed_before_its_turn_is_expired(
    http: TestClient, jobs: list[str], storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_packing(monkeypatch, "first1", lambda: shutil.rmtree(storage / "third3"))
    assert results_of(http.get(address_of(jobs)).content) == {
        "first1": "included",
        "second2": "JOB_FAILED",
        "third3": "JOB_EXPIRED",
    }


def test_a_job_that_vanishes_between_look_and_packing_is_told(
    http: TestClient, jobs: list[str], storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = bulk_zip.get_job

    def look_and_remove(job_id: str) -> Any:
        job = look(job_id)
        if job_id == "first1":
            shutil.rmtree(storage / "first1", ignore_errors=True)
        return job

    monkeypatch.setattr(bulk_zip, "get_job", look_and_remove)
    results = results_of(http.get(address_of(jobs)).content)
    assert (results["first1"], results["third3"]) == ("JOB_EXPIRED", "included")


def test_a_storage_that_goes_away_on_the_way_is_told(
    http: TestClient, jobs: list[str], storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = storage.with_name("away")
    while_packing(monkeypatch, "first1", lambda: storage.rename(away))
    results = results_of(http.get(address_of(jobs)).content)
    assert results == {
        "first1": "included",
        "second2": "STORAGE_UNAVAILABLE",
        "third3": "STORAGE_UNAVAILABLE",
    }


@pytest.mark.parametrize("elsewhere", ["room", "no room"])
def test_a_cache_that_takes_nothing_costs_no_job_while_there_is_room_elsewhere(
    http: TestClient,
    jobs: list[str],
    put_sized: Callable[[str, int], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    elsewhere: str,
) -> None:
    monkeypatch.setattr(bulk_zip, "HELD_IN_MEMORY_BYTES", 1 << 20)
    put_sized("large4", 3)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CACHE_PATH", str(tmp_path / "file"))
    if elsewhere == "no room":
        monkeypatch.setattr(bulk_zip, "gettempdir", lambda: str(tmp_path / "file"))
    results = results_of(http.get(address_of(["first1", "large4", "third3"])).content)
    large = "included" if elsewhere == "room" else "INTERNAL_ERROR"
    assert results == {"first1": "included", "large4": large, "third3": "included"}


def test_all_slots_taken_is_busy(http: TestClient, jobs: list[str]) -> None:
    for slot in (slots := [object() for _ in range(int(zip_builds.SLOTS.total_tokens))]):
        zip_builds.SLOTS.acquire_on_behalf_of_nowait(slot)
    try:
        response = http.get(address_of(jobs))
    finally:
        for slot in slots:
            zip_builds.SLOTS.release_on_behalf_of(slot)
    assert error_of(response) == (503, "BUSY")
    assert http.get(address_of(jobs)).status_code == 200
    assert zip_builds.SLOTS.borrowed_tokens == 0


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


@needs_curl
def test_a_client_that_leaves_ends_the_packing_and_frees_all(
    address: str,
    put_sized: Callable[[str, int], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    until: Callable[..., None],
    open_files_below: Callable[[Path], list[str]],
) -> None:
    for number in range(4):
        put_sized(f"job{number}", 6)
    packed: list[str] = []
    pack = Collection.pack_job

    def note(self: Collection, job_id: str, *where: Any) -> Iterator[int]:
        packed.append(job_id)
        return pack(self, job_id, *where)

    monkeypatch.setattr(Collection, "pack_job", note)
    query = address_of([f"job{number}" for number in range(4)])
    command = ["curl", "-s", "--limit-rate", "500k", "-o", "/dev/null", address + query]
    client = subprocess.Popen(command)
    until(lambda: packed)
    # What is being sent holds no slot, however slow its client is.
    until(lambda: zip_builds.SLOTS.borrowed_tokens == 0)
    client.kill()
    client.wait()
    until(lambda: not open_files_below(tmp_path))
    assert zip_builds.SLOTS.borrowed_tokens == 0
    assert len(packed) < 4


def test_a_client_that_takes_nothing_is_left(
    address: str,
    put_sized: Callable[[str, int], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    until: Callable[..., None],
    open_files_below: Callable[[Path], list[str]],
) -> None:
    monkeypatch.setattr(bulk_zip, "HELD_IN_MEMORY_BYTES", 1 << 20)
    monkeypatch.setattr(sending, "STALLED_S", 0.3)
    put_sized("large1", 20)
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /jobs/download?job=large1 HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: open_files_below(tmp_path))
        until(lambda: not open_files_below(tmp_path))
    until(lambda: zip_builds.SLOTS.borrowed_tokens == 0)
