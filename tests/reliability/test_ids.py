"""Whatever stands where a job id should be (traversal in every encoding, NUL, CRLF, quotes, 70,000
characters, letters that look like others) is refused as JSON, 400 or 404, before Redis or the disk
hears of it, and the connection serves the next request.
"""

import asyncio
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import uvicorn
from starlette.testclient import TestClient

from dashboard.api.server import HEAD_MAX_BYTES

# Sent as they are, after GET.
IDS = {
    "dots": b"..",
    "dots, encoded": b"%2e%2e",
    "dots, encoded twice": b"%252e%252e",
    "dots, over-long UTF-8": b"%c0%ae%c0%ae",
    "dots, full width": b"%ef%bc%8e%ef%bc%8e",
    "slash": b"..%2f..%2fetc%2fpasswd",
    "slash, encoded twice": b"..%252f..%252fetc",
    "slash, over-long UTF-8": b"..%c0%af..%c0%afetc",
    "backslash": b"..%5c..%5cetc",
    "absolute": b"%2fetc%2fpasswd",
    "drive": b"C:%5cjobs",
    "NUL": b"abcd1234%00",
    "NUL before a suffix": b"abcd1234%00.zip",
    "CRLF": b"abcd1234%0d%0aSet-Cookie:%20a=b",
    "line feed": b"abcd1234%0a",
    "Redis command": b"x%0d%0aFLUSHALL%0d%0a",
    "quote": b"abcd'",
    "double quote": b"abcd%22",
    "markup": b"%3Cscript%3E",
    "blank": b"abcd%201234",
    "star": b"*",
    "brackets": b"celery-task-meta-[a-z]*",
    "dot": b".hidden",
    "dash first": b"-rf",
    "Cyrillic a": b"%d0%b0bcd1234",
    "full width digits": b"abcd%ef%bc%91",
    "not UTF-8": b"%ff%fe",
    "surrogate": b"%ed%a0%80",
    "65 characters": b"a" * 65,
    "70,000 characters": b"a" * 70_000,
    "percent alone": b"%",
    "semicolon": b"abcd;1234",
}
# Not HTTP at all: where the next request begins, nobody can tell.
NO_HTTP = {
    "raw UTF-8": b"\xd0\xb0bcd1234",
    "raw NUL": b"abcd\x001234",
    "raw blank": b"ab cd",
    "raw escape": b"ab\x1bcd",
}
WAYS = (b"", b"/download", b"/files/reconviagen/mesh.glb", b"/report")


@pytest.fixture(scope="module")
def touched() -> list[str]:
    """Every path that this process opens, lists or asks about from now on."""
    seen: list[str] = []

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"open", "os.listdir", "os.scandir", "os.rename", "os.remove"} and arguments:
            seen.append(str(arguments[0]))

    sys.addaudithook(note)  # for good: a hook cannot be taken back
    return seen


@pytest.fixture
def port(http: TestClient) -> Iterator[int]:
    """The whole application on a socket, with the protocol that Streamlit serves it by."""
    config = uvicorn.Config(
        http.app,
        port=0,
        log_level="critical",
        lifespan="off",
        http="h11",
        h11_max_incomplete_event_size=HEAD_MAX_BYTES,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


class Client:
    """One connection, on which bytes are sent as they are."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._file = self._socket.makefile("rb")

    def ask(self, target: bytes) -> tuple[int, dict[str, str], bytes]:
        self._socket.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: here\r\n\r\n")
        return self.read()

    def send_in_pieces(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._socket.sendall(piece)
            threading.Event().wait(0.05)

    def read(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return status, headers, self._file.read(int(headers["content-length"]))

    def is_closed(self) -> bool:
        return self._file.read(1) == b""

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@pytest.fixture
def client(port: int) -> Iterator[Client]:
    found = Client(port)
    yield found
    found.close()


def test_no_id_but_a_job_id_gets_anywhere(
    client: Client,
    backend: redis.Redis,
    finished_job: str,
    storage: Path,
    touched: list[str],
    until: Callable[..., None],
) -> None:
    until(lambda: client.ask(b"/jobs/" + finished_job.encode())[0] == 200)
    with backend.monitor() as monitor:
        touched.clear()
        for name, text in IDS.items():
            for way in WAYS:
                status, headers, body = client.ask(b"/jobs/" + text + way)
                told = json.loads(body)["error"]
                assert (status, told["code"]) in REFUSED, name
                assert headers["content-type"] == "application/json"
                assert "set-cookie" not in headers
        below = {path for path in touched if path.startswith(str(storage)) and path != str(storage)}
        backend.echo("the end")
        asked = set()
        while "the end" not in (command := monitor.next_command()["command"]):
            asked.add(command)
    catalog = f"{storage}.catalog"
    assert {path for path in below if not path.startswith(catalog)} <= known(storage, finished_job)
    keys = {word for command in asked for word in command.split() if "celery-task" in word}
    assert keys <= {"celery-task-meta-*", f"celery-task-meta-{finished_job}"}
    assert client.ask(b"/jobs/" + finished_job.encode())[0] == 200


def test_a_long_id_that_comes_in_pieces_is_not_found(client: Client) -> None:
    end = b"/download HTTP/1.1\r\nHost: here\r\n\r\n"
    client.send_in_pieces(b"GET /jobs/", b"a" * 35_000, b"a" * 35_000, end)
    status, _, body = client.read()
    assert (status, json.loads(body)["error"]["code"]) == (404, "JOB_NOT_FOUND")
    assert client.ask(b"/jobs/a")[0] == 404


REFUSED = {(404, "JOB_NOT_FOUND"), (404, "PATH_NOT_FOUND")}


def known(storage: Path, job_id: str) -> set[str]:
    """What is looked at in the background, whoever asks for what."""
    return {str(path) for path in (storage / job_id).rglob("*")} | {str(storage / job_id)}


@pytest.mark.parametrize("kind", NO_HTTP)
def test_what_is_no_http_is_refused_as_json_too(client: Client, kind: str) -> None:
    status, headers, body = client.ask(b"/jobs/" + NO_HTTP[kind])
    assert (status, json.loads(body)["error"]["code"]) == (400, "BAD_REQUEST")
    assert headers["content-type"] == "application/json"
    assert client.is_closed()


def test_what_has_no_end_is_refused(client: Client) -> None:
    client.send_in_pieces(b"GET /jobs/", b"a" * (HEAD_MAX_BYTES - 10), b"aa")
    status, _, body = client.read()
    assert (status, json.loads(body)["error"]["code"]) == (400, "BAD_REQUEST")
    assert client.is_closed()


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/%2e%2e/files/x/mesh.glb",
        "/jobs/abcd1234/files/..%2f..%2f/mesh.glb",
        "/jobs/abcd1234/files/reconviagen/..%2f..%2f..%2finput.txt",
        "/jobs/abcd1234/files/reconviagen/%2e%2e/mesh.glb",
        "/jobs/abcd1234/files/reconviagen\\..\\mesh.glb",
        "/jobs/abcd1234/files/reconviagen/mesh.glb%00",
        "/jobs/abcd1234/files/reconviagen/x%0ay",
        "/jobs/abcd1234/x%0d%0ay",
    ],
)
def test_no_path_leads_out_of_a_job(
    http: TestClient, finished_job: str, storage: Path, path: str
) -> None:
    (storage / finished_job / "input.txt").write_text("secret")
    response = http.get(path)
    assert response.status_code == 404
    assert "secret" not in response.text
    assert "error" in response.json()
