"""Take the pictures of docs/ from a real demo: `make screenshots`. A page is a line in SHOTS."""

import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from dashboard.demo.plan import Outcome
from dashboard.demo.ports import LOOPBACK, any_free_port
from dashboard.demo.samples import SAMPLES

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
FOLDER = ROOT / ".demo" / "screenshots"  # kept: the samples need not be made again
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
# The second line: WebGL without a graphics card.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
]  # fmt: skip
DESKTOP, PHONE = (1440, 900), (390, 844)
PICTURE_MAX_BYTES = 200_000  # all of them together are to stay below 1.5 MB
PATIENCE_MS = 180_000  # the samples' pipeline keeps every core busy beside the browser
# Two pictures in a row that are the same show a page that is done; a live one never is.
LOOKS, LOOK_S = 8, 1.0


def job(sample: str) -> str:
    """The id of a sample job, which its name alone decides."""
    return next(each.job_id for each in SAMPLES if each.name == sample)


def press(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name, exact=True).click()


def tick(*rows: int) -> Callable[[Page], None]:
    """Tick rows of the table, which a canvas draws: 38 px of head, 54 px a row."""

    def act(page: Page) -> None:
        box = page.get_by_test_id("stDataFrame").bounding_box() or {"x": 0, "y": 0}
        for row in rows:
            page.mouse.click(box["x"] + 18, box["y"] + 38 + 54 * row + 27)
            page.wait_for_timeout(1000)
        page.mouse.move(5, 5)

    return act


def judge(page: Page) -> None:
    """Accept the first job of a review, which leads to the second."""
    page.get_by_role("textbox", name="Your name").fill("Ada")
    page.keyboard.press("Enter")
    accept = page.get_by_role("button", name="Accept")
    expect(accept).to_be_enabled()
    page.get_by_role("textbox", name="Note").fill("Even surface, sharp texture.")
    accept.click()
    page.get_by_text("P goes back to it").wait_for()
    page.mouse.move(5, 5)


class Shot(NamedTuple):
    """A picture: its name below docs/, the page's address, and what is done before it is taken."""

    name: str
    address: str
    act: Callable[[Page], None] = lambda _: None
    size: tuple[int, int] = DESKTOP
    scheme: str = "light"


SHOTS = (
    Shot("list", "/"),
    Shot("table", "/?view=table&status=ready", tick(0, 1)),
    Shot("take-along", "/?status=ready&quality=normal", press("Take along"), scheme="dark"),
    Shot("job", f"/?job={job('amphora')}"),
    Shot("mesh", f"/?job={job('knot')}", press("Turn it in 3D"), scheme="dark"),
    Shot("compare", f"/?compare={job('swapped rock')}"),
    Shot("review", "/?review=1&status=ready", judge),
    Shot("quality", "/?show=quality"),
    Shot("report", f"/jobs/{job('amphora')}/report"),
    Shot("phone", f"/?job={job('toadstool')}", size=PHONE, scheme="dark"),
)
READY = {each.job_id for each in SAMPLES if each.plan.outcome is Outcome.COMPLETED}


def main() -> int:
    """Take every picture; gives the exit code."""
    if CHROMIUM is None:
        print("The pictures are taken with Chromium, which is not installed.")
        print("On Debian: sudo apt install chromium")
        return 1
    port = any_free_port()
    with running_demo(port) as demo:
        wait_for_samples(port, demo)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for shot in SHOTS:
                take(browser, port, shot)
    return 0


@contextmanager
def running_demo(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The demo in a folder of its own, ended as Ctrl-C would."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    words = ["-m", "dashboard.demo", "--folder", str(FOLDER), "--port", str(port)]
    demo = subprocess.Popen([sys.executable, *words], cwd=ROOT)
    try:
        yield demo
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait()


def wait_for_samples(port: int, demo: subprocess.Popen[bytes]) -> None:
    """Wait until all samples that become ready are; this takes minutes the first time."""
    told = -1
    while demo.poll() is None:
        found = len(READY & ready_jobs(port))
        if found != told:
            told = found
            print(f"{found} of {len(READY)} samples are ready", flush=True)
        if found == len(READY):
            return
        time.sleep(2)
    raise SystemExit("The demo ended before its samples were ready; see above.")


def ready_jobs(port: int) -> set[str]:
    try:
        url = f"http://{LOOPBACK}:{port}/jobs?status=ready&limit=200"
        with urllib.request.urlopen(url, timeout=30) as response:
            return {each["job_id"] for each in json.load(response)["jobs"]}
    except (urllib.error.URLError, TimeoutError):
        return set()


def take(browser: Browser, port: int, shot: Shot) -> None:
    """Open a page, do what the shot says, wait until it stays as it is, and keep the picture."""
    width, height = shot.size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if shot.scheme == "dark" else "light",
        timezone_id="Europe/Berlin",
    )
    context.route("**/*", only_local)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"http://{LOOPBACK}:{port}{shot.address}")
    page.get_by_role("heading", level=1).wait_for()
    settled(page)
    shot.act(page)
    picture = settled(page)
    context.close()
    content = small_png(picture)
    (DOCS / f"{shot.name}.png").write_bytes(content)
    print(f"docs/{shot.name}.png, {len(content) / 1000:.0f} kB", flush=True)


def only_local(route: Route) -> None:
    """No picture shows what a foreign host sent."""
    if urlsplit(route.request.url).hostname == LOOPBACK:
        route.continue_()
    else:
        route.abort()


def settled(page: Page) -> bytes:
    page.wait_for_load_state("networkidle")
    before = b""
    for _ in range(LOOKS):
        picture = page.screenshot()
        if picture == before:
            break
        before = picture
        time.sleep(LOOK_S)
    return before


def small_png(picture: bytes) -> bytes:
    """The picture as it is where it is small, else in the 256 colours that suit it best."""
    if len(picture) <= PICTURE_MAX_BYTES:
        return picture
    file = BytesIO()
    Image.open(BytesIO(picture)).convert("RGB").quantize(256, kmeans=4).save(
        file, "PNG", optimize=True
    )
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
