"""What an analyst does, in a real Chromium against the real server."""

import json
import os
import re
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser

PHONE = (390, 844)
DONE = {"status": "completed"}

Open = Callable[..., Page]


def put_ready(dashboard: Any, job_id: str, *models: str, **options: Any) -> None:
    dashboard.put_outputs(job_id, *models, **options)
    dashboard.put_record(job_id, "SUCCESS", DONE)


def click_on(page: Page, alt: str) -> None:
    """Click where a picture is, whatever lies above it, as a hand would."""
    box = page.get_by_alt_text(alt).bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_the_list_shows_jobs_with_pictures_and_opens_one(dashboard: Any, open_page: Open) -> None:
    put_ready(dashboard, "first1")
    put_ready(dashboard, "second2")
    page = open_page(dashboard.url)
    expect(page.get_by_role("button", name="first1")).to_be_visible()
    expect(page.get_by_alt_text("Preview of job first1")).to_have_js_property("naturalWidth", 384)
    page.get_by_role("button", name="second2").hover()  # waits until nothing moves any more
    click_on(page, "Preview of job second2")  # the whole card opens its job
    expect(page.get_by_role("heading", level=1, name="second2")).to_be_visible()
    assert page.url == f"{dashboard.url}/?job=second2"


def test_back_and_forward_walk_between_filtered_list_and_job(
    dashboard: Any, open_page: Open
) -> None:
    put_ready(dashboard, "ready1")
    dashboard.put_record("failed1", "FAILURE", {"exc_type": "E", "exc_message": ["x"]})
    page = open_page(dashboard.url)
    page.get_by_role("button", name="Failed", exact=True).click()
    expect(page.get_by_role("button", name="ready1")).to_have_count(0)
    assert page.url == f"{dashboard.url}/?status=failed"
    page.get_by_role("button", name="failed1").click()
    expect(page.get_by_role("heading", level=1, name="failed1")).to_be_visible()

    page.go_back()
    expect(page.get_by_role("button", name="failed1")).to_be_visible()
    expect(page.get_by_role("button", name="ready1")).to_have_count(0)
    assert page.url == f"{dashboard.url}/?status=failed"
    page.go_back()
    expect(page.get_by_role("button", name="ready1")).to_be_visible()
    page.go_forward()
    expect(page.get_by_role("button", name="ready1")).to_have_count(0)
    page.go_forward()
    expect(page.get_by_role("heading", level=1, name="failed1")).to_be_visible()


def test_a_page_begins_at_its_top_and_is_left_where_it_was(
    dashboard: Any, open_page: Open, until: Callable[..., None]
) -> None:
    for number in range(30):
        dashboard.put_record(f"job{number:02}", "FAILURE", {"exc_type": "E"})
    # On a phone even a job without results is longer than the screen.
    page = open_page(f"{dashboard.url}/?sort=job_id", size=PHONE)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("30")
    main = page.get_by_test_id("stMain")
    first = page.locator(".st-key-jobs").bounding_box()
    assert first
    assert first["y"] < PHONE[1] * 0.7  # jobs are in sight

    def top() -> float:
        return float(main.evaluate("each => each.scrollTop"))

    for leave in (
        lambda: page.get_by_role("button", name="All jobs").click(),
        page.go_back,
    ):
        opened = page.get_by_role("button", name="job09")
        opened.scroll_into_view_if_needed()
        before = top()
        assert before > 500
        opened.click()
        expect(page.get_by_role("heading", level=1, name="job09")).to_be_visible()
        until(lambda: top() == 0)
        leave()
        expect(page.get_by_role("heading", level=1, name="Reconstructions")).to_be_attached()
        until(lambda before=before: abs(top() - before) < 2)
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("button", name="job12")).to_be_attached()
    until(lambda: top() == 0)


def test_a_filtered_list_says_how_many_pass_and_lets_go(dashboard: Any, open_page: Open) -> None:
    dashboard.put_record("failed1", "FAILURE", {"exc_type": "E"})
    dashboard.put_record("running1", "STARTED")
    page = open_page(f"{dashboard.url}/?status=failed")
    expect(page.get_by_text("1 of 2 jobs")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_role("button", name="running1")).to_be_visible()
    expect(page.get_by_text("1 of 2 jobs")).not_to_be_attached()


def test_a_link_to_a_filtered_list_opens_as_it_was_sent(dashboard: Any, open_page: Open) -> None:
    for number in range(15):
        dashboard.put_record(f"job{number:02}", "STARTED")
    page = open_page(f"{dashboard.url}/?q=job&sort=job_id&page=2")
    expect(page.get_by_role("button", name="job12")).to_be_visible()
    expect(page.get_by_role("button", name="job00")).to_have_count(0)
    expect(page.get_by_role("textbox", name="Search job ids")).to_have_value("job")


