"""The HTTP surface beside the decision table: lists, single files, thumbnails, health."""

import io
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from dashboard import __version__
from dashboard.api import download, zip_builds
from tests.refusals import error_of

# --- download


def test_the_zip_comes_whole_with_its_headers(
    http: TestClient, finished_job: str, storage: Path, tmp_path: Path
) -> None:
    response = http.get(f"/jobs/{finished_job}/download")
    assert response.headers["content-type"] == "application/zip"
    assert int(response.headers["content-length"]) == len(response.content)
    disposition = f"attachment; filename={finished_job}.zip"
    assert response.headers["content-disposition"] == disposition
    assert "content-encoding" not in response.headers
    output = storage / finished_job / "output"
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        glb = archive.read("reconviagen/mesh.glb")
        assert "reconviagen/texture.png" in archive.namelist()
    assert glb == (output / "reconviagen" / "mesh.glb").read_bytes()
    (tmp_path / "job.zip").write_bytes(response.content)
    if Path("/usr/bin/unzip").exists():
        subprocess.run(["unzip", "-tq", tmp_path / "job.zip"], check=True)


def test_head_promises_no_length_and_packs_nothing(
    http: TestClient, finished_job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_builds, "stream_result_zip", lambda *_: pytest.fail("packed"))
    monkeypatch.setattr(download, "create_result_zip", lambda *_: pytest.fail("packed"))
    response = http.head(f"/jobs/{finished_job}/download")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/zip"
    assert "content-length" not in response.headers


def test_a_build_beyond_the_limit_is_told_to_come_back(
    http: TestClient, finished_job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for slot in (slots := [object() for _ in range(int(zip_builds.SLOTS.total_tokens))]):
        zip_builds.SLOTS.acquire_on_behalf_of_nowait(slot)
    try:
        response = http.get(f"/jobs/{finished_job}/download")
    finally:
        for slot in slots:
            zip_builds.SLOTS.release_on_behalf_of(slot)
    assert error_of(response) == (503, "BUSY")
    assert int(response.headers["retry-after"]) > 0
    assert http.get(f"/jobs/{finished_job}/download").status_code == 200


# --- the state of jobs


def test_a_job_tells_models_files_quality_and_sizes(
    http: TestClient, put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> None:
    output = put_outputs("two", "reconviagen", "nvdiffrec")
    put_record("two", "SUCCESS", {"status": "completed"})
    job = http.get("/jobs/two").json()
    assert set(job) == {
        "job_id",
        "status",
        "state",
        "progress",
        "step",
        "model",
        "models",
        "stalled",
        "created_at",
        "updated_at",
        "finished_at",
        "available_until",
        "size_bytes",
        "verdict",
        "error",
        "download_url",
    }
    assert [model["name"] for model in job["models"]] == ["nvdiffrec", "reconviagen"]
    on_disk = {
        path.relative_to(output / "nvdiffrec").as_posix(): path.stat().st_size
        for path in (output / "nvdiffrec").rglob("*")
        if path.is_file()
    }
    assert job["models"][0]["files"] == on_disk
    assert job["size_bytes"] == 2 * sum(on_disk.values())
    assert job["models"][0]["quality"]["metrics"]["psnr"] == 27.1
    assert job["updated_at"] == "2026-02-01T10:00:00+00:00"
    assert job["state"] == "SUCCESS"


def test_broken_quality_is_null_and_says_why(
    http: TestClient, put_outputs: Callable[..., Path]
) -> None:
    put_outputs("broken", quality='{"metrics": {"psnr": NaN}')
    [model] = http.get("/jobs/broken").json()["models"]
    assert model["quality"] is None
    assert model["quality_problem"] == "quality.json is not valid JSON"


@pytest.fixture
def some_jobs(
    storage: Path, put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> None:
    for number, psnr in enumerate((21.0, 30.0, None)):
        metrics = {"psnr": psnr, "ssim": 0.9 - number / 10}
        put_outputs(f"ready{number}", "reconviagen", quality={"metrics": metrics})
        put_record(f"ready{number}", "SUCCESS", {"status": "completed"})
    put_outputs("other1", "nvdiffrec", quality=None)
    put_record("other1", "FAILURE", {"exc_type": "E", "exc_message": ["x"]})
    (storage / "queued1").mkdir()
    put_record("record1", "STARTED")


def ids(http: TestClient, query: str) -> list[str]:
    return [job["job_id"] for job in http.get(f"/jobs?{query}").json()["jobs"]]


@pytest.mark.usefixtures("some_jobs")
def test_the_list_holds_every_job_with_directory_or_record(http: TestClient) -> None:
    answer = http.get("/jobs").json()
    assert {job["job_id"] for job in answer["jobs"]} == {
        "ready0",
        "ready1",
        "ready2",
        "other1",
        "queued1",
        "record1",
    }
    assert (answer["total"], answer["limit"], answer["offset"]) == (6, 50, 0)
    assert all("files" not in model for job in answer["jobs"] for model in job["models"])


@pytest.mark.usefixtures("some_jobs")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=failed", {"other1"}),
        ("status=failed&status=queued", {"other1", "queued1"}),
        ("status=failed,queued", {"other1", "queued1"}),
        ("status=", {"ready0", "ready1", "ready2", "other1", "queued1", "record1"}),
        ("model=nvdiffrec", {"other1"}),
        ("q=READY", {"ready0", "ready1", "ready2"}),
        ("q=%25", set()),
        ("status=ready&model=nvdiffrec", set()),
    ],
)
def test_filters_keep_what_fits(http: TestClient, query: str, expected: set[str]) -> None:
    assert set(ids(http, query)) == expected


@pytest.mark.usefixtures("some_jobs")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=job_id&status=ready", ["ready0", "ready1", "ready2"]),
        ("sort=-job_id&status=ready", ["ready2", "ready1", "ready0"]),
        ("sort=psnr&status=ready", ["ready0", "ready1", "ready2"]),
        ("sort=-psnr&status=ready", ["ready1", "ready0", "ready2"]),
        ("sort=ssim&status=ready", ["ready2", "ready1", "ready0"]),
        ("sort=job_id&limit=2&offset=1", ["queued1", "ready0"]),
        ("sort=job_id&offset=100", []),
    ],
)
def test_sorting_and_paging_with_missing_figures_last(
    http: TestClient, query: str, expected: list[str]
) -> None:
    assert ids(http, query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "status=done",
        "sort=name",
        "sort=--psnr",
        "limit=0",
        "limit=201",
        "limit=ten",
        "limit=-1",
        "limit=1e2",
        "offset=-1",
        "offset=%D9%A1",
        "offset=99999999999",
    ],
)
def test_a_bad_parameter_is_named(http: TestClient, query: str) -> None:
    response = http.get(f"/jobs?{query}")
    assert error_of(response) == (422, "INVALID_PARAMETER")
    assert response.json()["error"]["details"]["parameter"] == query.partition("=")[0]


