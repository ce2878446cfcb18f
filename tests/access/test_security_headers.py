"""What every answer tells the browser, ours and Streamlit's, refusals included."""

import base64
import hashlib
import re
from contextlib import nullcontext
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from dashboard.api.same_origin import SameOriginStream
from dashboard.api.security_headers import PAGE_POLICY, inline_scripts

ANSWERS = {
    "/": 200,
    "/somewhere": 200,  # Streamlit shows its page
    "/favicon.png": 200,
    "/_stcore/health": 200,
    "/_stcore/host-config": 200,
    "/media/nothing.png": 404,
    "/..%2fsecret": 400,
    "/jobs": 200,
    "/jobs?limit=0": 422,
    "/jobs/nobody": 404,
    "/jobs/abcd1234/download": 200,
    "/jobs/abcd1234/report": 200,
    "/jobs/abcd1234/thumbnails/reconviagen/textured_00.png": 200,
    "/jobs/abcd1234/nothing/here": 404,
}


@pytest.mark.usefixtures("finished_job")
@pytest.mark.parametrize(("path", "status"), ANSWERS.items())
def test_every_answer_carries_them_and_no_other_site_may_read_it(
    http: TestClient, path: str, status: int
) -> None:
    response = http.get(path, headers={"Origin": "http://localhost:3000"})
    assert response.status_code == status
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "same-origin"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.usefixtures("asking")
def test_a_refusal_carries_them_too(http: TestClient) -> None:
    response = http.options("/jobs", headers={"Access-Control-Request-Method": "GET"})
    assert response.status_code == 401
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_a_fault_of_any_layer_is_a_refusal_that_carries_them(
    http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("private")

    monkeypatch.setattr("dashboard.api.access.read_settings", fail)
    response = http.get("/_stcore/metrics")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert "private" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("origin", "host", "is_let_in"),
    [
        (None, "recon.example", True),
        ("https://recon.example", "recon.example", True),
        ("http://localhost:8501", "LOCALHOST:8501", True),
        ("https://recon.example", "recon.example:443", True),
        ("https://recon.example:8443", "recon.example:8443", True),
        ("https://recon.example:8443", "recon.example", False),  # another server of this host
        ("http://recon.example", "recon.example:443", False),
        ("http://localhost:3000", "localhost:8501", False),
        ("https://other.example", "recon.example", False),
        ("null", "recon.example", False),
        ("https://[", "recon.example", False),
        ("", "", False),
    ],
)
def test_only_our_own_page_opens_the_stream(origin: str | None, host: str, is_let_in: bool) -> None:
    async def stream(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    client = TestClient(SameOriginStream(stream))
    headers = {"Host": host} | ({"Origin": origin} if origin is not None else {})
    expected = nullcontext() if is_let_in else pytest.raises(WebSocketDisconnect)
    with expected, client.websocket_connect("/_stcore/stream", headers=headers):
        pass


def test_a_page_that_has_not_changed_keeps_its_policy(http: TestClient) -> None:
    page = http.get("/")
    again = http.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert again.status_code == 304
    assert "content-security-policy" not in again.headers


def test_cookies_that_came_over_tls_stay_there(http: TestClient) -> None:
    for scheme, is_kept in (("https", True), ("http", False)):
        response = http.get(f"{scheme}://testserver/_stcore/health")
        assert response.headers["set-cookie"].endswith("; Secure") is is_kept


def test_the_policy_names_nobody_else_and_no_eval() -> None:
    sources = {source for each in PAGE_POLICY.values() for source in each.split()}
    assert sources == {
        "'none'",
        "'self'",
        "'unsafe-inline'",
        "'wasm-unsafe-eval'",
        "blob:",
        "data:",
        inline_scripts(),
    }
    assert "'unsafe-inline'" not in PAGE_POLICY["script-src"]


def test_the_hash_is_that_of_the_pages_only_inline_script(http: TestClient) -> None:
    [script] = re.findall(r"<script>(.*?)</script>", http.get("/").text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert inline_scripts() == f"'sha256-{digest}'"
