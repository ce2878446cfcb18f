"""All quality on one page: a box drawn by hand, a point that opens its job, and back."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

PHONE = (390, 844)
# The first colour of the light theme, as see-through as marks are.
MARK_RGB = (113, 106, 234)
# Job, PSNR, SSIM: in the order of their PSNR.
JOBS = (("low1", 16.0, 0.70), ("middle1", 22.0, 0.80), ("high1", 31.0, 0.95))
# No file name may hold more of what a browser would read as markup.
NASTY = "![x](evil.example) &lt;img src=x&gt; $y$"

Open = Callable[..., Page]
Settled = Callable[[Page], None]


def put_results(dashboard: Any, *models: str) -> None:
    for job_id, psnr, ssim in JOBS:
        quality = {"status": "warning", "metrics": {"psnr": psnr, "ssim": ssim}}
        dashboard.put_outputs(job_id, *(models or ("nvdiffrec",)), quality=quality, previews=1)
        dashboard.put_record(job_id, "SUCCESS", {"status": "completed"})


def open_quality(dashboard: Any, open_page: Open, *options: Any) -> Page:
    """Open the page when all jobs are catalogued."""
    page = open_page(f"{dashboard.url}/?show=quality", *options)
    for job_id, _, _ in JOBS:
        expect(page.get_by_role("button", name=job_id).first).to_be_visible()
    page.locator(".st-key-plane canvas").wait_for()
    return page


def find_marks(page: Page) -> list[tuple[float, float]]:
    """Where the marks of the first model are on the plane, from left to right, as eyes see it."""
    page.locator(".st-key-plane canvas").scroll_into_view_if_needed()
    page.mouse.move(0, 0)
    box = page.locator(".st-key-plane canvas").bounding_box()
    assert box
    with Image.open(BytesIO(page.screenshot(clip=box))) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    is_mark = (abs(pixels - MARK_RGB) < 24).all(axis=2)
    columns = np.flatnonzero(is_mark.any(axis=0))
    marks = np.split(columns, np.flatnonzero(np.diff(columns) > 3) + 1) if len(columns) else []
    rows = [np.flatnonzero(is_mark[:, mark].any(axis=1)) for mark in marks]
    return [
        (box["x"] + float(mark.mean()), box["y"] + float(row.mean()))
        for mark, row in zip(marks, rows, strict=True)
    ]


def wait_for_marks(page: Page) -> list[tuple[float, float]]:
    for _ in range(100):
        if len(marks := find_marks(page)) == len(JOBS):
            return marks
        page.wait_for_timeout(100)
    raise AssertionError(f"{len(marks)} marks are drawn")


def drag_around(page: Page, place: tuple[float, float]) -> None:
    """Draw a box of 60 pixels around a place, as a hand would."""
    x, y = place
    page.mouse.move(x - 30, y - 30)
    page.mouse.down()
    page.mouse.move(x, y)
    page.mouse.move(x + 30, y + 30)
    page.mouse.up()


def test_a_box_narrows_the_list_and_back_widens_it(
    dashboard: Any, open_page: Open, settled: Settled
) -> None:
    put_results(dashboard)
    page = open_quality(dashboard, open_page)
    rows = page.locator(".st-key-worst-rows").get_by_role("button")
    expect(rows).to_have_text([job_id for job_id, _, _ in JOBS])
    drag_around(page, wait_for_marks(page)[1])
    expect(rows).to_have_text(["middle1"])
    expect(page).to_have_url(re.compile(r"box=\d"))
    expect(page.get_by_text("All 1 result of 1 job inside")).to_be_visible()

    rows.click()
    expect(page.get_by_role("heading", level=1, name="middle1")).to_be_visible()
    page.go_back()
    expect(rows).to_have_text(["middle1"])
    settled(page)
    page.go_back()
    expect(rows).to_have_count(3)
    settled(page)
    page.go_forward()
    expect(rows).to_have_text(["middle1"])
    settled(page)
    page.get_by_role("button", name="Clear the box").click()
    expect(rows).to_have_count(3)


def test_a_point_opens_its_job_again_and_again(
    dashboard: Any, open_page: Open, settled: Settled
) -> None:
    put_results(dashboard)
    page = open_quality(dashboard, open_page)
    for _ in range(2):
        page.mouse.click(*wait_for_marks(page)[1])
        expect(page.get_by_role("heading", level=1, name="middle1")).to_be_visible()
        page.get_by_role("button", name="Quality").click()
        page.locator(".st-key-plane canvas").wait_for()
        settled(page)


def test_new_results_appear_by_themselves(dashboard: Any, open_page: Open) -> None:
    put_results(dashboard)
    page = open_quality(dashboard, open_page)
    quality = {"metrics": {"psnr": 12.0, "ssim": 0.5}}
    dashboard.put_outputs("later1", quality=quality, previews=0)
    dashboard.put_record("later1", "SUCCESS", {"status": "completed"})
    expect(page.get_by_role("button", name="later1")).to_be_visible()


def test_names_of_models_are_drawn_as_they_are(dashboard: Any, open_page: Open) -> None:
    put_results(dashboard, NASTY)
    page = open_quality(dashboard, open_page)
    expect(page.locator(".legend").first).to_have_text(NASTY)
    page.mouse.move(*wait_for_marks(page)[1])
    expect(page.locator("#vg-tooltip-element")).to_contain_text(NASTY)


def test_long_names_do_not_make_a_phone_scroll_sideways(dashboard: Any, open_page: Open) -> None:
    put_results(dashboard, "reconviagen", "nvdiffrec", "a-model-with-a-name-" + "x" * 80)
    page = open_quality(dashboard, open_page, PHONE)
    main = page.locator('[data-testid="stMain"]')
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
