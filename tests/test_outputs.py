"""Lists recall what they saw of a job that has ended, and never a state that was mended since."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dashboard import outputs
from dashboard.outputs import read_outputs, recall_outputs


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file count as old enough to be believed."""
    monkeypatch.setattr(outputs, "SETTLED_NS", -10_000_000_000)


def status_of(http: TestClient, job_id: str) -> str:
    [job] = [job for job in http.get("/jobs").json()["jobs"] if job["job_id"] == job_id]
    return str(job["status"])


def test_a_finished_job_is_looked_at_once(
    finished_job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = recall_outputs(finished_job)
    monkeypatch.setattr(outputs, "read_outputs", lambda _: pytest.fail("looked again"))
    assert recall_outputs(finished_job) is first


def test_a_new_file_and_a_new_quality_are_noticed(finished_job: str, storage: Path) -> None:
    model = storage / finished_job / "output" / "reconviagen"
    before = recall_outputs(finished_job)
    time.sleep(0.02)  # a tick of the file system's clock
    (model / "previews" / "textured_09.png").write_bytes(b"new")
    with_preview = recall_outputs(finished_job)
    assert len(with_preview.models[0].files) == len(before.models[0].files) + 1
    time.sleep(0.02)
    (model / "quality.json").write_text('{"metrics": {"psnr": 19.5}}')
    assert recall_outputs(finished_job) == read_outputs(finished_job) != with_preview


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
    access = os.access
    monkeypatch.setattr(outputs.os, "access", lambda *_, **__: False)
    assert status_of(http, finished_job) == "unreadable"
    monkeypatch.setattr(outputs.os, "access", access)
    assert status_of(http, finished_job) == "ready"


def test_outputs_that_are_removed_are_expired_in_the_list(
    http: TestClient, put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> None:
    output = put_outputs("shortly")
    put_record("shortly", "SUCCESS", {})
    assert status_of(http, "shortly") == "ready"
    output.rename(output.with_name("elsewhere"))
    assert status_of(http, "shortly") == "expired"
