"""A list is taken along in a real Chromium."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


def put_ready(dashboard: Any, job_id: str) -> None:
    dashboard.put_outputs(job_id)
    dashboard.put_record(job_id, "SUCCESS", {"status": "completed"})


def take(page: Page, name: str) -> tuple[str, bytes]:
    """Click a link and return what it saves: the file's name and content."""
    with page.expect_download() as waiting:
        page.get_by_role("link", name=name).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def check_files(page: Page, address: str) -> None:
    page.get_by_role("button", name="Take along").click()
    name, content = take(page, "CSV 3 jobs")
    assert name.endswith(".csv")
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert [row["job_id"] for row in rows] == ["take1", "take2", "take3"]
    name, content = take(page, "JSON 3 jobs")
    assert name.endswith(".json")
    assert [job["job_id"] for job in json.loads(content)] == ["take1", "take2", "take3"]
    name, content = take(page, "ZIP of 2 ready jobs")
    assert name.endswith(".zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {path.partition("/")[0] for path in archive.namelist()} == {
            "take1",
            "take2",
            "report.csv",
        }
    assert page.url == address  # the page stays as it is


def fill(dashboard: Any) -> None:
    for job_id in ("take1", "take2"):
        put_ready(dashboard, job_id)
    dashboard.put_record("take3", "FAILURE")
    put_ready(dashboard, "other4")


def test_what_the_filters_show_is_taken_along(dashboard: Any, open_page: Open) -> None:
    fill(dashboard)
    address = f"{dashboard.url}/?q=take&sort=job_id"
    check_files(open_page(address), address)


def test_below_a_path_prefix_too(start_dashboard: Callable[..., Any], open_page: Open) -> None:
    dashboard = start_dashboard("--server.baseUrlPath=recon", base="/recon")
    fill(dashboard)
    address = f"{dashboard.url}/?q=take&sort=job_id"
    check_files(open_page(address), address)


def test_ticked_rows_are_one_zip(dashboard: Any, open_page: Open) -> None:
    fill(dashboard)
    page = open_page(f"{dashboard.url}/?sort=job_id&view=table")
    grid = page.locator('[data-testid="stDataFrame"] canvas').first
    grid.wait_for()
    box = grid.bounding_box()
    assert box
    for row, label in {0: "ZIP of 1 ticked job", 2: "ZIP of 2 ticked jobs"}.items():
        page.mouse.click(box["x"] + 18, box["y"] + 38 + 54 * row + 27)
        expect(page.get_by_role("link", name=label, exact=True)).to_be_visible()
    name, content = take(page, "ZIP of 2 ticked jobs")
    assert name.endswith(".zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        folders = {path.partition("/")[0] for path in archive.namelist()}
    assert folders == {"other4", "take2", "report.csv"}
