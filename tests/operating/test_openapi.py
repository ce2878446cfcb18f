"""/openapi.json: says all that there is, and what is answered is what it says."""

import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from dashboard.api.openapi import codes_of, openapi_document, public_path
from dashboard.api.operations import OPERATIONS
from dashboard.api.routes import HANDLERS
from dashboard.errors import REFUSALS, ErrorCode
from dashboard.job_query import FILTERS, JobQuery

# Told on the page alone, and by paths and methods that there are not.
ELSEWHERE = {ErrorCode.VERDICT_OVERTAKEN, ErrorCode.METHOD_NOT_ALLOWED}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(json.dumps(openapi_document("", needs_login=False)))


def test_it_is_an_openapi_document(document: dict[str, Any]) -> None:
    schemathesis.openapi.from_dict(document).validate()
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_route_is_in_it_with_both_methods(document: dict[str, Any]) -> None:
    assert set(OPERATIONS) == set(HANDLERS)
    assert set(document["paths"]) == set(map(public_path, HANDLERS))
    for item in document["paths"].values():
        assert set(item) == {"get", "head"}
        assert not any("content" in each for each in item["head"]["responses"].values())


def test_every_parameter_of_lists_is_in_it() -> None:
    described = {name: set(OPERATIONS[name].parameters) for name in OPERATIONS}
    wanted = {*FILTERS, "sort"}
    assert described["/jobs"] == wanted | {"limit", "offset", "cursor"}
    assert len(described["/jobs"]) == len(fields(JobQuery))
    assert described["/jobs/export.csv"] == described["/jobs/export.json"] == wanted
    assert described["/jobs/download"] == wanted | {"job"}


@pytest.mark.parametrize("path", OPERATIONS)
def test_every_parameter_of_a_path_is_in_it(path: str) -> None:
    described = {n for n, each in OPERATIONS[path].parameters.items() if each.place == "path"}
    assert described == {part.split("}")[0] for part in public_path(path).split("{")[1:]}


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_is_in_it_where_it_is_told(code: ErrorCode, document: dict[str, Any]) -> None:
    assert code in document["components"]["schemas"]["ErrorCode"]["enum"]
    assert f"`{code}` ({REFUSALS[code].http_status})" in document["info"]["description"]
    told = any(code in codes_of(operation) for operation in OPERATIONS.values())
    assert told or code in ELSEWHERE


def test_it_is_served_below_the_prefix_as_well(http: TestClient) -> None:
    assert http.get("/openapi.json").json()["servers"] == [{"url": "/"}]
    assert openapi_document("/recon", needs_login=False)["servers"] == [{"url": "/recon"}]


def test_it_asks_for_a_token_where_a_login_is_needed(document: dict[str, Any]) -> None:
    assert "security" not in document
    closed = openapi_document("", needs_login=True)
    assert closed["security"] == [{name: []} for name in closed["components"]["securitySchemes"]]
    assert all("401" in item["get"]["responses"] for item in closed["paths"].values())


@pytest.fixture
def jobs(storage: Path, put_outputs: Callable[..., Path], put_record: Callable[..., None]) -> None:
    """A job of every kind."""
    put_outputs("ready", "reconviagen", "nvdiffrec")
    put_outputs("nometric", quality=None)
    put_outputs("broken", quality="{")
    put_outputs("oldfiles")
    (storage / "queued").mkdir()
    (storage / "incomplete" / "output").mkdir(parents=True)
    for job_id in ("ready", "nometric", "broken", "expired", "incomplete"):
        put_record(job_id, "SUCCESS", {"status": "completed"})
    put_record("running", "PROGRESS", {"progress": 45.5, "step": "Texturing", "model": "nvdiffrec"})
    put_record("failed", "FAILURE", {"exc_type": "ValueError", "exc_message": ["no"]})
    put_record("cancelled", "REVOKED", None)


JOBS = "ready nometric broken oldfiles queued incomplete expired running failed cancelled nobody"
FILES = "mesh.glb mesh.obj mesh.ply mesh.mtl quality.json none"
PICTURES = "textured_00.png textured_00.png?edge=5 mesh.glb"


def asked() -> Iterator[tuple[str, str]]:
    """Routes, each with an address to ask."""
    yield from ((route, route) for route in HANDLERS if "{" not in route)
    yield "/jobs", "/jobs?limit=2&sort=-psnr"
    yield "/jobs/download", "/jobs/download?status=ready"
    yield "/jobs/download", "/jobs/download?job=running&job=failed"
    for job_id in JOBS.split():
        yield "/jobs/{job_id}", f"/jobs/{job_id}"
        yield "/jobs/{job_id}/download", f"/jobs/{job_id}/download"
    for job_id in ("broken", "running", "nobody"):
        yield "/jobs/{job_id}/report", f"/jobs/{job_id}/report"
    for name in FILES.split():
        yield "/jobs/{job_id}/files/{model}/{name}", f"/jobs/ready/files/reconviagen/{name}"
    for name in PICTURES.split():
        path = f"/jobs/ready/thumbnails/reconviagen/{name}"
        yield "/jobs/{job_id}/thumbnails/{model}/{name}", path
    for model in ("reconviagen", "none"):
        yield "/jobs/{job_id}/view/{model}.glb", f"/jobs/ready/view/{model}.glb"


def test_what_is_answered_is_what_it_says(
    http: TestClient, jobs: None, document: dict[str, Any]
) -> None:
    found = set()
    for route, path in asked():
        item, response, head = document["paths"][route], http.get(path), http.head(path)
        assert head.status_code == response.status_code, path
        assert str(head.status_code) in item["head"]["responses"], path
        described = item["get"]["responses"][str(response.status_code)]
        media_type = response.headers["content-type"].partition(";")[0]
        schema = described["content"][media_type]["schema"]
        if media_type == "application/json":
            whole = schema | {"components": document["components"]}
            Draft202012Validator(whole).validate(response.json())
        retries = "Retry-After" in described.get("headers", {})
        assert retries <= ("retry-after" in response.headers), path
        found.add((route, response.status_code))
    assert {route for route, _ in found} == set(document["paths"])
    assert {200, 404, 409, 410, 422, 500} == {status for _, status in found}
