"""No password, token or cookie comes into a log, an error, or the audit log."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dashboard.settings import SettingError, read_settings
from dashboard.tokens import main

PASSWORD = "hunter2-and-more"


@pytest.mark.usefixtures("storage", "asking")
def test_nothing_tells_them_even_when_everything_fails(
    served: TestClient,
    login: Callable[..., dict[str, str]],
    point_at: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    point_at(f"redis://recon:{PASSWORD}@127.0.0.1:1/0")
    monkeypatch.setenv("CATALOG_URL", f"postgresql://recon:{PASSWORD}@127.0.0.1:1/recon")
    monkeypatch.setenv("AUDIT_LOG", str(tmp_path / "audit.jsonl"))
    main(["create", "nightly"])
    token = capsys.readouterr().out.strip()
    caplog.set_level(logging.DEBUG)
    cookie = login()
    bearer = {"Authorization": f"Bearer {token}"}
    wrong = {"Authorization": f"Bearer {token}x", "Cookie": f"{cookie['Cookie']}x"}
    told = [
        served.get(path, headers=headers)
        for headers in (cookie, bearer, wrong, {"Authorization": f"Basic {token}"})
        for path in ("/health", "/jobs", "/jobs/abcd1234", "/jobs/abcd1234/download")
    ]
    assert {response.status_code for response in told} == {401, 503}
    texts = [f"{response.headers} {response.text}" for response in told]
    texts += [caplog.text, (tmp_path / "audit.jsonl").read_text(), *capsys.readouterr()]
    for secret in (PASSWORD, token, cookie["Cookie"].partition("=")[2]):
        assert not [text for text in texts if secret in text]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CELERY_BROKER_URL", f"amqp://recon:{PASSWORD}@host"),
        ("CELERY_BROKER_URL", f"redis://:{PASSWORD}#/x@host:6379/0"),
        ("CELERY_BROKER_URL", f"recon:{PASSWORD}@host"),
        ("CELERY_RESULT_BACKEND", f"rediss//{PASSWORD}@host"),
        ("CATALOG_URL", f"postgresql://recon:{PASSWORD}@x@host:port/recon"),
        ("CATALOG_URL", f"mysql://host/recon?user=recon&password={PASSWORD}"),
        ("CATALOG_URL", f"postgresql://host?sslpassword={PASSWORD}"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(
    variable: str, value: str
) -> None:
    with pytest.raises(SettingError) as raised:
        read_settings({variable: value})
    assert variable in str(raised.value)
    assert "***" in str(raised.value)
    assert "hunter2" not in repr(raised.value)
    assert raised.value.__cause__ is None
