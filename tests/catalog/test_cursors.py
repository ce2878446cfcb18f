"""A cursor may be made up by anybody; it goes on from there, or is named as wrong."""

import base64
import json
from itertools import product
from typing import Any

import pytest
from starlette.testclient import TestClient


def cursor_of(place: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


@pytest.mark.parametrize(
    "place",
    [
        None,
        [],
        [1, 2, 3],
        [["psnr"], 1, "a"],
        ["psnr", True, "a"],
        ["psnr", "1", "a"],
        ["psnr", float("nan"), "a"],
        ["psnr", float("inf"), "a"],
        ["created_at", 2**63, "a"],
        ["psnr", 1, "../a"],
        ["psnr", 1, "\ud800"],
        ["psnr", 1, None],
        ["job_id", None, "a"],
        ["job_id", 1, "a"],
        ["name", 1, "a"],
        {"sort": "psnr"},
    ],
    ids=str,
)
def test_a_cursor_that_nobody_gave_out_is_named(http: TestClient, place: Any) -> None:
    response = http.get("/jobs", params={"cursor": cursor_of(place)})
    assert response.status_code == 422
    assert response.json()["error"]["details"]["parameter"] == "cursor"


def test_any_place_may_be_gone_on_from(
    catalog_url: str,
    http: TestClient,
    finished_job: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures = (0, -1, 1.5, 2**63 - 1, 5e-324, 1e300, None)
    monkeypatch.setenv("CATALOG_URL", catalog_url)
    for sort, figure in product(("-created_at", "psnr", "size_bytes"), figures):
        asked = {"cursor": cursor_of([sort, figure, "a"])}
        assert http.get("/jobs", params=asked).status_code == 200
        assert http.get("/jobs", params=asked | {"q": "\0"}).json()["jobs"] == []