def test_search_and_pages(dashboard: Any, open_page: Open) -> None:
    for number in range(30):
        dashboard.put_record(f"job{number:02}", "STARTED")
    page = open_page(f"{dashboard.url}/?sort=job_id")
    page.get_by_role("button", name="Page 3").click()
    expect(page.get_by_role("button", name="job29")).to_be_visible()
    page.get_by_role("textbox", name="Search job ids").fill("7")
    page.get_by_role("textbox", name="Search job ids").press("Enter")
    expect(page.get_by_role("button", name="job07")).to_be_visible()
    expect(page.get_by_role("button", name="job29")).to_have_count(0)


def test_filters_stay_while_a_slow_browser_still_loads_them(
    dashboard: Any, open_page: Open
) -> None:
    dashboard.put_record("job01", "STARTED")
    dashboard.put_record("job99", "FAILURE")
    page = open_page(dashboard.url)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.context.route(re.compile("/static/js/(ButtonGroup|Selectbox|TextInput)"), hold)
    address = f"{dashboard.url}/?q=job&status=running&sort=job_id"
    page.goto(address)
    expect(page.get_by_role("button", name="job01")).to_be_visible()
    dashboard.put_record("job02", "STARTED")
    expect(page.get_by_role("button", name="job02")).to_be_visible()
    assert held
    for route in held:
        route.continue_()
    expect(page.get_by_role("textbox", name="Search job ids")).to_have_value("job")
    for job_id in ("job03", "job04"):  # each run of the page is told what its widgets hold
        dashboard.put_record(job_id, "STARTED")
        expect(page.get_by_role("button", name=job_id)).to_be_visible()
    page.get_by_text("Table", exact=True).click()
    expect(page).to_have_url(f"{address}&view=table")


def test_the_table_opens_a_job(dashboard: Any, open_page: Open) -> None:
    put_ready(dashboard, "tabled1")
    page = open_page(f"{dashboard.url}/?q=tabled&sort=job_id")
    page.get_by_text("Table", exact=True).click()
    grid = page.locator('[data-testid="stDataFrame"] canvas').first
    grid.wait_for()
    box = grid.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] - 60, box["y"] + 38 + 27)
    expect(page.get_by_role("heading", level=1, name="tabled1")).to_be_visible()


def test_a_job_is_followed_from_its_first_step_to_the_download(
    dashboard: Any, open_page: Open, tmp_path: Path
) -> None:
    (dashboard.storage / "live1").mkdir()
    page = open_page(f"{dashboard.url}/?job=live1")
    expect(page.get_by_text("Waiting for a worker", exact=True)).to_be_visible()
    dashboard.put_record("live1", "PROGRESS", {"progress": 45, "step": "Texturing"})
    expect(page.get_by_text("Texturing · 45 %")).to_be_visible()
    dashboard.put_record("live1", "PROGRESS", {"progress": 80, "step": "Measuring"})
    expect(page.get_by_text("Measuring · 80 %")).to_be_visible()
    put_ready(dashboard, "live1")
    link = page.get_by_role("link", name="Download ZIP")
    expect(link).to_be_visible()
    with page.expect_download() as started:
        link.click()
    assert started.value.suggested_filename == "live1.zip"
    started.value.save_as(tmp_path / "live1.zip")
    with zipfile.ZipFile(tmp_path / "live1.zip") as archive:
        assert archive.testzip() is None
        on_disk = dashboard.storage / "live1" / "output" / "reconviagen" / "mesh.ply"
        assert archive.read("reconviagen/mesh.ply") == on_disk.read_bytes()
    expect(page.get_by_role("heading", level=1, name="live1")).to_be_visible()  # the page stays


COUNT_CHANGES = """() => {
    window.changes = 0;
    const watched = { childList: true, subtree: true, characterData: true };
    const observer = new MutationObserver((found) => { window.changes += found.length; });
    observer.observe(document.querySelector('.st-key-jobs'), watched);
}"""


