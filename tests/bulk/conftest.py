"""Jobs for one ZIP, some of a known size, and a limit that they reach."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dashboard import bulk_zip
from tests.bulk.archives import DONE


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
