"""Two models beside each other in a real Chromium: switches, swipe, blink, and Back."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

PHONE = (390, 844)
DONE = {"status": "completed"}
BETTER = {"metrics": {"psnr": 30.0, "ssim": 0.93}, "metadata": {"num_views": 6}}
WORSE = {"metrics": {"psnr": 27.0, "ssim": 0.80}, "metadata": {"num_views": 6}}

Open = Callable[..., Page]


def put_pair(dashboard: Any, job_id: str) -> None:
    dashboard.put_outputs(job_id, "nvdiffrec", quality=BETTER)
    dashboard.put_outputs(job_id, "reconviagen", quality=WORSE)
    dashboard.put_record(job_id, "SUCCESS", DONE)


def half(page: Page, position: int) -> Locator:
    return page.locator(".stage .half").nth(position)


def test_each_change_is_one_step_of_the_history(
    dashboard: Any, open_page: Open, settled: Callable[[Page], None]
) -> None:
    put_pair(dashboard, "step1")
    start = f"{dashboard.url}/?job=step1"
    page = open_page(start)
    page.get_by_role("button", name="Compare models").click()
    expect(page.get_by_text("nvdiffrec is ahead in 2 of 2 metrics; +3.0 dB PSNR.")).to_be_visible()
    psnr = page.get_by_role("row", name="PSNR").locator("td")
    figures = [text.splitlines()[0] for text in psnr.all_inner_texts()]
    assert figures == ["30.0", "27.0", "+3.0 dB", "A"]
    page.get_by_role("radio", name="Wireframe").click()
    expect(half(page, 0).get_by_role("img", name="wireframe preview 00")).to_be_visible()
    page.get_by_role("button", name="Angle 01").click()
    expect(half(page, 1).get_by_role("img", name="wireframe preview 01")).to_be_visible()
    expect(page.get_by_role("button", name="Angle 01 · shown")).to_be_visible()
    page.get_by_role("radio", name="Blink").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()

    compared = f"{dashboard.url}/?compare=step1"
    steps = ["&kind=wireframe&angle=01", "&kind=wireframe", ""]
    for step in steps:
        page.go_back()
        expect(page).to_have_url(compared + step)
        settled(page)
    expect(page.get_by_role("radio", name="Textured")).to_be_checked()
    expect(half(page, 0).get_by_role("img", name="textured preview 00")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(start)
    expect(page.get_by_role("heading", level=1, name="step1")).to_be_visible()
    for step in [*reversed(steps), "&kind=wireframe&angle=01&way=blink"]:
        page.go_forward()
        expect(page).to_have_url(compared + step)
        settled(page)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_the_divider_follows_hand_and_keys(dashboard: Any, open_page: Open) -> None:
    put_pair(dashboard, "swipe1")
    page = open_page(f"{dashboard.url}/?compare=swipe1")
    divider = page.get_by_role("slider", name="Divider between A and B")
    expect(divider).to_have_value("50")
    box = divider.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, y, steps=5)
    page.mouse.up()
    expect(divider).to_have_value("25")
    clip = half(page, 1).evaluate("node => getComputedStyle(node).clipPath")
    assert clip == "inset(0px 0px 0px 25%)"
    page.keyboard.press("ArrowRight")
    expect(divider).to_have_value("26")
    expect(divider).to_have_attribute("aria-valuetext", "26 % of A, the rest of B")
    page.get_by_role("button", name="Angle 01").click()
    expect(half(page, 0).get_by_role("img", name="textured preview 01")).to_be_visible()
    expect(divider).to_have_value("26")  # another angle, the divider stays


def test_blink_alternates_pauses_and_flips_by_key(dashboard: Any, open_page: Open) -> None:
    put_pair(dashboard, "blink1")
    page = open_page(f"{dashboard.url}/?compare=blink1&way=blink")
    for _ in range(2):
        expect(half(page, 1)).to_have_css("visibility", "visible")
        expect(half(page, 0)).to_have_css("visibility", "hidden")
        expect(half(page, 0)).to_have_css("visibility", "visible")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    first = page.get_by_role("button", name="Showing A: show the other")
    expect(half(page, 0)).to_have_css("visibility", "visible")
    first.focus()
    page.keyboard.press("Enter")
    expect(half(page, 1)).to_have_css("visibility", "visible")
    expect(half(page, 0)).to_have_css("visibility", "hidden")
    page.keyboard.press("Enter")
    expect(first).to_be_visible()


def test_blink_waits_where_motion_is_unwanted(dashboard: Any, open_page: Open) -> None:
    put_pair(dashboard, "calm1")
    page = open_page(f"{dashboard.url}/?compare=calm1")
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("radio", name="Blink").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(half(page, 1)).to_have_css("visibility", "hidden")


def test_a_gap_and_names_are_told_literally(dashboard: Any, open_page: Open) -> None:
    name = "a [b](c) & $x$"
    dashboard.put_outputs("gap1", name, quality=BETTER)
    dashboard.put_outputs("gap1", "nvdiffrec", quality=WORSE, previews=0)
    dashboard.put_record("gap1", "SUCCESS", DONE)
    page = open_page(f"{dashboard.url}/?compare=gap1")
    expect(page.locator(".stage .tag").first).to_have_text(f"A {name}")
    expect(half(page, 0).get_by_role("img", name=f"A, {name}: textured preview 00")).to_be_visible()
    expect(half(page, 1)).to_have_text("nvdiffrec has no textured preview 00")
    expect(half(page, 1).locator("img")).to_be_hidden()


def test_a_side_that_finishes_appears_by_itself(dashboard: Any, open_page: Open) -> None:
    put_pair(dashboard, "done1")
    dashboard.put_record("later1", "PROGRESS", {"progress": 40})
    page = open_page(f"{dashboard.url}/?compare=done1,later1")
    expect(page.get_by_text("JOB_NOT_READY")).to_be_visible()
    expect(half(page, 1)).to_have_text("Preview when finished")
    put_pair(dashboard, "later1")
    expect(page.get_by_text("JOB_NOT_READY")).to_have_count(0)
    expect(half(page, 1).get_by_role("img")).to_be_visible()


def test_it_fits_a_phone_and_every_picture_and_control_has_a_name(
    dashboard: Any, open_page: Open
) -> None:
    put_pair(dashboard, "fit1")
    put_pair(dashboard, f"fit2{'x' * 60}")
    for address in ("fit1", f"fit1,fit2{'x' * 60}&left=nvdiffrec&right=reconviagen&way=blink"):
        page = open_page(f"{dashboard.url}/?compare={address}", PHONE)
        expect(half(page, 0).get_by_role("img")).to_have_js_property("complete", True)
        main = page.locator('[data-testid="stMain"]')
        assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
        images = page.locator("img:visible")
        assert all(image.get_attribute("alt") for image in images.all())
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll("button, input, [role=combobox]")]
                .filter(each => each.checkVisibility({visibilityProperty: true}))
                .filter(each => !(each.ariaLabel || each.textContent.trim() || each.labels?.length))
                .map(each => each.outerHTML)"""
        )
        assert unnamed == []
