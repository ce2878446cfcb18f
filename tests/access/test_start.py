"""What the server says at its start of who can reach it, and when it does not start at all."""

import logging
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.exposure import is_loopback, tell_exposure
from dashboard.page.login_cookie import LoginSetupError, check_login

APP = Path(__file__).parents[2] / "streamlit_app.py"
SECTION = {
    "redirect_uri": "https://recon.example/oauth2callback",
    "cookie_secret": "x" * 32,
    "client_id": "recon",
    "client_secret": "y",
    "server_metadata_url": "https://login.example/.well-known/openid-configuration",
}
PutSecrets = Callable[[Any], None]


@pytest.fixture(autouse=True)
def log_level(caplog: pytest.LogCaptureFixture) -> None:
    """As the server's own log has it."""
    caplog.set_level(logging.INFO, "dashboard")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "unix:///run/s"])
def test_loopback_is_told_in_one_quiet_line(address: str, caplog: pytest.LogCaptureFixture) -> None:
    assert is_loopback(address)
    tell_exposure(address, 8501, needs_login=False)
    [line] = caplog.records
    assert line.levelno == logging.INFO
    assert address in line.message


@pytest.mark.parametrize("address", [None, "0.0.0.0", "::", "10.0.0.5", "recon.example"])
def test_being_open_to_others_is_warned_of_and_with_a_login_it_is_not(
    address: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    tell_exposure(address, 8501, needs_login=False)
    tell_exposure(address, 8501, needs_login=True)
    warned, told = caplog.records
    assert (warned.levelno, told.levelno) == (logging.WARNING, logging.INFO)
    for word in ("AUTH=oidc", "STREAMLIT_SERVER_ADDRESS=127.0.0.1", address or "every address"):
        assert word in warned.message


def test_a_whole_section_is_enough(put_secrets: PutSecrets) -> None:
    put_secrets(SECTION)
    check_login("")
    put_secrets(SECTION | {"redirect_uri": "https://recon.example/recon/oauth2callback"})
    check_login("/recon")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({name: ""}, f"{name} is missing") for name in SECTION
    ] + [
        (dict.fromkeys(SECTION, None), "redirect_uri, cookie_secret"),
        ({"cookie_secret": "short-but-private"}, "cookie_secret has less than 32"),
        ({"redirect_uri": "https://recon.example/"}, "does not end in /oauth2callback"),
        ({"redirect_uri": "recon.example/oauth2callback"}, "redirect_uri"),
        ({"server_metadata_url": "login.example"}, "server_metadata_url begins neither"),
    ],
)  # fmt: skip
def test_what_lacks_for_a_login_is_named_without_its_value(
    put_secrets: PutSecrets, change: dict[str, Any], told: str
) -> None:
    put_secrets(SECTION | change)
    with pytest.raises(LoginSetupError) as raised:
        check_login("")
    assert told in str(raised.value)
    assert "[auth]" in str(raised.value)
    assert "secrets.toml" in str(raised.value)
    assert "short-but-private" not in str(raised.value)


@pytest.mark.usefixtures("storage")
def test_the_server_does_not_start_without_them(
    put_secrets: PutSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_secrets({})
    monkeypatch.setenv("AUTH", "oidc")
    with pytest.raises(SystemExit, match=r"does not start\. AUTH=oidc: redirect_uri, cookie_"):
        runpy.run_path(str(APP), run_name="streamlit_app")
    monkeypatch.setenv("AUTH", "ldap")
    with pytest.raises(SystemExit, match="AUTH='ldap' cannot be used: it must be none or oidc"):
        runpy.run_path(str(APP), run_name="streamlit_app")
