"""API tokens: made and revoked by the command, kept as hashes, looked up anew at each change."""

import json
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dashboard.token_file import TokenFile
from dashboard.tokens import create, main

Make = Callable[..., str]

pytestmark = pytest.mark.usefixtures("asking")


@pytest.fixture
def make(capsys: pytest.CaptureFixture[str]) -> Make:
    def made(*arguments: str) -> str:
        assert main(["create", *arguments]) == 0
        return capsys.readouterr().out.strip()

    return made


def status(http: TestClient, authorization: str | None) -> int:
    headers = {"Authorization": authorization} if authorization is not None else {}
    return http.get("/jobs", headers=headers).status_code


def test_a_token_opens_until_it_is_revoked(
    http: TestClient, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    token, other = make("nightly"), make("other", "--days", "1")
    assert token.startswith("rdt_")
    assert len(token) == 4 + 43  # 256 bits
    assert status(http, f"Bearer {token}") == 200
    assert status(http, f"bearer  {token} ") == 200
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert "nightly\tcreated" in listed
    assert token not in listed
    assert main(["revoke", "nightly"]) == 0
    assert status(http, f"Bearer {token}") == 401
    assert status(http, f"Bearer {other}") == 200
    assert main(["revoke", "nightly"]) == 1
    assert "no token named nightly" in capsys.readouterr().err


def test_what_is_no_token_opens_nothing(http: TestClient, make: Make) -> None:
    token = make("nightly")
    wrong = [token[:-1], token + "a", token.upper(), "rdt_", "", token[4:]]
    for authorization in (f"Bearer {each}" for each in wrong):
        assert status(http, authorization) == 401
    for authorization in (None, token, f"Basic {token}", f"Token {token}", "Bearer"):
        assert status(http, authorization) == 401


def test_a_wrong_token_is_refused_beside_a_good_login(
    http: TestClient, login: Callable[..., dict[str, str]]
) -> None:
    headers = login() | {"Authorization": "Bearer rdt_wrong"}
    assert http.get("/jobs", headers=headers).status_code == 401


def test_only_the_hash_is_kept_and_for_its_owner_alone(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    token = make("nightly", "--days", "30")
    [kept] = json.loads(path.read_text())["tokens"]
    assert set(kept) == {"name", "sha256", "created_at", "expires_at"}
    assert token not in path.read_text()
    assert token[4:] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_token_ends_by_itself(tmp_path: Path) -> None:
    file, now = TokenFile(tmp_path / "tokens.json"), datetime.now(UTC)
    token = create(file, "nightly", days=2)
    assert file.find(token, now + timedelta(days=1)) == "nightly"
    assert file.find(token, now + timedelta(days=3)) is None
    assert create(file, "for-good", days=None)


def test_a_damaged_file_opens_nothing_and_stops_nothing(
    http: TestClient, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token, path = make("nightly"), tmp_path / "tokens.json"
    whole = path.read_bytes()
    for damaged in (b"{", b"[]", b"\xff", b'{"tokens": [{"name": 1}]}', b'{"tokens": [5]}'):
        path.write_bytes(damaged)
        assert status(http, f"Bearer {token}") == 401
        assert main(["list"]) == 1
    assert "no API token is accepted" in caplog.text
    path.write_bytes(whole)
    assert status(http, f"Bearer {token}") == 200
    path.unlink()
    assert status(http, f"Bearer {token}") == 401


def test_commands_at_once_lose_no_token(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "tokens.json")
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda number: create(file, f"t{number}", None), range(24)))
    now = datetime.now(UTC)
    assert [file.find(token, now) for token in made] == [f"t{number}" for number in range(24)]
    assert {path.name for path in tmp_path.iterdir()} == {"tokens.json", "tokens.json.lock"}


@pytest.mark.parametrize(
    "arguments",
    [["create", "a b"], ["create", "../x"], ["create", ""], ["create", "x", "--days", "0"], []],
)
def test_a_command_that_cannot_be_meant_ends_with_its_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)


def test_a_name_is_given_once(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    make("nightly")
    assert main(["create", "nightly"]) == 1
    assert "already" in capsys.readouterr().err
