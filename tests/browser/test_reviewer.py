"""What a reviewer does: a walk by keyboard, and two reviewers at once."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

pytestmark = pytest.mark.browser

PHONE = (390, 844)
JOBS = ("one1", "three3", "two2")
WALK = "/?review=1&verdict=unreviewed&sort=job_id"

Open = Callable[..., Page]


@pytest.fixture
def reviewed(dashboard: Any) -> Any:
    """A dashboard with three jobs that are ready."""
    for job_id in JOBS:
        dashboard.put_outputs(job_id, "reconviagen", "nvdiffrec")
        dashboard.put_record(job_id, "SUCCESS", {"status": "completed"})
    return dashboard


def name_oneself(page: Page, name: str) -> None:
    page.get_by_role("textbox", name="Your name").fill(name)
    page.get_by_role("textbox", name="Your name").press("Enter")
    expect(page.get_by_text(f"Reviewing as {name}")).to_be_visible()


def shows(page: Page, job_id: str, place: str) -> None:
    expect(page.get_by_role("heading", level=1, name=job_id)).to_be_visible()
    expect(page.get_by_text(place)).to_be_visible()


def verdict_of(page: Page, dashboard: Any, job_id: str) -> Any:
    return page.request.get(f"{dashboard.url}/jobs/{job_id}").json()["verdict"]


def test_a_review_is_done_by_keyboard_alone(
    reviewed: Any, open_page: Open, settled: Callable[[Page], None]
) -> None:
    page = open_page(f"{reviewed.url}/?sort=job_id")
    expect(page.get_by_role("button", name="one1")).to_be_visible()
    page.get_by_role("button", name="Review").click()
    shows(page, "one1", "1 of 3")
    name_oneself(page, "Ada")
    settled(page)
    page.keyboard.press("f")
    expect(page.get_by_alt_text("nvdiffrec, wireframe_00.png").first).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_alt_text("nvdiffrec, textured_00.png").first).to_be_visible()
    page.keyboard.press("n")
    shows(page, "three3", "2 of 3")
    page.keyboard.press("p")
    shows(page, "one1", "1 of 3")
    settled(page)
    page.keyboard.press("a")
    shows(page, "three3", "2 of 3")
    settled(page)
    page.keyboard.press("x")
    shows(page, "two2", "3 of 3")
    settled(page)
    page.keyboard.press("w")
    expect(page.get_by_text("This is the last job of the review.")).to_be_visible()
    expect(page.get_by_text("Ada · just now")).to_be_visible()
    given = [verdict_of(page, reviewed, job_id) for job_id in JOBS]
    assert [each["verdict"] for each in given] == ["accepted", "rejected", "rework"]
    assert {each["reviewer"] for each in given} == {"Ada"}

    page.keyboard.press("p")  # what was decided stays on the way
    shows(page, "three3", "2 of 3")
    expect(page.locator(".st-key-verdict").get_by_text("Rejected")).to_be_visible()
    page.go_back()
    shows(page, "two2", "3 of 3")
    page.get_by_role("button", name="All jobs").click()
    expect(page.get_by_text("1 accepted · 1 rework · 1 rejected")).to_be_visible()


def test_the_name_is_typed_once_and_known_at_the_next_visit(
    reviewed: Any, open_page: Open, until: Callable[[Callable[[], object]], None]
) -> None:
    page = open_page(f"{reviewed.url}/?job=one1")
    name_oneself(page, "Zoë O'Neill; 100 %")
    until(lambda: "recon_reviewer" in page.evaluate("document.cookie"))
    page.reload()
    expect(page.get_by_text("Reviewing as Zoë O'Neill; 100 %")).to_be_visible()
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("Zoë O'Neill; 100 % · just now")).to_be_visible()


def test_what_is_typed_into_a_note_decides_nothing(
    reviewed: Any, open_page: Open, settled: Callable[[Page], None]
) -> None:
    page = open_page(f"{reviewed.url}{WALK}")
    name_oneself(page, "Ada")
    settled(page)
    note = page.get_by_role("textbox", name="Note")
    note.press_sequentially("a fine axe, now\npw")
    shows(page, "one1", "1 of 3")
    page.get_by_role("button", name="Accept").click()
    shows(page, "three3", "2 of 3")
    expect(note).to_have_value("")
    assert verdict_of(page, reviewed, "one1")["note"] == "a fine axe, now\npw"
    assert verdict_of(page, reviewed, "three3") is None


def test_a_key_pressed_twice_decides_about_no_job_unseen(
    reviewed: Any, open_page: Open, settled: Callable[[Page], None]
) -> None:
    page = open_page(f"{reviewed.url}{WALK}")
    name_oneself(page, "Ada")
    settled(page)
    page.evaluate(
        """() => {
            for (const type of ['keydown', 'keyup', 'keydown', 'keyup', 'keydown', 'keyup']) {
                const key = { key: 'a', code: 'KeyA', keyCode: 65, which: 65, bubbles: true };
                document.body.dispatchEvent(new KeyboardEvent(type, key));
            }
        }"""
    )
    shows(page, "three3", "2 of 3")
    settled(page)
    assert verdict_of(page, reviewed, "one1")["verdict"] == "accepted"
    assert verdict_of(page, reviewed, "three3") is None


def test_of_two_reviewers_the_slower_one_is_told_and_overwrites_nothing(
    reviewed: Any, open_page: Open
) -> None:
    ada, grace = (open_page(f"{reviewed.url}{WALK}") for _ in range(2))
    name_oneself(ada, "Ada")
    name_oneself(grace, "Grace")
    ada.get_by_role("textbox", name="Note").fill("Seams")
    ada.get_by_role("button", name="Reject").click()
    shows(ada, "three3", "2 of 3")
    grace.get_by_role("button", name="Accept").click()
    expect(grace.get_by_role("alert")).to_contain_text("Somebody else decided meanwhile")
    expect(grace.get_by_text("Ada · just now")).to_be_visible()
    expect(grace.get_by_text("Seams", exact=True)).to_be_visible()
    grace.keyboard.press("a")  # a second press insists on nothing
    assert verdict_of(grace, reviewed, "one1")["reviewer"] == "Ada"
    grace.get_by_role("button", name="Leave it as it is").click()
    expect(grace.get_by_role("alert")).to_have_count(0)
    grace.get_by_role("button", name="Accept").click()  # now she has seen it
    shows(grace, "three3", "2 of 3")
    assert verdict_of(grace, reviewed, "one1")["reviewer"] == "Grace"
    ada.get_by_role("button", name="Previous").click()
    ada.get_by_text("All 2 verdicts").click()
    expect(ada.get_by_role("cell", name="Seams")).to_be_visible()


def test_the_next_jobs_pictures_are_there_before_it_is(reviewed: Any, open_page: Open) -> None:
    page = open_page(f"{reviewed.url}/?job=one1")
    asked: list[str] = []
    answered: set[str] = set()

    def note(request: Request) -> None:
        answered.add(request.url)

    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfinished", note)
    page.goto(f"{reviewed.url}{WALK}")
    page.get_by_role("heading", level=1, name="one1").wait_for()
    wanted = [
        f"/jobs/three3/thumbnails/{model}/{kind}_00.png?edge=1024"
        for model in ("nvdiffrec", "reconviagen")
        for kind in ("textured", "wireframe")
    ]
    for _ in range(300):
        if all(any(url in each for each in answered) for url in wanted):
            break
        page.wait_for_timeout(100)
    assert all(any(url in each for each in answered) for url in wanted)
    assert not any("/jobs/two2/thumbnails" in url for url in asked)
    page.keyboard.press("n")
    shows(page, "three3", "2 of 3")
    width = "nodes => nodes.map(node => node.complete && node.naturalWidth)"
    shown = page.locator(".picture.beside img")
    expect(shown.first).to_have_js_property("complete", value=True)
    assert all(shown.evaluate_all(width))
