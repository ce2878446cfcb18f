"""How archives reach their clients: cached, built once, streamed, resumed, never half."""

import hashlib
import io
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dashboard import zip_cache
from dashboard.api import download, zip_builds
from dashboard.zip_cache import archive_key, open_cached
from result_packager import ResultStream, create_result_zip


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that were packed, in order."""
    packed: list[str] = []
    pack = zip_builds.stream_result_zip

    def note(job_id: str, directory: Path) -> Any:
        packed.append(job_id)
        return pack(job_id, directory)

    monkeypatch.setattr(zip_builds, "stream_result_zip", note)
    monkeypatch.setattr(
        download,
        "create_result_zip",
        lambda *call: packed.append(call[0]) or create_result_zip(*call),
    )
    return packed


def test_the_second_download_comes_from_the_cache(
    http: TestClient,
    zip_url: str,
    expected_zip: bytes,
    builds: list[str],
    cached_zips: Callable[[], list[str]],
) -> None:
    first, second = http.get(zip_url), http.get(zip_url)
    assert first.content == second.content == expected_zip
    assert int(second.headers["content-length"]) == len(expected_zip)
    assert first.headers["etag"] == second.headers["etag"]
    assert len(builds) == 1
    assert cached_zips() == [".zip"]


def test_a_cached_archive_is_not_sent_again_and_can_be_resumed(
    http: TestClient, zip_url: str, expected_zip: bytes, builds: list[str]
) -> None:
    etag = http.get(zip_url).headers["etag"]
    assert http.get(zip_url, headers={"If-None-Match": etag}).status_code == 304
    rest = http.get(zip_url, headers={"Range": "bytes=1000-", "If-Range": etag})
    assert (rest.status_code, rest.content) == (206, expected_zip[1000:])
    head = http.head(zip_url)
    assert int(head.headers["content-length"]) == len(expected_zip)
    assert len(builds) == 1


def test_a_range_of_what_is_not_cached_yet_is_cut_out_of_the_whole(
    http: TestClient, zip_url: str, expected_zip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_ZIP_IN_MEMORY_MB", "0")
    response = http.get(zip_url, headers={"Range": "bytes=0-99"})
    assert (response.status_code, response.content) == (206, expected_zip[:100])


def test_a_changed_file_makes_another_archive(
    http: TestClient, zip_url: str, finished_job: str, storage: Path
) -> None:
    before = http.get(zip_url).headers["etag"]
    quality = storage / finished_job / "output" / "reconviagen" / "quality.json"
    quality.write_text('{"status": "failure"}')
    after = http.get(zip_url, headers={"If-None-Match": before})
    assert after.status_code == 200
    with zipfile.ZipFile(io.BytesIO(after.content)) as archive:
        assert archive.read("reconviagen/quality.json") == quality.read_bytes()


def test_two_requests_at_once_build_once(
    http: TestClient, zip_url: str, expected_zip: bytes, builds: list[str]
) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: http.get(zip_url).content, range(4)))
    assert answers == [expected_zip] * 4
    assert len(builds) == 1


def test_a_job_larger_than_the_limit_is_streamed_with_the_same_bytes(
    http: TestClient,
    zip_url: str,
    expected_zip: bytes,
    monkeypatch: pytest.MonkeyPatch,
    cached_zips: Callable[[], list[str]],
) -> None:
    monkeypatch.setenv("MAX_ZIP_IN_MEMORY_MB", "1")
    streamed = http.get(zip_url)
    assert "content-length" not in streamed.headers
    assert streamed.content == expected_zip
    assert cached_zips() == [".zip"]
    assert int(http.get(zip_url).headers["content-length"]) == len(expected_zip)


@pytest.mark.parametrize("limit", ["1", "512"])
def test_without_a_cache_every_download_is_packed(
    http: TestClient,
    zip_url: str,
    expected_zip: bytes,
    monkeypatch: pytest.MonkeyPatch,
    cached_zips: Callable[[], list[str]],
    limit: str,
) -> None:
    monkeypatch.setenv("ZIP_CACHE_MB", "0")
    monkeypatch.setenv("MAX_ZIP_IN_MEMORY_MB", limit)
    first, second = http.get(zip_url), http.get(zip_url)
    assert first.content == second.content == expected_zip
    assert ("content-length" in first.headers) == (limit == "512")
    assert cached_zips() == []


def test_what_was_not_used_for_longest_goes_first(
    http: TestClient,
    put_outputs: Callable[..., Path],
    put_record: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZIP_CACHE_MB", "5")
    keys = {}
    for number in range(4):
        job_id = f"job{number}"
        mesh = put_outputs(job_id) / "reconviagen" / "mesh.glb"
        mesh.write_bytes(os.urandom(1_500_000))
        put_record(job_id, "SUCCESS", {"status": "completed"})
        keys[job_id], _ = archive_key(job_id)
        http.get(f"/jobs/{job_id}/download")
        if number == 2:
            http.get("/jobs/job0/download")  # used again, so job1 is now the oldest
    kept = []
    for job_id, key in keys.items():
        if (file := open_cached(key)) is not None:
            file.close()
            kept.append(job_id)
    assert kept == ["job0", "job2", "job3"]


def test_a_job_larger_than_the_cache_is_not_kept(
    http: TestClient,
    zip_url: str,
    expected_zip: bytes,
    monkeypatch: pytest.MonkeyPatch,
    cached_zips: Callable[[], list[str]],
) -> None:
    monkeypatch.setenv("ZIP_CACHE_MB", "1")
    assert http.get(zip_url).content == expected_zip
    assert cached_zips() == []


def test_what_a_killed_server_left_is_removed_at_the_start(
    storage: Path, tmp_path: Path, cached_zips: Callable[[], list[str]]
) -> None:
    directory = tmp_path / "cache" / "zips"
    directory.mkdir(parents=True)
    (directory / "half.part").write_bytes(b"PK")
    (directory / "whole.zip").write_bytes(b"PK")
    zip_cache.remove_unfinished()
    assert cached_zips() == [".zip"]


# --- over a real connection


def curl(*arguments: object) -> int:
    command = ["curl", "--silent", "--fail", *map(str, arguments)]
    return subprocess.run(command, check=False).returncode


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


@needs_curl
@pytest.mark.parametrize("cache", ["0", "2048"])
def test_a_late_fault_breaks_the_connection_visibly(
    address: str,
    zip_url: str,
    finished_job: str,
    storage: Path,
    tmp_path: Path,
    cached_zips: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    cache: str,
) -> None:
    monkeypatch.setenv("ZIP_CACHE_MB", cache)
    monkeypatch.setenv("MAX_ZIP_IN_MEMORY_MB", "1")
    last = storage / finished_job / "output" / "reconviagen" / "quality.json"
    step, steps = ResultStream.__next__, []

    def step_and_change(stream: ResultStream) -> bytes:
        steps.append(1)
        if len(steps) == 4:
            last.write_text("{} ")
        return step(stream)

    monkeypatch.setattr(ResultStream, "__next__", step_and_change)
    target = tmp_path / "job.zip"
    assert curl("-o", target, f"{address}{zip_url}") == 18  # a partial file, says curl
    assert not zipfile.is_zipfile(target)
    assert not zip_builds.BUILDS
    assert [s for s in cached_zips() if s == ".part"] == []


@needs_curl
def test_curl_resumes_a_download(
    address: str, zip_url: str, expected_zip: bytes, tmp_path: Path
) -> None:
    target = tmp_path / "job.zip"
    assert curl("-o", target, f"{address}{zip_url}") == 0
    target.write_bytes(expected_zip[:3_000_000])
    assert curl("-C", "-", "-o", target, f"{address}{zip_url}") == 0
    digest = hashlib.sha256(expected_zip).hexdigest()
    assert hashlib.sha256(target.read_bytes()).hexdigest() == digest


def test_many_small_streamed_jobs_are_all_whole(
    http: TestClient,
    put_outputs: Callable[..., Path],
    put_record: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAX_ZIP_IN_MEMORY_MB", "0")
    for number in range(20):
        put_outputs(f"small{number}")
        put_record(f"small{number}", "SUCCESS", {"status": "completed"})
        response = http.get(f"/jobs/small{number}/download")
        assert response.status_code == 200
        assert zipfile.ZipFile(io.BytesIO(response.content)).testzip() is None


def test_a_file_that_changes_while_packing_is_told(
    http: TestClient,
    zip_url: str,
    finished_job: str,
    storage: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mesh = storage / finished_job / "output" / "reconviagen" / "mesh.ply"
    step = ResultStream.__next__

    def change_and_step(stream: ResultStream) -> bytes:
        mesh.write_bytes(b"ply, but shorter")
        return step(stream)

    monkeypatch.setattr(ResultStream, "__next__", change_and_step)
    response = http.get(zip_url)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "RESULTS_CHANGING")
    assert response.headers["retry-after"]


@pytest.mark.parametrize("range_", ["bytes=0-9", "bytes=99999999-"])
def test_head_ignores_a_range(
    http: TestClient, zip_url: str, expected_zip: bytes, range_: str
) -> None:
    http.get(zip_url)
    response = http.head(zip_url, headers={"Range": range_})
    assert response.status_code == 200
    assert int(response.headers["content-length"]) == len(expected_zip)