def test_an_absent_storage_is_named_and_not_an_empty_list(
    http: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB_STORAGE_PATH", str(tmp_path / "nowhere"))
    response = http.get("/jobs")
    assert error_of(response) == (503, "STORAGE_UNAVAILABLE")
    assert str(tmp_path) not in response.text


# --- single files


def test_every_file_of_the_contract_is_served_as_it_is(
    http: TestClient, finished_job: str, storage: Path
) -> None:
    model = storage / finished_job / "output" / "reconviagen"
    names = http.get(f"/jobs/{finished_job}").json()["models"][0]["files"]
    assert "previews/textured_00.png" in names
    for name in names:
        response = http.get(f"/jobs/{finished_job}/files/reconviagen/{name}")
        assert response.content == (model / name).read_bytes()
        assert int(response.headers["content-length"]) == names[name]
        assert "content-encoding" not in response.headers


def test_a_preview_is_found_by_its_bare_name(http: TestClient, finished_job: str) -> None:
    response = http.get(f"/jobs/{finished_job}/files/reconviagen/textured_00.png")
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")


def test_etag_and_ranges_of_a_file(http: TestClient, finished_job: str, storage: Path) -> None:
    url = f"/jobs/{finished_job}/files/reconviagen/mesh.glb"
    content = (storage / finished_job / "output/reconviagen/mesh.glb").read_bytes()
    etag = http.get(url).headers["etag"]
    assert http.get(url, headers={"If-None-Match": etag}).status_code == 304
    assert http.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    for asked, part in {
        "bytes=0-99": content[:100],
        "bytes=100-": content[100:],
        "bytes=-50": content[-50:],
        "bytes=2990-99999": content[2990:],
    }.items():
        response = http.get(url, headers={"Range": asked})
        assert (response.status_code, response.content) == (206, part)
        start = len(content) - len(part) if not content.startswith(part) else 0
        end = start + len(part) - 1
        assert response.headers["content-range"] == f"bytes {start}-{end}/{len(content)}"
    stale = http.get(url, headers={"Range": "bytes=0-9", "If-Range": '"old"'})
    assert (stale.status_code, stale.content) == (200, content)
    for odd in ("bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=-"):
        assert http.get(url, headers={"Range": odd}).status_code == 200
    beyond = http.get(url, headers={"Range": "bytes=99999-"})
    assert error_of(beyond) == (416, "RANGE_NOT_SATISFIABLE")
    assert beyond.headers["content-range"] == f"bytes */{len(content)}"


@pytest.mark.parametrize(
    "path",
    [
        "reconviagen/other.txt",
        "reconviagen/mesh.stl",
        "nobody/mesh.glb",
        "reconviagen/previews/none.png",
        "reconviagen/previews",
        "reconviagen/previews/previews/textured_00.png",
    ],
)
def test_what_is_not_in_the_contract_is_not_found(
    http: TestClient, finished_job: str, storage: Path, path: str
) -> None:
    (storage / finished_job / "output" / "reconviagen" / "other.txt").write_text("secret")
    response = http.get(f"/jobs/{finished_job}/files/{path}")
    assert error_of(response) == (404, "FILE_NOT_FOUND")


# --- thumbnails


def test_a_thumbnail_is_a_small_webp_and_kept(
    http: TestClient, finished_job: str, tmp_path: Path
) -> None:
    url = f"/jobs/{finished_job}/thumbnails/reconviagen/textured_00.png"
    response = http.get(f"{url}?edge=128")
    assert response.headers["content-type"] == "image/webp"
    assert max(Image.open(io.BytesIO(response.content)).size) == 128
    assert max(Image.open(io.BytesIO(http.get(url).content)).size) == 256
    assert len([p for p in (tmp_path / "cache").rglob("*") if p.is_file()]) == 2
    again = http.get(f"{url}?edge=128", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_a_changed_preview_gets_a_new_thumbnail(
    http: TestClient, finished_job: str, storage: Path
) -> None:
    url = f"/jobs/{finished_job}/thumbnails/reconviagen/textured_00.png"
    before = http.get(url)
    preview = storage / finished_job / "output/reconviagen/previews/textured_00.png"
    Image.new("RGB", (100, 50), (255, 0, 0)).save(preview)
    after = http.get(url)
    assert Image.open(io.BytesIO(after.content)).size == (100, 50)
    assert after.headers["etag"] != before.headers["etag"]


@pytest.mark.parametrize(
    "edge", ["0", "15", "1025", "x", "-5", "256.0", "1" * 30, "0000010240", "00128"]
)
def test_a_bad_edge_is_named(http: TestClient, finished_job: str, edge: str) -> None:
    url = f"/jobs/{finished_job}/thumbnails/reconviagen/textured_00.png?edge={edge}"
    assert error_of(http.get(url)) == (422, "INVALID_PARAMETER")


@pytest.mark.parametrize("name", ["mesh.glb", "none.png", "quality.json"])
def test_only_pictures_that_exist_have_thumbnails(
    http: TestClient, finished_job: str, name: str
) -> None:
    url = f"/jobs/{finished_job}/thumbnails/reconviagen/{name}"
    assert error_of(http.get(url)) == (404, "FILE_NOT_FOUND")


# --- everything else


@pytest.mark.parametrize(
    "path", ["/jobs/", "/jobs/a/b", "/jobs/a/download/x", "/jobs/a/files", "/jobs/a/files/m"]
)
def test_other_paths_below_jobs_are_not_the_page(http: TestClient, path: str) -> None:
    assert error_of(http.get(path)) == (404, "PATH_NOT_FOUND")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize(
    "path", ["/jobs", "/jobs/a", "/jobs/a/download", "/jobs/a/files/m/n", "/health"]
)
def test_a_wrong_method_is_refused(http: TestClient, method: str, path: str) -> None:
    response = http.request(method, path)
    assert error_of(response) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "GET, HEAD"


def test_health_names_what_is_wrong(
    http: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = http.get("/health")
    assert well.status_code == 200
    told = well.json()
    assert told.pop("catalog_lag_s") >= 0
    assert told == {
        "status": "ok",
        "redis": "ok",
        "storage": "ok",
        "catalog": "ok",
        "cache": "ok",
        "version": __version__,
    }
    monkeypatch.setenv("JOB_STORAGE_PATH", str(tmp_path / "nowhere"))
    ill = http.get("/health")
    assert (ill.status_code, ill.json()["redis"]) == (503, "ok")
    assert ill.json()["storage"].startswith("unavailable")
    assert ill.headers["retry-after"]


def test_a_cache_that_cannot_be_written_is_told_and_costs_no_health(
    http: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CACHE_PATH", str(tmp_path / "file" / "cache"))
    told = http.get("/health")
    assert (told.status_code, told.json()["cache"]) == (200, "unavailable: Not a directory")


def test_an_unforeseen_fault_is_told_without_traceback(
    http: TestClient, finished_job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(zip_builds, "stream_result_zip", explode)
    response = http.get(f"/jobs/{finished_job}/download")
    assert error_of(response) == (500, "INTERNAL_ERROR")
    assert "secret detail" not in response.text
