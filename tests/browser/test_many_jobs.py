"""A hundred thousand jobs in the browser: filter, sort, page, Back, and news at once."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

MANY = 100_000
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def many(start_dashboard: Callable[..., Any]) -> Any:
    """A dashboard of its own with 100,000 records, a hundred directories and some of all states."""
    dashboard = start_dashboard()
    chance = random.Random(1)
    pipeline = dashboard.records.pipeline(transaction=False)
    for number in range(MANY - 100):
        job_id = "".join(chance.choices(ALPHABET, k=8)) + f"{number:05}"
        pipeline.set(f"celery-task-meta-{job_id}", record(number))
        if number % 5000 == 0:
            pipeline.execute()
    pipeline.execute()
    for number in range(100):
        dashboard.put_outputs(f"ready{number:03}", previews=1)
        dashboard.put_record(f"ready{number:03}", "SUCCESS", {"status": "completed"})
    return dashboard


def record(number: int) -> str:
    """Every tenth failed, of the others nothing is left on the disk."""
    failed = number % 10 == 0
    result = {"exc_type": "ValueError", "exc_message": ["no features"]} if failed else {}
    moment = f"2026-01-{number % 28 + 1:02}T00:00:00.{number:06}+00:00"
    state = "FAILURE" if failed else "SUCCESS"
    return json.dumps({"status": state, "result": result, "date_done": moment})


def test_a_hundred_thousand_jobs_are_filtered_sorted_and_paged(
    many: Any, open_page: Callable[..., Page]
) -> None:
    page = open_page(many.url)
    total = page.get_by_test_id("stMetricValue").first
    expect(total).to_have_text(f"{MANY:,}", timeout=300_000)

    failed = page.get_by_text("Failed, no preview")
    page.get_by_role("button", name="Failed", exact=True).click()
    expect(failed).to_have_count(12)
    search(page, "ready0")
    expect(page.get_by_text("No job matches these filters")).to_be_visible()
    page.go_back()
    expect(failed).to_have_count(12)
    page.go_back()
    expect(failed).not_to_have_count(12)

    search(page, "ready0")
    expect(page.locator("[class*=st-key-card-] img")).to_have_count(12)
    page.goto(f"{many.url}/?sort=-job_id")
    expect(cards(page).first).to_contain_text("zz")
    page.goto(f"{many.url}/?sort=job_id&page=8334&per=12")
    expect(cards(page)).to_have_count(4)
    page.go_back()
    expect(cards(page)).to_have_count(12)


def cards(page: Page) -> Locator:
    return page.locator("[class*=st-key-card-]")


def search(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Search job ids").fill(text)
    page.get_by_role("textbox", name="Search job ids").press("Enter")


def test_among_as_many_a_change_reaches_the_open_page(
    many: Any, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{many.url}/?q=newcomer")
    expect(page.get_by_text("No job matches these filters")).to_be_visible()
    many.put_record("newcomer", "PROGRESS", {"progress": 12, "step": "Aligning"})
    expect(page.get_by_text("Aligning · 12 %")).to_be_visible()
    many.put_record("newcomer", "PROGRESS", {"progress": 55, "step": "Meshing"})
    expect(page.get_by_text("Meshing · 55 %")).to_be_visible()
