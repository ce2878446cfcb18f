"""The report as its reader has it: a file on disk, without the dashboard and without a network."""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

HOSTILE = "<script>document.title='taken'</script><img src=http://192.0.2.1/x onerror=alert(1)>"


@pytest.fixture
def report(dashboard: Any, tmp_path: Path) -> Path:
    """The report of a job of two models with a hostile summary, as it was saved."""
    output = dashboard.put_outputs("both", "reconviagen", "nvdiffrec", previews=6)
    quality = {"metrics": {"psnr": 21.5, "ssim": 0.8}, "summary": HOSTILE}
    (output / "nvdiffrec" / "quality.json").write_text(json.dumps(quality))
    dashboard.put_record("both", "SUCCESS", {"status": "completed"})
    path = tmp_path / "both-report.html"
    with urllib.request.urlopen(f"{dashboard.url}/jobs/both/report") as answer:
        path.write_bytes(answer.read())
    return path


def open_offline(browser: Browser, path: Path, **options: Any) -> tuple[Page, list[str]]:
    """Open a file without any network; return the page, and what it complains of or asks for."""
    context = browser.new_context(offline=True, **options)
    page, events = context.new_page(), []

    def note(event: str) -> None:
        if not event.startswith(("data:", path.as_uri())):
            events.append(event)

    page.on("request", lambda request: note(request.url))
    page.on("console", lambda message: note(message.text))
    page.on("dialog", lambda dialog: note(dialog.message))
    page.goto(path.as_uri())
    return page, events


SCREENS = [(1440, 900, "light"), (1440, 900, "dark"), (390, 844, "light"), (390, 844, "dark")]


def test_it_opens_offline_and_asks_for_nothing(browser: Browser, report: Path) -> None:
    for width, height, scheme in SCREENS:
        viewport = {"width": width, "height": height}
        page, events = open_offline(browser, report, viewport=viewport, color_scheme=scheme)
        try:
            expect(page.get_by_role("heading", level=1)).to_contain_text("both")
            loaded = "[...document.images].every(i => i.complete && i.naturalWidth > 0)"
            assert page.evaluate(loaded)
            assert page.locator("img").count() == 2 * (1 + 12)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            expect(page.get_by_text(HOSTILE)).to_be_visible()
            assert page.title().startswith("Job both")
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(14, 17, 23)"}[scheme]
            assert events == []
        finally:
            page.context.close()


def test_it_prints_on_a4_light_and_with_no_picture_across_two_pages(
    browser: Browser, report: Path, tmp_path: Path
) -> None:
    page, _ = open_offline(browser, report, color_scheme="dark")
    try:
        printed = page.pdf(prefer_css_page_size=True)
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(13, 18, 32)"
        frames = (
            "[...document.querySelectorAll('.frame')].map(f => getComputedStyle(f).breakInside)"
        )
        assert set(page.evaluate(frames)) == {"avoid"}
    finally:
        page.context.close()
    sizes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", printed)
    assert 2 <= len(sizes) <= 4
    assert {(round(float(w)), round(float(h))) for w, h in sizes} == {(595, 842)}


def test_the_job_page_opens_it_in_a_tab_of_its_own(dashboard: Any, open_page: Any) -> None:
    dashboard.put_outputs("one")
    dashboard.put_record("one", "SUCCESS", {"status": "completed"})
    page = open_page(f"{dashboard.url}/?job=one")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Report").click()
    expect(opened.value.get_by_role("heading", level=1)).to_contain_text("one")
    expect(page.get_by_role("link", name="Download ZIP")).to_be_visible()
