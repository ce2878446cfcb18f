"""The audit log: one line for each download, at its end, with what was really sent."""

import asyncio
import json
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboard.api import middleware, routes
from dashboard.api.audit_trail import KINDS
from dashboard.api.routes import HANDLERS
from dashboard.audit import check_audit_log
from dashboard.settings import SettingError
from dashboard.tokens import main

Login = Callable[..., dict[str, str]]
Entries = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entries:
    """The lines of an audit log of this test's own."""
    path = tmp_path / "audit.jsonl"
    monkeypatch.setenv("AUDIT_LOG", str(path))
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


def test_every_route_that_hands_something_out_is_audited() -> None:
    telling = {"/health", "/jobs", "/jobs/{job_id}", "/metrics", "/openapi.json"}
    pictures = {"/jobs/{job_id}/thumbnails/{model}/{name:path}"}
    assert HANDLERS.keys() - telling - pictures == KINDS.keys()


TAKEN = {
    "/jobs/abcd1234/download": {"kind": "zip"},
    "/jobs/abcd1234/report": {"kind": "report"},
    "/jobs/abcd1234/files/reconviagen/mesh.ply": {"kind": "file", "file": "reconviagen/mesh.ply"},
    "/jobs/abcd1234/view/reconviagen.glb": {"kind": "view", "file": "reconviagen"},
    "/jobs/download?job=abcd1234": {"kind": "bulk", "filter": {}},
    "/jobs/download?status=ready&q=a": {
        "kind": "bulk",
        "filter": {"status": ["ready"], "q": ["a"]},
    },
    "/jobs/export.csv?status=ready": {
        "kind": "export",
        "jobs": [],
        "filter": {"status": ["ready"]},
    },
}


@pytest.mark.usefixtures("asking", "finished_job")
def test_each_download_is_one_line(http: TestClient, login: Login, entries: Entries) -> None:
    http.get("/jobs", headers=login())  # the catalog has taken the job in
    for number, (path, told) in enumerate(TAKEN.items()):
        response = http.get(path, headers=login() | {"Accept-Encoding": "identity"})
        entry = entries()[number]
        expected = {
            "who": "ada@example.org",
            "known_by": "login",
            "client": "testclient",
            "jobs": ["abcd1234"],
            "status": response.status_code,
            "bytes": len(response.content),
            "complete": True,
        }
        assert entry | expected | told == entry
        assert entry["at"].endswith("+00:00")
        assert set(entry) - set(expected) - set(told) == {"at", "seconds"}
    assert len(entries()) == len(TAKEN)


@pytest.mark.usefixtures("asking", "finished_job")
def test_a_token_is_told_by_its_name_and_a_stranger_by_the_address(
    http: TestClient, entries: Entries, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["create", "nightly"])
    token = capsys.readouterr().out.strip()
    http.get("/jobs/abcd1234/download", headers={"Authorization": f"Bearer {token}"})
    http.get("/jobs/abcd1234/download")
    http.head("/jobs/abcd1234/download")  # takes nothing
    http.get("/jobs/no%0Aid%22/download")
    script, stranger, odd = entries()
    assert (script["who"], script["known_by"], script["status"]) == ("nightly", "token", 200)
    assert (stranger["who"], stranger["known_by"]) == ("anonymous", None)
    assert (stranger["client"], stranger["status"]) == ("testclient", 401)
    assert odd["jobs"] == []


@pytest.mark.usefixtures("storage", "backend")
def test_a_broken_transfer_is_told_as_such(
    entries: Entries,
    finished_job: str,
    storage: Path,
    tmp_path: Path,
    until: Callable[[Callable[[], object]], None],
) -> None:
    mesh = storage / finished_job / "output" / "reconviagen" / "mesh.ply"
    with mesh.open("wb") as file:
        file.truncate(64 << 20)
    for port in listening():
        with socket.create_connection(("127.0.0.1", port)) as client:
            path = f"/jobs/{finished_job}/files/reconviagen/mesh.ply"
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
            assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        until((tmp_path / "audit.jsonl").exists)
        until(entries)
    [entry] = entries()
    assert (entry["status"], entry["complete"]) == (200, False)
    assert 0 < entry["bytes"] < mesh.stat().st_size
    assert entry["client"] == "127.0.0.1"


def listening() -> Iterator[int]:
    """Our routes and what is around them, on a real socket."""
    app = Starlette(routes=routes(""), middleware=middleware("", lambda _cookies: None))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def told(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """What the one line of the logger tells in figures."""
    [record] = [each for each in caplog.records if each.name == "dashboard.audit"]
    facts: dict[str, Any] = vars(record)["facts"]
    return facts


@pytest.mark.usefixtures("finished_job")
def test_without_a_file_the_lines_go_to_the_logger(
    http: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    http.get("/jobs/abcd1234/files/reconviagen/mesh.ply")
    assert told(caplog)["who"] == "anonymous"


@pytest.mark.usefixtures("finished_job")
def test_a_log_that_cannot_be_written_stops_no_download_and_loses_no_line(
    http: TestClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("AUDIT_LOG", str(tmp_path))
    with pytest.raises(SettingError, match="AUDIT_LOG="):
        check_audit_log()
    assert http.get("/jobs/abcd1234/files/reconviagen/mesh.ply").status_code == 200
    assert told(caplog)["kind"] == "file"


def test_the_file_is_not_for_everybody(entries: Entries, tmp_path: Path) -> None:
    check_audit_log()
    assert entries() == []
    assert stat.S_IMODE((tmp_path / "audit.jsonl").stat().st_mode) & 0o007 == 0
