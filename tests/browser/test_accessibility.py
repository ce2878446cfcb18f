"""Every page in either theme, on a phone too: axe-core finds no fault with WCAG 2.1 A and AA,
nothing scrolls sideways, and the theme is the one asked for.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import trimesh
from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

DONE = {"status": "completed"}
BETTER = {"status": "normal", "metrics": {"psnr": 27.1, "ssim": 0.9}, "summary": "All is well"}
WORSE = {"status": "warning", "metrics": {"psnr": 24.0, "ssim": 0.8, "depth_mae": 0.02}}

SCREENS = {
    "desktop-light": ((1440, 900), "light"),
    "desktop-dark": ((1440, 900), "dark"),
    "phone-light": ((390, 844), "light"),
}


class Shown(NamedTuple):
    """A page: its address, what is there when it is complete, and what is opened on it in turn.

    `opened` are pairs of what is clicked and what that shows; each state is looked at.
    """

    address: str
    landmark: str
    opened: tuple[tuple[str, str], ...] = ()


ALERT = "[data-testid=stAlert]"
PAGES = {
    "cards": Shown("", ".st-key-jobs img", ((".st-key-take-along button", ".take-list"),)),
    "table": Shown("?view=table", ".st-key-jobs canvas"),
    "nothing-found": Shown("?q=nowhere", "h3"),
    "page-beyond-the-last": Shown("?page=9", "h3"),
    "invalid-filter": Shown("?status=odd", ALERT),
    "job-ready": Shown(
        "?job=ready1",
        "table.figures",
        (
            ("summary", "details code"),
            ("button:has-text('Turn it in 3D')", "canvas"),
            ("button.enlarge", ".enlarged:popover-open"),
        ),
    ),
    "job-without-previews": Shown("?job=plain1", "table.figures"),
    "job-queued": Shown("?job=queued1", ALERT),
    "job-running": Shown("?job=running1", "[role=progressbar]"),
    "job-failed": Shown("?job=failed1", ALERT),
    "job-expired": Shown("?job=expired1", ALERT),
    "job-not-found": Shown("?job=nobody", ALERT),
    "models-compared": Shown("?compare=ready1", "table.versus"),
    "jobs-compared": Shown("?compare=ready1,ready2&way=blink", "table.versus"),
    "review": Shown("?review=1&at=ready1", ".picture.beside img"),
    "nothing-to-review": Shown("?review=1&q=nowhere", ALERT),
    "nothing-to-compare": Shown("?compare=ready2", ".facts"),
    "quality": Shown("?show=quality&box=20,30,0.7,1", "svg.marks >> nth=1"),
    "quality-of-nothing": Shown("?show=quality&q=nowhere", "h3"),
}
REPORTS = ("ready1", "failed1")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


class Exemption(NamedTuple):
    """What in Streamlit's own markup breaks a rule, and why we cannot mend it."""

    rule: str
    selector: str
    reason: str


KNOWN: tuple[Exemption, ...] = ()

FIND = """async ([tags, known]) => {
    const options = {
        runOnly: { type: "tag", values: tags }, resultTypes: ["violations"], elementRef: true,
    };
    const { violations } = await axe.run(document, options);
    return violations.flatMap(({ id, nodes }) => nodes
        .filter(({ element }) => !known.some(([rule, at]) => rule === id && element.matches(at)))
        .map((node) => `${id}: ${node.html.slice(0, 300)}\n${node.failureSummary}`));
}"""

THEME = "getComputedStyle(document.querySelector('.stApp')).colorScheme"


def violations(page: Page) -> list[str]:
    """Rule, markup and what to do, of each element that breaks a rule."""
    page.evaluate(AXE_SCRIPT)
    return page.evaluate(FIND, [TAGS, [[each.rule, each.selector] for each in KNOWN]])


def write_box(path: Path) -> None:
    box = trimesh.creation.box()
    coat = trimesh.visual.material.PBRMaterial(
        baseColorTexture=Image.new("RGB", (8, 8), (20, 20, 230))
    )
    box.visual = trimesh.visual.TextureVisuals(uv=np.full((8, 2), 0.5), material=coat)
    box.export(path)


@pytest.fixture(scope="module")
def filled(start_dashboard: Callable[..., Any]) -> Any:
    """A dashboard with a job of each kind that looks its own."""
    dashboard = start_dashboard()
    for job_id in ("ready1", "ready2"):
        dashboard.put_outputs(job_id, "reconviagen", quality=BETTER, previews=6)
        dashboard.put_record(job_id, "SUCCESS", DONE)
    dashboard.put_outputs("ready1", "nvdiffrec", quality=WORSE, previews=6)
    for mesh in dashboard.storage.glob("ready1/output/*/mesh.glb"):
        write_box(mesh)
    dashboard.put_outputs("plain1", quality=None, previews=0)
    dashboard.put_record("plain1", "SUCCESS", DONE)
    (dashboard.storage / "queued1").mkdir()
    dashboard.put_outputs("running1")
    dashboard.put_record("running1", "PROGRESS", {"progress": 45, "step": "Texturing"})
    dashboard.put_record("failed1", "FAILURE", {"exc_type": "E", "exc_message": ["no photos"]})
    dashboard.put_record("cancelled1", "REVOKED")
    dashboard.put_record("expired1", "SUCCESS", DONE)
    return dashboard


# What a phone lays out in another way; colours and names are the same on all screens.
ON_PHONE = ("cards", "table", "job-ready", "job-running", "models-compared", "review", "quality")
CASES = [
    (name, screen)
    for name in PAGES
    for screen in SCREENS
    if screen != "phone-light" or name in ON_PHONE
]


@pytest.mark.parametrize(("name", "screen"), CASES)
def test_no_page_breaks_a_rule(filled: Any, open_page: Any, name: str, screen: str) -> None:
    shown = PAGES[name]
    page = open_page(f"{filled.url}/{shown.address}", *SCREENS[screen])
    page.locator(shown.landmark).first.wait_for()
    # Until its script is loaded, a widget is a grey box in which there is nothing to find.
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    assert page.evaluate(THEME) == SCREENS[screen][1]
    assert page.evaluate("document.documentElement.scrollWidth") <= SCREENS[screen][0][0]
    assert page.get_by_test_id("stMain").evaluate("node => node.scrollWidth <= node.clientWidth")
    found = violations(page)
    assert not found, "\n".join(found)
    for button, landmark in shown.opened:
        page.locator(button).first.click()
        page.locator(landmark).first.wait_for()
        found = violations(page)
        assert not found, "\n".join(found)


@pytest.mark.parametrize("screen", SCREENS)
def test_an_empty_list_breaks_no_rule(dashboard: Any, open_page: Any, screen: str) -> None:
    page = open_page(dashboard.url, *SCREENS[screen])
    found = violations(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("screen", SCREENS)
def test_a_report_breaks_no_rule(filled: Any, browser: Browser, screen: str) -> None:
    (width, height), scheme = SCREENS[screen]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    found = []
    for job_id in REPORTS:
        page.goto(f"{filled.url}/jobs/{job_id}/report")
        found += violations(page)
    context.close()
    assert not found, "\n".join(found)
