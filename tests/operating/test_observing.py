"""What an operator sees: the log's lines and /metrics."""

import gc
import json
import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from dashboard import metrics
from dashboard.api import zip_builds
from dashboard.api.paths import GuardPaths
from dashboard.logs import JsonLine, Repeats, Stderr

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """What the log says of requests, as it is written."""
    caplog.set_level(logging.INFO, "dashboard")

    def read() -> list[dict[str, Any]]:
        records = [each for each in caplog.records if each.name == "dashboard.api.observing"]
        caplog.clear()
        written = [JsonLine().format(each) for each in records]
        assert not any("\n" in line for line in written)
        return [json.loads(line) for line in written]

    return read


def test_a_request_is_one_line_that_names_route_job_and_size(
    http: TestClient, finished_job: str, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    answer = http.get(f"/jobs/{finished_job}/download")
    [line] = lines()
    assert line.pop("time").endswith("+00:00")
    assert line.pop("duration_ms") > 0
    assert line == {
        "level": "INFO",
        "logger": "dashboard.api.observing",
        "message": "request",
        "method": "GET",
        "route": "/jobs/{job_id}/download",
        "job_id": finished_job,
        "status": 200,
        "bytes": len(answer.content),
    }


@pytest.mark.parametrize(
    ("method", "path", "route", "status", "code"),
    [
        ("GET", "/jobs/nobody", "/jobs/{job_id}", 404, "JOB_NOT_FOUND"),
        ("GET", "/jobs/a/../b", "other", 404, "JOB_NOT_FOUND"),
        ("GET", "/jobs/a/b", "/jobs/{rest:path}", 404, "PATH_NOT_FOUND"),
        ("POST", "/health", "/health", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/jobs?limit=x", "/jobs", 422, "INVALID_PARAMETER"),
        ("HEAD", "/jobs/nobody/download", "/jobs/{job_id}/download", 404, "JOB_NOT_FOUND"),
    ],
)
def test_a_refusal_is_one_line_with_its_code(
    http: TestClient,
    lines: Callable[[], list[dict[str, Any]]],
    method: str,
    path: str,
    route: str,
    status: int,
    code: str,
) -> None:
    before = http.get("/metrics").text
    lines()
    http.request(method, path.replace("..", "%2e%2e"))
    [line] = lines()
    assert (line["method"], line["route"]) == (method, route)
    assert (line["status"], line["code"]) == (status, code)
    assert (line["bytes"] == 0) == (method == "HEAD")
    name = f'recon_dashboard_refusals_total{{code="{code}"}}'
    assert value_of(http.get("/metrics").text, name) == value_of(before, name) + 1


def test_what_is_in_an_address_stays_out_of_log_and_labels(
    http: TestClient, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    http.get(f"/jobs/{'x' * 5000}")
    http.get("/jobs/abcd1234/files/secret-model/secret-name")
    http.get("/jobs?q=secret-text")
    told = json.dumps(lines()) + http.get("/metrics").text
    assert "xxx" not in told
    assert "secret" not in told


def test_an_internal_error_is_one_line_with_its_traceback(
    http: TestClient,
    finished_job: str,
    lines: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def explode(*_: object) -> None:
        raise ZeroDivisionError("why it failed")

    monkeypatch.setattr(zip_builds, "stream_result_zip", explode)
    http.get(f"/jobs/{finished_job}/download")
    [line] = lines()
    assert (line["level"], line["code"], line["job_id"]) == (
        "ERROR",
        "INTERNAL_ERROR",
        finished_job,
    )
    assert "ZeroDivisionError: why it failed" in line["exception"]


def test_a_layer_that_fails_is_told_as_well(
    http: TestClient, lines: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def explode(*_: object) -> None:
        raise ZeroDivisionError("in a layer")

    monkeypatch.setattr(GuardPaths, "__call__", explode)
    assert http.get("/jobs").status_code == 500
    [line] = lines()
    assert (line["route"], line["status"], line["code"]) == ("other", 500, "INTERNAL_ERROR")
    assert "in a layer" in line["exception"]


def test_an_answer_that_the_client_leaves_is_told_as_cut(
    address: str,
    storage: Path,
    finished_job: str,
    lines: Callable[[], list[dict[str, Any]]],
    until: Callable[[Callable[[], object]], None],
) -> None:
    path = f"/jobs/{finished_job}/files/reconviagen/mesh.glb"
    (storage / finished_job / "output/reconviagen/mesh.glb").write_bytes(bytes(30_000_000))
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        client.recv(1000)
    found: list[dict[str, Any]] = []
    until(lambda: found.extend(lines()) or found)
    [line] = found
    assert line["cut"] is True
    assert line["bytes"] < 30_000_000


def test_everybodys_warnings_have_the_same_shape(capsys: pytest.CaptureFixture[str]) -> None:
    handler = Stderr()
    handler.setFormatter(JsonLine())
    record = logging.LogRecord("alembic", logging.WARNING, "", 0, "%s\nlines", ("two",), None)
    handler.handle(record)
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "two\nlines"


def test_what_stays_broken_is_told_once_and_requests_each_time() -> None:
    repeats = Repeats()
    warning = logging.LogRecord("dashboard", logging.WARNING, "", 0, "broken", (), None)
    assert [repeats.filter(warning) for _ in range(3)] == [True, False, False]
    request = logging.makeLogRecord({"msg": "request", "facts": {}})
    assert all(repeats.filter(request) for _ in range(3))


def test_a_log_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    monkeypatch.setattr(sys, "stderr", None)
    Stderr().handle(logging.LogRecord("dashboard", logging.INFO, "", 0, "text", (), None))


def value_of(exposition: str, name: str) -> float:
    values = [line.rpartition(" ") for line in exposition.splitlines() if not line.startswith("#")]
    return next((float(value) for known, _, value in values if known == name), 0.0)


def test_metrics_follow_what_happens(http: TestClient, finished_job: str) -> None:
    def figures() -> list[float]:
        text = http.get("/metrics").text
        return [value_of(text, f"recon_dashboard_{name}") for name in watched]

    download = 'route="/jobs/{job_id}/download"'
    watched = [
        f'requests_total{{method="GET",{download},status="200"}}',
        f"response_bytes_total{{{download}}}",
        f"request_duration_seconds_count{{{download}}}",
        'build_duration_seconds_count{outcome="ok"}',
        'zip_cache_requests_total{result="miss"}',
        'zip_cache_requests_total{result="hit"}',
        'thumbnail_cache_requests_total{result="miss"}',
        'thumbnail_cache_requests_total{result="hit"}',
        "zip_cache_bytes",
    ]
    before = figures()
    size = len(http.get(f"/jobs/{finished_job}/download").content)
    http.get(f"/jobs/{finished_job}/download")
    for _ in range(3):
        http.get(f"/jobs/{finished_job}/thumbnails/reconviagen/textured_00.png")
    grown = [now - then for now, then in zip(figures(), before, strict=True)]
    assert grown == [2, 2 * size, 2, 1, 1, 1, 1, 2, size]


def test_metrics_tell_how_things_stand(
    http: TestClient, finished_job: str, point_at: Callable[[str], None]
) -> None:
    http.get("/jobs")
    text = http.get("/metrics").text
    assert value_of(text, 'recon_dashboard_jobs{status="ready"}') == 1
    assert value_of(text, "recon_dashboard_catalog_up") == 1
    assert value_of(text, "recon_dashboard_reconciling") == 1
    assert value_of(text, "recon_dashboard_redis_breaker_open") == 0
    assert value_of(text, "recon_dashboard_build_slots") == 2
    assert value_of(text, "process_resident_memory_bytes") > 1e6
    point_at("redis://127.0.0.1:9/0")
    http.get(f"/jobs/{finished_job}")
    assert value_of(http.get("/metrics").text, "recon_dashboard_redis_breaker_open") == 1


def test_a_lost_catalog_leaves_the_other_figures(
    http: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CATALOG_URL", f"sqlite:///{tmp_path}/file/catalog.sqlite3")
    text = http.get("/metrics").text
    assert value_of(text, "recon_dashboard_catalog_up") == 0
    assert "recon_dashboard_jobs{" not in text


@pytest.mark.parametrize("name", metrics.names())
def test_each_metric_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS.read_text()


def test_what_is_loaded_at_start_is_no_garbage_to_look_through(http: TestClient) -> None:
    assert gc.get_freeze_count() > 100_000
