"""A dashboard that asks for a login, and everything that a login's cookie may be."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

SECRET = "correct horse battery staple, 64 characters or so of it"
ORIGIN = "http://testserver"
COOKIE = "_streamlit_user"
SECTION = {
    "redirect_uri": f"{ORIGIN}/oauth2callback",
    "cookie_secret": SECRET,
    "client_id": "recon",
    "client_secret": "between us and the provider",
    "server_metadata_url": "http://localhost:1/.well-known/openid-configuration",
}
ADA = {
    "origin": ORIGIN,
    "is_logged_in": True,
    "sub": "user-7",
    "email": "ada@example.org",
    "name": "Ada Lovelace",
}


@pytest.fixture
def put_secrets(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, Any]], None]:
    """Take the place of secrets.toml."""

    def put(section: Mapping[str, Any]) -> None:
        monkeypatch.setattr(secrets_singleton, "_secrets", {"auth": dict(section)})

    return put


@pytest.fixture
def asking(
    monkeypatch: pytest.MonkeyPatch, put_secrets: Callable[..., None], tmp_path: Path
) -> None:
    """The dashboard asks for a login; nothing is told from a test before."""
    monkeypatch.setenv("AUTH", "oidc")
    monkeypatch.setenv("TOKENS_PATH", str(tmp_path / "tokens.json"))
    put_secrets(SECTION)


@pytest.fixture(scope="session")
def login() -> Callable[..., dict[str, str]]:
    """The headers of a browser in which somebody is logged in."""

    def make(claims: object = ADA, secret: str = SECRET, name: str = COOKIE) -> dict[str, str]:
        signed = create_signed_value(secret, name, json.dumps(claims)).decode()
        return {"Cookie": f"{COOKIE}={signed}"}

    return make
