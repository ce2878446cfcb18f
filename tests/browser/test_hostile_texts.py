"""Texts of jobs that try to be more than text, on every page.

What must be observed: they are shown letter for letter, nothing in them is run, drawn or linked,
and no foreign host is asked for anything (which `open_page` holds for every test).
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

DONE = {"status": "completed"}
MARKUP = "**b** ![x](//evil.example/x) [l](javascript:evil) :material/home: :red[r] $x^2$"
HTML = "<img src=//evil.example/y onerror=evil()> <script>document.title='evil'</script>"
# JSON may carry half of a character, which no UTF-8 can.
TEXT, SHOWN = f"{MARKUP} {HTML} \ud800", f"{MARKUP} {HTML} ?"
# A name of at most 80 characters; and what a file system takes as one.
NAME = "**N** ![x](//evil.example/n) <img src=//evil.example/m> :material/home: $y^2$"
MODEL = "![x](evil.example) &lt;img src=evil&gt; $y^2$ _m_ `c`"
PREVIEW = "textured_![x](evil.example)' onerror='evil().png"

# What only markup could have made: nobody else's links and pictures are in a page of ours.
MADE = """() => [
    ...document.querySelectorAll('[src*="evil"]:not([src^="/jobs/"])'),
    ...document.querySelectorAll('[href*="evil"]:not([href^="/jobs/"]), [href^="javascript"]'),
    ...document.querySelectorAll('[onerror], .katex'),
].map((each) => each.outerHTML.slice(0, 200)).concat(document.title.match(/^evil/) ?? [])"""


def open_clean(page: Page, url: str, *texts: str) -> None:
    """Open a page, wait for the texts on it, and look for what they must not have become."""
    page.goto(url)
    for text in texts:
        expect(page.get_by_text(text).first).to_be_visible()
    page.locator('[data-test-script-state="notRunning"]').wait_for(state="attached")
    assert page.evaluate(MADE) == []


def test_every_page_shows_hostile_texts_letter_for_letter(
    dashboard: Any, open_page: Callable[..., Page]
) -> None:
    figures = {"psnr": 22.0, "ssim": 0.8}
    metadata = {"timestamp": TEXT, "input_file": TEXT}
    quality = {"status": "warning", "summary": TEXT, "metrics": figures, "metadata": metadata}
    output = dashboard.put_outputs("ready1", "reconviagen", MODEL, quality=quality, previews=1)
    for model in output.iterdir():
        (model / "previews" / "textured_00.png").rename(model / "previews" / PREVIEW)
    dashboard.put_record("ready1", "SUCCESS", DONE)
    dashboard.put_record("failed1", "FAILURE", {"exc_type": "E", "exc_message": [TEXT]})
    running = {"progress": 5, "step": MARKUP, "model": HTML}
    dashboard.put_record("running1", "PROGRESS", running)

    asked: list[str] = []
    page = open_page(f"{dashboard.url}/?job=ready1")
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(dialog.message))

    expect(page.get_by_text(SHOWN, exact=True).first).to_be_visible()
    page.get_by_role("textbox", name="Your name").fill(NAME)
    page.get_by_role("textbox", name="Your name").press("Enter")
    expect(page.get_by_text(f"Reviewing as {NAME}")).to_be_visible()
    page.get_by_role("textbox", name="Note").fill(SHOWN)
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text(f"{NAME} · just now")).to_be_visible()
    page.get_by_role("radio", name="Model 1").click()
    expect(page.get_by_text(f"Model directory: {MODEL}", exact=True)).to_be_visible()
    expect(page.get_by_alt_text(f"{MODEL}, {PREVIEW}").first).to_be_visible()
    assert page.evaluate(MADE) == []

    url = dashboard.url
    open_clean(page, f"{url}/?job=failed1", f"Job failed1 failed: E: {SHOWN}")
    open_clean(page, f"{url}/?job=running1", f"{MARKUP} · {HTML} · 5 %")
    open_clean(page, f"{url}/", f"{MARKUP} · 5 %")
    open_clean(page, f"{url}/?view=table&sort=job_id")
    expect(page.locator('[data-testid="stDataFrame"] canvas').first).to_be_visible()
    open_clean(page, f"{url}/?compare=ready1", MODEL)
    open_clean(page, f"{url}/?show=quality", MODEL)
    page.locator(".st-key-plane canvas").wait_for()
    open_clean(page, f"{url}/?review=1&verdict=accepted", MODEL, NAME, MARKUP)
    page.goto(f"{url}/jobs/ready1/report")
    expect(page.get_by_text(SHOWN, exact=True).first).to_be_visible()
    assert page.evaluate(MADE) == []
    foreign = [each for each in asked if "evil" in each and "/jobs/ready1/" not in each]
    assert foreign == []
