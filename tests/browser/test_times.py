"""Times are told on the clock of a real Chromium."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


def put_ready(dashboard: Any, job_id: str) -> None:
    dashboard.put_outputs(job_id)
    dashboard.put_record(job_id, "SUCCESS", {"status": "completed"})


def test_an_age_tells_its_moment_on_the_viewers_clock(dashboard: Any, open_page: Open) -> None:
    put_ready(dashboard, "time1")
    page = open_page(dashboard.url, zone="Europe/Berlin")
    age = page.locator("time")
    expect(age).to_have_attribute("title", "2026-02-01 11:00:00 CET")
    expect(age).to_have_attribute("datetime", "2026-02-01T10:00:00+00:00")
    # The area that opens the card lies below it, or no hover would reach it.
    is_on_top = "time => {const b = time.getBoundingClientRect();"
    is_on_top += "return document.elementFromPoint(b.x + 4, b.y + b.height / 2) === time}"
    assert age.evaluate(is_on_top)


def test_the_table_tells_moments_on_the_viewers_clock(dashboard: Any, open_page: Open) -> None:
    put_ready(dashboard, "time1")
    page = open_page(f"{dashboard.url}/?view=table", zone="America/New_York")
    table = page.locator('[data-testid="stDataFrame"] canvas').first
    expect(table).to_contain_text("Updated, America/New_York")
    expect(table).to_contain_text("2026-02-01 05:00:00")
