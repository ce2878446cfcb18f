"""A cache directory that is locked, read-only, full or damaged costs time: downloads, thumbnails
and everything else go on, whole and right, and nothing half-written stays behind.
"""

import os
import resource
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dashboard import zip_cache
from dashboard.api import zip_builds
from dashboard.zip_cache import NewArchive, open_cached


@pytest.mark.parametrize("limit", ["1", "512"])
def test_a_full_disk_costs_the_cache_and_not_the_download(
    http: TestClient,
    zip_url: str,
    expected_zip: bytes,
    monkeypatch: pytest.MonkeyPatch,
    cached_zips: Callable[[], list[str]],
    limit: str,
) -> None:
    """No file may be longer than 2 MB: to a writer, that is a disk without room."""
    monkeypatch.setenv("MAX_ZIP_IN_MEMORY_MB", limit)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, before[1]))
    try:
        assert http.get(zip_url).content == expected_zip
        assert cached_zips() == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert http.get(zip_url).content == expected_zip
    assert cached_zips() == [".zip"]


@pytest.mark.parametrize("limit", ["1", "512"])
def test_an_unwritable_cache_costs_the_cache_and_not_the_download(
    http: TestClient,
    zip_url: str,
    expected_zip: bytes,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    limit: str,
) -> None:
    monkeypatch.setenv("MAX_ZIP_IN_MEMORY_MB", limit)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CACHE_PATH", str(tmp_path / "file"))
    assert http.get(zip_url).content == expected_zip


@pytest.mark.parametrize("limit", ["1", "512"])
def test_a_disk_that_fills_up_on_the_way_does_not_break_the_download(
    http: TestClient,
    zip_url: str,
    expected_zip: bytes,
    monkeypatch: pytest.MonkeyPatch,
    cached_zips: Callable[[], list[str]],
    limit: str,
) -> None:
    monkeypatch.setenv("MAX_ZIP_IN_MEMORY_MB", limit)
    write, written = NewArchive.write, []

    def fill_up(archive: NewArchive, chunk: bytes) -> None:
        written.append(len(chunk))
        if sum(written) > 2_500_000:
            raise OSError(28, "No space left on device")
        write(archive, chunk)

    monkeypatch.setattr(NewArchive, "write", fill_up)
    assert http.get(zip_url).content == expected_zip
    assert cached_zips() == []


def curl(*arguments: object) -> int:
    command = ["curl", "--silent", "--fail", *map(str, arguments)]
    return subprocess.run(command, check=False).returncode


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


@needs_curl
def test_files_replaced_while_the_disk_fills_up_break_the_connection(
    address: str,
    zip_url: str,
    finished_job: str,
    storage: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAX_ZIP_IN_MEMORY_MB", "1")
    mesh = storage / finished_job / "output" / "reconviagen" / "mesh.ply"
    write, written = NewArchive.write, []

    def fill_up(archive: NewArchive, chunk: bytes) -> None:
        written.append(len(chunk))
        if sum(written) > 2_500_000:
            mesh.unlink()
            mesh.write_bytes(os.urandom(6_000_000))
            raise OSError(28, "No space left on device")
        write(archive, chunk)

    monkeypatch.setattr(NewArchive, "write", fill_up)
    assert curl("-o", tmp_path / "job.zip", address + zip_url) == 18
    assert not zipfile.is_zipfile(tmp_path / "job.zip")


@pytest.mark.parametrize("damage", ["cut", "emptied", "grown", "linked"])
def test_a_damaged_archive_in_the_cache_is_packed_anew(
    http: TestClient, zip_url: str, expected_zip: bytes, tmp_path: Path, damage: str
) -> None:
    http.get(zip_url)
    [kept] = (tmp_path / "cache" / "zips").glob("*.zip")
    if damage == "linked":
        (tmp_path / "elsewhere").write_bytes(kept.read_bytes() + b"x")
        kept.unlink()
        kept.symlink_to(tmp_path / "elsewhere")
    else:
        content = {"cut": expected_zip[:-7], "emptied": b"", "grown": expected_zip + b"0"}[damage]
        kept.write_bytes(content)
    response = http.get(zip_url)
    assert (response.status_code, response.content) == (200, expected_zip)
    assert http.get(zip_url).content == expected_zip


@pytest.fixture
def one_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_builds, "SLOTS", zip_builds.CapacityLimiter(1))


@pytest.mark.usefixtures("one_slot")
def test_a_lost_cache_does_not_keep_its_own_fallback_out(
    http: TestClient, zip_url: str, expected_zip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZIP_CACHE_MB", "1")
    assert [http.get(zip_url).status_code for _ in range(3)] == [200, 200, 200]


def test_running_builds_count_against_the_cache(
    storage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZIP_CACHE_MB", "2")
    first = NewArchive("a" * 40, 1_500_000)
    first.write(b"0" * 1_500_000)
    with pytest.raises(zip_cache.CacheFullError):
        NewArchive("b" * 40, 1_500_000)
    first.discard()
    first.close()


def test_archives_that_grow_beside_each_other_stay_within_the_bound(
    storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZIP_CACHE_MB", "2")
    both = [NewArchive(name * 40, 1_500_000) for name in "ab"]
    for archive in both:
        archive.write(b"0" * 1_500_000)
    for archive in both:
        archive.finish()
        archive.close()
    assert zip_cache.kept_bytes() == 1_500_000


def test_a_damaged_archive_that_cannot_be_removed_costs_time_only(
    http: TestClient, zip_url: str, expected_zip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    http.get(zip_url)
    [kept] = zip_cache._directory().glob("*.zip")
    kept.write_bytes(b"no archive")

    def refuse(_path: Path, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    response = http.get(zip_url)
    assert (response.status_code, response.content) == (200, expected_zip)


def test_old_archives_make_room_on_a_full_disk(
    storage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = NewArchive("a" * 40, 1000)
    old.finish()
    old.close()
    usage, asked = shutil.disk_usage(tmp_path), []

    def nearly_full(_: Path) -> Any:
        asked.append(1)
        return usage._replace(free=10 if len(asked) == 1 else 10_000)

    monkeypatch.setattr(zip_cache.shutil, "disk_usage", nearly_full)
    NewArchive("b" * 40, 5000).close()
    assert open_cached("a" * 40) is None


def test_a_cache_that_cannot_be_written_costs_only_the_cache(
    http: TestClient, finished_job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CACHE_PATH", str(tmp_path / "file"))
    url = f"/jobs/{finished_job}/thumbnails/reconviagen/textured_00.png"
    assert http.get(url).headers["content-type"] == "image/webp"
