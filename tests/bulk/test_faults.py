"""Jobs that change while they are packed, disks that fill up, and clients that leave."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dashboard import bulk_zip
from dashboard.api import sending, zip_builds
from result_packager import Collection
from tests.bulk.archives import address_of, opened, results_of, while_packing
from tests.refusals import error_of


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
