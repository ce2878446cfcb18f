"""A server process as an operator starts it, with jobs of every kind in it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.served import Served

BIG_BYTES = 40_000_000


@pytest.fixture(scope="session")
def running_dashboard(
    write_record: Callable[..., None],
    write_outputs: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """A dashboard with jobs that are ready, running, failed, queued and broken."""
    served = Served(tmp_path_factory.mktemp("operated"))
    storage, records = served.storage, served.records
    (storage / "queued").mkdir()
    write_outputs(storage, "ready", "reconviagen", "nvdiffrec")
    output = write_outputs(storage, "big", previews=0)
    (output / "reconviagen" / "mesh.glb").write_bytes(os.urandom(BIG_BYTES))
    write_outputs(storage, "incomplete", previews=1)
    for mesh in (storage / "incomplete").rglob("mesh.[go][lb][bj]"):
        mesh.unlink()
    for job_id in ("ready", "big", "expired", "incomplete"):
        write_record(records, job_id, "SUCCESS", {"status": "completed"})
    write_record(records, "running", "PROGRESS", {"progress": 45, "step": "Texturing"})
    write_record(records, "failed", "FAILURE", {"exc_type": "E", "exc_message": ["no"]})
    records.set("celery-task-meta-unreadable", b"{")
    yield served
    served.close()