def test_a_list_moves_by_itself_and_is_left_alone_while_nothing_changes(
    dashboard: Any, open_page: Open
) -> None:
    dashboard.put_record("moving1", "PROGRESS", {"progress": 10, "step": "Aligning"})
    page = open_page(dashboard.url)
    expect(page.get_by_text("Aligning · 10 %")).to_be_visible()
    dashboard.put_record("moving1", "PROGRESS", {"progress": 60, "step": "Meshing"})
    expect(page.get_by_text("Meshing · 60 %")).to_be_visible()
    put_ready(dashboard, "moving1")
    expect(page.locator("[class*=st-key-card-] img")).to_be_visible()
    page.wait_for_timeout(1500)  # until the news has settled
    page.evaluate(COUNT_CHANGES)
    page.wait_for_timeout(2500)  # several looks at a catalog that has nothing new
    assert page.evaluate("window.changes") == 0
    (dashboard.storage / "later1").mkdir()
    expect(page.get_by_role("button", name="later1")).to_be_visible()


@pytest.mark.parametrize(
    ("record", "title", "code"),
    [
        (("SUCCESS", DONE), "Results expired", "JOB_EXPIRED · HTTP 410"),
        (("FAILURE", {"exc_type": "E"}), "Job failed", "JOB_FAILED · HTTP 500"),
        (("REVOKED", None), "Job cancelled", "JOB_FAILED · HTTP 500"),
    ],
)
def test_banners_name_title_reason_and_code(
    dashboard: Any, open_page: Open, record: tuple[str, Any], title: str, code: str
) -> None:
    dashboard.put_record("gone1", *record)
    page = open_page(f"{dashboard.url}/?job=gone1")
    banner = page.get_by_role("alert")
    expect(banner).to_contain_text(title)
    expect(banner).to_contain_text(code)
    expect(page.get_by_role("link", name="Download ZIP")).to_have_count(0)


def test_a_preview_is_enlarged_and_closed_by_keyboard(dashboard: Any, open_page: Open) -> None:
    put_ready(dashboard, "look1")
    page = open_page(f"{dashboard.url}/?job=look1")
    opened = page.locator(".enlarged:popover-open")
    page.get_by_role("button", name="Enlarge reconviagen, wireframe_01.png").click()
    expect(opened).to_have_count(1)
    expect(opened.get_by_role("link", name="Original PNG")).to_be_visible()
    page.keyboard.press("Escape")
    expect(opened).to_have_count(0)


def test_two_models_stand_side_by_side(dashboard: Any, open_page: Open) -> None:
    better = {"status": "normal", "metrics": {"psnr": 27.1, "ssim": 0.9}}
    worse = {"status": "warning", "metrics": {"psnr": 24.0, "ssim": 0.8}}
    dashboard.put_outputs("pair1", "nvdiffrec", quality=better)
    put_ready(dashboard, "pair1", "reconviagen", quality=worse)
    page = open_page(f"{dashboard.url}/?job=pair1")
    expect(page.get_by_text("nvdiffrec beats ReconViaGen by 3.1 dB PSNR.")).to_be_visible()
    expect(page.get_by_text("+3.1 dB")).to_be_visible()
    page.get_by_text("ReconViaGen", exact=True).click()
    expect(page.get_by_text("-3.1 dB")).to_be_visible()


def test_redis_away_is_one_calm_banner_and_the_jobs_stay(dashboard: Any, open_page: Open) -> None:
    put_ready(dashboard, "known1")
    page = open_page(dashboard.url)
    expect(page.get_by_text("Ready", exact=True).first).to_be_visible()
    (dashboard.storage / "moving").mkdir()
    os.kill(dashboard.backend._process.pid, signal.SIGSTOP)
    try:
        page = open_page(dashboard.url)
        expect(page.get_by_role("alert")).to_have_count(1)
        expect(page.get_by_role("alert")).to_contain_text("Job states unavailable")
        expect(page.get_by_role("button", name="known1")).to_be_visible()
        expect(page.get_by_role("button", name="moving", exact=True)).to_be_visible()
    finally:
        os.kill(dashboard.backend._process.pid, signal.SIGCONT)
    expect(page.get_by_role("alert")).to_have_count(0)  # it recovers by itself


def test_everything_works_below_a_path_prefix(
    start_dashboard: Callable[..., Any], open_page: Open, tmp_path: Path
) -> None:
    dashboard = start_dashboard("--server.baseUrlPath=recon/one", base="/recon/one")
    put_ready(dashboard, "based1")
    page = open_page(f"{dashboard.url}/")
    expect(page.get_by_alt_text("Preview of job based1")).to_have_js_property("naturalWidth", 384)
    page.get_by_role("button", name="based1").click()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download ZIP").click()
    started.value.save_as(tmp_path / "based1.zip")
    assert zipfile.is_zipfile(tmp_path / "based1.zip")
    answer = json.loads(page.request.get(f"{dashboard.url}/jobs/based1").text())
    assert answer["download_url"] == "/recon/one/jobs/based1/download"
    assert page.request.get(f"{dashboard.url}/jobs/x/y").status == 404
