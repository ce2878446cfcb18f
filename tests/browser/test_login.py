"""A person logs in at a real OpenID Connect provider, works, and logs out again."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, Route, WebSocket, expect

from dashboard.demo.ports import any_free_port
from tests.nginx import nginx_before

pytestmark = pytest.mark.browser

JOB = "secretjob1"
SECRETS = """[auth]
redirect_uri = "{address}/oauth2callback"
cookie_secret = "only for this test, but as long as a good one"
client_id = "recon"
client_secret = "between dashboard and provider"
server_metadata_url = "http://localhost:{provider}/.well-known/openid-configuration"
"""
BROKEN_RULES = """async () => {
    const options = { runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21aa"] } };
    const { violations } = await axe.run(document, options);
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
}"""
ADA = {"email": "ada@example.org", "name": "Ada Lovelace"}


@pytest.fixture(scope="module")
def provider() -> Iterator[int]:
    """The port of a real provider that knows Ada."""
    port = any_free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", f"--port={port}"]
    process = subprocess.Popen(
        [*command, "--user-claims", json.dumps({"sub": "ada", **ADA})],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield port
    process.terminate()
    process.wait()


Closed = Callable[..., tuple[Any, Path]]


@pytest.fixture
def start_closed(provider: int, start_dashboard: Callable[..., Any], tmp_path: Path) -> Closed:
    """Start a dashboard that asks for a login and has one job; gives it and its audit log.

    It listens on `port`, and people come to it by `address`.
    """

    def start(port: int, address: str, *options: str, base: str = "") -> tuple[Any, Path]:
        (tmp_path / ".streamlit").mkdir()
        text = SECRETS.format(address=address, provider=provider)
        (tmp_path / ".streamlit" / "secrets.toml").write_text(text)
        audit_log = tmp_path / "audit.jsonl"
        settings = {"HOME": str(tmp_path), "AUTH": "oidc", "AUDIT_LOG": str(audit_log)}
        dashboard = start_dashboard(*options, base=base, port=port, **settings)
        dashboard.put_outputs(JOB)
        dashboard.put_record(JOB, "SUCCESS", {"status": "completed"})
        return dashboard, audit_log

    return start


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(color_scheme="dark", accept_downloads=True)

    def only_local(route: Route) -> None:  # the provider's own page asks for a style from elsewhere
        local = route.request.url.startswith(("http://127.0.0.1:", "http://localhost:"))
        route.continue_() if local else route.abort()

    made.route("**/*", only_local)
    yield made
    made.close()


def test_login_work_and_logout(
    start_closed: Closed,
    context: BrowserContext,
    settled: Callable[[Page], None],
    until: Callable[[Callable[[], object]], None],
    tmp_path: Path,
) -> None:
    port = any_free_port()
    dashboard, audit_log = start_closed(port, f"http://127.0.0.1:{port}")
    page, frames = context.new_page(), list[bytes]()

    def listen(stream: WebSocket) -> None:
        stream.on("framereceived", lambda sent: frames.append(as_bytes(sent)))

    page.on("websocket", listen)
    page.set_default_timeout(30_000)
    page.goto(f"{dashboard.url}/?job={JOB}")
    button = page.get_by_role("button", name="Log in")
    expect(button).to_be_visible()
    settled(page)
    until(lambda: "recon_asked" in page.evaluate("document.cookie"))
    assert status(f"{dashboard.url}/jobs/{JOB}/download") == 401
    assert frames
    of_jobs = (b"mesh.ply", b"reconviagen", b"Download ZIP", b"/jobs/")
    assert not [word for word in of_jobs if any(word in frame for frame in frames)]

    assert broken_rules(page) == []

    button.click()
    page.get_by_role("button", name="ada").click()
    # Whoever was sent a link comes to what it shows.
    expect(page.get_by_role("heading", level=1, name=JOB)).to_be_visible()
    expect(page.get_by_role("button", name="Ada Lovelace")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Reviewing as Ada Lovelace")).to_be_visible()
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("Ada Lovelace · just now")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("link", name="Download ZIP").click()
    download.value.save_as(tmp_path / "job.zip")
    size_bytes = (tmp_path / "job.zip").stat().st_size
    cookies = {each["name"]: each["value"] for each in context.cookies()}
    assert any(word in frame for word in of_jobs for frame in frames)
    copied = f"_streamlit_user={cookies['_streamlit_user']}"
    assert status(f"{dashboard.url}/jobs", copied) == 200
    changed = copied[:-9] + ("A" if copied[-9] != "A" else "B") + copied[-8:]
    assert status(f"{dashboard.url}/jobs", changed) == 401

    page.get_by_role("button", name="Ada Lovelace").click()
    expect(page.get_by_text("Logged in as ada@example.org")).to_be_visible()
    assert broken_rules(page) == []
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="End session").click()  # the provider asks
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert page.request.get(f"{dashboard.url}/jobs/{JOB}/download").status == 401
    until(lambda: audit_log.read_text().count("\n") >= 3)  # written when an answer has gone out
    taken = [json.loads(line) for line in audit_log.read_text().splitlines()]
    told = [(each["who"], each["status"]) for each in taken]
    assert told == [("anonymous", 401), ("ada@example.org", 200), ("anonymous", 401)]
    assert taken[1]["bytes"] == size_bytes


def test_login_behind_nginx_and_below_a_path(
    start_closed: Closed, context: BrowserContext, tmp_path: Path
) -> None:
    """Whoever comes by the proxy's address comes back to it, and to the job that was asked for."""
    port = any_free_port()
    with nginx_before(port) as front:
        address = f"http://127.0.0.1:{front}/recon"
        dashboard, _ = start_closed(port, address, "--server.baseUrlPath=recon", base="/recon")
        assert dashboard.url != address
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(f"{address}/?job={JOB}")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("button", name="ada").click()
        expect(page.get_by_role("heading", level=1, name=JOB)).to_be_visible()
        assert page.url == f"{address}/?job={JOB}"
        shown = page.locator(".picture img").first
        shown.evaluate("each => each.decode()")  # which fails where the picture was refused
        with page.expect_download() as download:
            page.get_by_role("link", name="Download ZIP").click()
        assert zipfile.is_zipfile(download.value.path())
        page.get_by_role("button", name="All jobs").click()
        expect(page.get_by_role("heading", level=1, name="Reconstructions")).to_be_visible()
        page.get_by_role("button", name="Ada Lovelace").click()
        page.get_by_role("button", name="Log out").click()
        page.get_by_role("button", name="End session").click()
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        assert page.url.startswith(address)
        assert page.request.get(f"{address}/jobs/{JOB}/download").status == 401


def broken_rules(page: Page) -> list[str]:
    page.evaluate(AXE_SCRIPT)
    return page.evaluate(BROKEN_RULES)


def as_bytes(sent: str | bytes) -> bytes:
    return sent if isinstance(sent, bytes) else sent.encode()


def status(url: str, cookie: str = "") -> int:
    asked = urllib.request.Request(url, headers={"Cookie": cookie} if cookie else {})
    try:
        with urllib.request.urlopen(asked, timeout=60) as response:
            return response.status
    except urllib.error.HTTPError as exc:
        return exc.code
