"""The way from the list to the download by keys alone, with the focus in sight at every stop."""

from typing import Any

import pytest
import trimesh
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

DONE = {"status": "completed"}
# More stops than any page has.
STOPS_MAX = 80

# How the focused element and what is around it look with the focus and without; null is the page.
COMPARE = """async () => {
    const focused = document.activeElement;
    if (focused === document.body) return null;
    const around = [focused];
    for (let each = focused; around.length < 5 && (each = each.parentElement);) around.push(each);
    const look = () => around.flatMap((each) => ["", "::before", "::after"].map((part) => {
        const style = getComputedStyle(each, part);
        return [style.outline, style.boxShadow, style.border, style.backgroundColor, style.color];
    })).join();
    const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const still = document.createElement("style");
    still.textContent = "*, *::before, *::after { transition: none !important }";
    document.head.append(still);
    await drawn();
    const withFocus = look();
    focused.blur();
    await drawn();
    const without = look();
    focused.focus({ focusVisible: true });
    still.remove();
    return withFocus === without ? focused.outerHTML.slice(0, 300) : "";
}"""


def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press a key until the wanted element has the focus; each stop on the way must show it."""
    wanted.wait_for()
    for _ in range(STOPS_MAX):
        page.keyboard.press(key)
        unseen = page.evaluate(COMPARE)
        assert not unseen, f"nothing shows that it has the focus: {unseen}"
        if wanted.evaluate("each => each === document.activeElement"):
            return
    pytest.fail(f"{key} does not reach {wanted}")


def test_from_the_list_to_the_download_and_back(dashboard: Any, open_page: Any) -> None:
    for job_id in ("ready1", "ready2"):
        dashboard.put_outputs(job_id)
        dashboard.put_record(job_id, "SUCCESS", DONE)
    dashboard.put_record("failed1", "FAILURE", {"exc_type": "E"})
    page = open_page(dashboard.url)
    first, second, failed = (
        page.get_by_role("button", name=name) for name in ("ready1", "ready2", "failed1")
    )

    tab_to(page, page.get_by_role("textbox", name="Search job ids"))
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    expect(second).to_have_count(0)
    expect(failed).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Queued", exact=True))
    tab_to(page, page.get_by_role("button", name="Ready", exact=True), "ArrowRight")
    page.keyboard.press("Enter")
    expect(failed).to_have_count(0)

    tab_to(page, first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="ready1")).to_be_visible()
    opened = page.locator(".enlarged:popover-open")
    enlarge = page.get_by_role("button", name="Enlarge reconviagen, textured_00.png").first
    tab_to(page, enlarge)
    page.keyboard.press("Enter")
    expect(opened).to_have_count(1)
    tab_to(page, opened.get_by_role("link", name="Original PNG"))
    page.keyboard.press("Escape")
    expect(opened).to_have_count(0)
    expect(enlarge).to_be_focused()

    tab_to(page, page.get_by_role("link", name="Download ZIP"), "Shift+Tab")
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    assert started.value.suggested_filename == "ready1.zip"
    tab_to(page, page.get_by_role("button", name="All jobs"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(first).to_be_visible()
    assert page.url == f"{dashboard.url}/?q=1&status=ready"


def test_a_row_of_the_table_is_ticked_and_opened(dashboard: Any, open_page: Any) -> None:
    for job_id in ("first1", "second1"):
        dashboard.put_outputs(job_id)
        dashboard.put_record(job_id, "SUCCESS", DONE)
    page = open_page(f"{dashboard.url}/?view=table&sort=job_id")
    page.get_by_test_id("stDataFrame").locator("canvas").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Space")
    expect(page.get_by_text("second1 is ticked; tick another to compare.")).to_be_visible()
    opening = page.get_by_role("button", name="Open job")
    for _ in range(12):  # the grid draws its focus itself, so that `tab_to` does not see it
        if opening.evaluate("each => each === document.activeElement"):
            break
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="second1")).to_be_visible()


def test_the_comparison_and_its_divider(dashboard: Any, open_page: Any) -> None:
    dashboard.put_outputs("pair1", "reconviagen", "nvdiffrec")
    dashboard.put_record("pair1", "SUCCESS", DONE)
    page = open_page(f"{dashboard.url}/?job=pair1")
    tab_to(page, page.get_by_role("button", name="Compare models"))
    page.keyboard.press("Enter")
    divider = page.get_by_role("slider", name="Divider between A and B")
    tab_to(page, divider)
    page.keyboard.press("ArrowRight")
    expect(divider).to_have_value("51")
    tab_to(page, page.get_by_role("button", name="Angle 01"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Angle 01 · shown")).to_be_visible()


def test_a_mesh_takes_the_focus_and_shows_it(dashboard: Any, open_page: Any) -> None:
    output = dashboard.put_outputs("turned1")
    trimesh.creation.box().export(output / "reconviagen" / "mesh.glb")
    dashboard.put_record("turned1", "SUCCESS", DONE)
    page = open_page(f"{dashboard.url}/?job=turned1")
    tab_to(page, page.get_by_role("button", name="Turn it in 3D"))
    page.keyboard.press("Enter")
    view = page.get_by_test_id("stDeckGlJsonChart")
    tab_to(page, view.locator(".deck-events-root"))
