"""AUTH=oidc: every route asks, and only a genuine login or token is an answer."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from dashboard.api.access import RequireLogin
from dashboard.api.routes import HANDLERS

Login = Callable[..., dict[str, str]]

ADA = {"origin": "http://testserver", "is_logged_in": True, "sub": "user-7", "email": "a@b.c"}
# All that anybody may see; each of these is Streamlit's own and knows nothing of jobs.
OPEN = {
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/stream",
    "/auth/login",
    "/auth/logout",
    "/oauth2callback",
}


def is_refused(response: Any) -> bool:
    if response.status_code != 401:
        return False
    error = response.json()["error"]
    assert error["code"] == "NOT_AUTHENTICATED"
    assert set(error) == {"code", "message", "details", "suggestion"}
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["cache-control"] == "no-store"
    return True


@pytest.mark.usefixtures("asking")
def test_every_registered_route_asks_but_the_few_that_the_login_needs(http: TestClient) -> None:
    http.get("/_stcore/health")  # Streamlit puts its routes together for the first request
    open_paths = set()
    for route in http.app._starlette_app.routes:  # ours and Streamlit's
        assert isinstance(route, Mount | Route | WebSocketRoute)
        path = re.sub(r"\{[^}]*\}", "abcd1234", route.path) or "/nowhere"
        if isinstance(route, WebSocketRoute) or not is_refused(
            http.get(path, follow_redirects=False)
        ):
            open_paths.add(path)
    assert open_paths == OPEN
    assert {"/jobs", "/health"} <= {route.path for route in http.app._starlette_app.routes}


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize("base", ["", "/recon"])
def test_nothing_behind_the_door_hears_of_a_request_that_is_refused(base: str) -> None:
    heard = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        heard.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with TestClient(RequireLogin(inside, base, lambda _cookies: None)) as client:
        for path in [*HANDLERS, "/metrics", "/openapi.json", "/media/x.png", "/added/tomorrow"]:
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                assert client.request(method, f"{base}{path}").status_code == 401
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"{base}/another"):
            pass
        assert heard == []
        for path in (f"{base}/", f"{base}/static/js/index.js", f"{base}/_stcore/health"):
            assert client.get(path).status_code == 200


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize("path", ["/static/..%2fjobs", "/static/%2e%2e/health", "/JOBS", "//jobs"])
def test_no_crooked_path_leads_around_the_door(http: TestClient, path: str) -> None:
    response = http.get(f"http://testserver{path}", follow_redirects=False)
    assert response.status_code in {400, 401}


@pytest.mark.usefixtures("asking", "finished_job")
def test_who_is_logged_in_gets_everything(http: TestClient, login: Login) -> None:
    headers = login()
    for path in ("/jobs", "/health", "/jobs/abcd1234/download"):
        assert http.get(path, headers=headers).status_code == 200
    assert is_refused(http.get("/jobs"))


FALSE = {
    "foreign": {"secret": "another server's secret, as long as ours and as good"},
    "cookie of another name": {"name": "_streamlit_user_tokens"},
    "other origin": {"claims": ADA | {"origin": "http://other.example"}},
    "no origin": {"claims": {"is_logged_in": True, "sub": "user-7"}},
    "not logged in": {"claims": ADA | {"is_logged_in": False}},
    "a word for yes": {"claims": ADA | {"is_logged_in": "true"}},
    "nobody": {"claims": ADA | {"email": "", "sub": None}},
    "a list": {"claims": [ADA]},
    "a number": {"claims": 1},
    "parts that are missing": {"claims": "chunks-3"},
}


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize("false", FALSE.values(), ids=FALSE.keys())
def test_a_false_cookie_is_refused(http: TestClient, login: Login, false: dict[str, Any]) -> None:
    assert is_refused(http.get("/jobs", headers=login(**false)))


@pytest.mark.usefixtures("asking")
def test_a_cookie_that_was_changed_or_is_too_old_is_refused(
    http: TestClient, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = login()["Cookie"]
    name, _, value = cookie.partition("=")
    for at in (0, len(value) // 2, len(value) - 9):  # content, moment, signature
        changed = value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :]
        assert is_refused(http.get("/jobs", headers={"Cookie": f"{name}={changed}"}))
    for nonsense in ("", "x", "é", value.rpartition(".")[0], value * 20):
        sent = f"{name}={nonsense}".encode()
        assert is_refused(http.get("/jobs", headers={b"Cookie": sent}))

    past = time.time() - 32 * 24 * 3600
    with monkeypatch.context() as patch:
        patch.setattr("itsdangerous.timed.time.time", lambda: past)
        old = login()
    assert is_refused(http.get("/jobs", headers=old))
    assert http.get("/jobs", headers=login()).status_code == 200


@pytest.mark.usefixtures("asking")
def test_a_login_is_called_by_its_address_unless_nobody_has_verified_it(login: Login) -> None:
    from dashboard.page.login_cookie import read_login

    def who(**claims: object) -> str | None:
        name, _, value = login(ADA | claims)["Cookie"].partition("=")
        return read_login({name: value})

    assert who() == "a@b.c"
    assert who(email_verified=True) == "a@b.c"
    assert who(email_verified=False) == "user-7"
    assert who(email=None) == "user-7"


def test_without_auth_nobody_is_asked_for_anything(http: TestClient) -> None:
    assert http.get("/jobs").status_code == 200
    wrong = {"Authorization": "Bearer rdt_wrong", "Cookie": "_streamlit_user=wrong"}
    assert http.get("/jobs", headers=wrong).status_code == 200
