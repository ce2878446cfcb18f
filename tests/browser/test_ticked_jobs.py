"""Rows are ticked in a real Chromium, and two of them compared."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


def put_ready(dashboard: Any, job_id: str) -> None:
    dashboard.put_outputs(job_id)
    dashboard.put_record(job_id, "SUCCESS", {"status": "completed"})


def tick(page: Page, row: int) -> None:
    """Click a row's checkbox, which a canvas draws: 38 px of head, 54 px a row."""
    grid = page.locator('[data-testid="stDataFrame"] canvas').first
    grid.wait_for()
    box = grid.bounding_box()
    assert box
    page.mouse.click(box["x"] + 18, box["y"] + 38 + 54 * row + 27)


def test_two_ticked_rows_are_compared_and_back_returns_to_them(
    dashboard: Any, open_page: Open
) -> None:
    for job_id in ("tick1", "tick2", "tick3"):
        put_ready(dashboard, job_id)
    page = open_page(f"{dashboard.url}/?sort=job_id&view=table")
    compare = page.get_by_role("button", name="Compare", exact=True)
    expect(page.get_by_text("Tick two jobs to compare them.")).to_be_visible()
    expect(compare).to_be_disabled()
    tick(page, 0)
    expect(page.get_by_text("tick1 is ticked; tick another to compare.")).to_be_visible()
    tick(page, 2)
    expect(page.get_by_text("tick1 and tick3")).to_be_visible()
    compare.click()
    expect(page.get_by_role("heading", level=1, name="Compare jobs")).to_be_visible()
    assert page.url == f"{dashboard.url}/?compare=tick1%2Ctick3"
    page.go_back()
    expect(page.get_by_text("tick1 and tick3")).to_be_visible()
    page.get_by_role("button", name="Untick").click()
    expect(compare).to_be_disabled()
    page.go_forward()
    expect(page.get_by_role("heading", level=1, name="Compare jobs")).to_be_visible()


def test_ticks_stay_with_their_jobs_while_the_list_moves(dashboard: Any, open_page: Open) -> None:
    for job_id in ("move2", "move3"):
        put_ready(dashboard, job_id)
    dashboard.put_record("move4", "STARTED")  # keeps the list live
    page = open_page(f"{dashboard.url}/?sort=job_id&view=table")
    tick(page, 0)
    expect(page.get_by_text("move2 is ticked; tick another to compare.")).to_be_visible()
    put_ready(dashboard, "move1")
    ticked = page.locator('canvas tr[aria-selected="true"]')
    expect(ticked).to_have_attribute("aria-rowindex", "3")  # below the head and move1
    expect(ticked).to_contain_text("move2")
    tick(page, 2)
    expect(page.get_by_text("move2 and move3")).to_be_visible()
