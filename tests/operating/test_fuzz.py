"""Whatever is sent to a real server, it answers as /openapi.json says, and never by a fault."""

import json
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from benchmarks.served import Served
from dashboard.api.openapi import METHODS, public_path
from dashboard.api.routes import HANDLERS

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What exists, so that not every address ends at "no such job".
JOBS = ("ready", "running", "failed", "queued", "incomplete", "expired", "unreadable", "nobody")
PICTURES = ("textured_00.png", "previews/textured_01.png", "wireframe_00.png")
NAMES = ("mesh.glb", "quality.json", *PICTURES)
KNOWN = {
    "job_id": (*(["ready"] * 12), *JOBS),
    "job": (["ready"], ["running"], ["ready", "failed", "nobody"]),
    "model": ("reconviagen", "nvdiffrec"),
    "name": NAMES,
    "Range": ("bytes=0-9", "bytes=-5", "bytes=99999999-"),
}
EXAMPLES = {"get": 25, "head": 5}
SOMETIMES_KNOWN = st.just({}) | st.fixed_dictionaries(
    {name: st.sampled_from(values) for name, values in KNOWN.items()}
)
# A report decodes every preview anew.
REPORTS = 5


@pytest.fixture(scope="module")
def api(running_dashboard: Served) -> Any:
    return schemathesis.openapi.from_url(f"{running_dashboard.url}/openapi.json")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", [public_path(path) for path in HANDLERS])
def test_every_operation_answers_as_documented(api: Any, path: str, method: str) -> None:
    operation = api[path][method]
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    bad = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    asked = good | bad if operation.query or operation.path_parameters else good

    @seed(20260201)
    @settings(
        max_examples=REPORTS if path.endswith("report") else EXAMPLES[method],
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=asked, known=SOMETIMES_KNOWN)
    def ask(case: Case, known: dict[str, Any]) -> None:
        for given_values in (case.path_parameters, case.query, case.headers):
            put_known(given_values, known)
        response = case.call(session=session)
        case.validate_response(response, checks=[*CHECKS, no_fault])

    with requests.Session() as session:
        ask()


def put_known(values: Any, known: dict[str, Any]) -> None:
    """Put what exists in place of what was made up."""
    for name in [name for name in values or () if name in known]:
        values[name] = known[name]


def no_fault(_context: Any, response: Any, _case: Case) -> None:
    """A server error is one that is documented for what was asked, and no fault of ours."""
    if response.status_code >= 500 and response.content:
        assert json.loads(response.content)["error"]["code"] != "INTERNAL_ERROR"
