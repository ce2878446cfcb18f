"""What is shown of a job was looked at again if anything in its directories has changed."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dashboard import job_pages, outputs
from dashboard.catalog.reading import load_entries
from dashboard.live import live
from dashboard.outputs import has_changed, jobs_on_disk, read_outputs


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file count as old enough to be believed."""
    monkeypatch.setattr(outputs, "SETTLED_NS", -10_000_000_000)


def status_of(http: TestClient, job_id: str) -> str:
    [job] = [job for job in http.get("/jobs").json()["jobs"] if job["job_id"] == job_id]
    return str(job["status"])


def test_a_finished_job_is_looked_at_once(
    http: TestClient, finished_job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    while status_of(http, finished_job) != "ready" or has_changed(
        finished_job, catalogued(finished_job)
    ):
        time.sleep(0.01)
    monkeypatch.setattr(job_pages, "read_outputs", lambda _: pytest.fail("looked again"))
    assert status_of(http, finished_job) == "ready"


def catalogued(job_id: str) -> outputs.Outputs:
    with live().database.reading() as connection:
        return load_entries(connection, [job_id])[job_id].outputs


def test_a_new_file_and_a_new_quality_are_noticed(finished_job: str, storage: Path) -> None:
    model = storage / finished_job / "output" / "reconviagen"
    before = read_outputs(finished_job)
    assert not has_changed(finished_job, before)
    time.sleep(0.02)  # a tick of the file system's clock
    (model / "previews" / "textured_09.png").write_bytes(b"new")
    assert has_changed(finished_job, before)
    with_preview = read_outputs(finished_job)
    time.sleep(0.02)
    (model / "quality.json").write_text('{"metrics": {"psnr": 19.5}}')
    assert has_changed(finished_job, with_preview)


def test_what_changed_a_moment_ago_is_not_relied_on(
    finished_job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "SETTLED_NS", 10**18)
    assert has_changed(finished_job, read_outputs(finished_job))


def test_only_directories_named_like_a_job_are_jobs(storage: Path) -> None:
    (storage / "abcd1234").mkdir()
    (storage / "lost+found").mkdir()
    (storage / "file1").write_text("")
    (storage / "link1").symlink_to(storage / "abcd1234")
    assert set(jobs_on_disk()) == {"abcd1234"}


def test_an_incomplete_job_that_is_completed_becomes_ready_in_the_list(
    http: TestClient, finished_job: str, storage: Path
) -> None:
    empty = storage / finished_job / "output" / "nvdiffrec"
    empty.mkdir()
    assert status_of(http, finished_job) == "incomplete"
    (empty / "mesh.glb").write_bytes(b"glTF")
    assert status_of(http, finished_job) == "ready"


def test_an_unreadable_job_that_is_opened_becomes_ready_in_the_list(
    http: TestClient, finished_job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_forbidden = outputs._is_forbidden
    monkeypatch.setattr(outputs, "_is_forbidden", lambda _: True)
    assert status_of(http, finished_job) == "unreadable"
    monkeypatch.setattr(outputs, "_is_forbidden", is_forbidden)
    assert status_of(http, finished_job) == "ready"


def test_outputs_that_are_removed_are_expired_in_the_list(
    http: TestClient, put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> None:
    output = put_outputs("shortly")
    put_record("shortly", "SUCCESS", {})
    assert status_of(http, "shortly") == "ready"
    output.rename(output.with_name("elsewhere"))
    assert status_of(http, "shortly") == "expired"
