"""Chromium with pages of the dashboard open, each in a context of its own."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
PATIENCE_MS = 300_000  # eight pages at once keep two cores busy for a while
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@contextmanager
def open_pages(url: str, count: int, job_id: str) -> Iterator[None]:
    """Keep lists and pages of one job open, in turn; they poll by themselves."""
    opened, done = threading.Event(), threading.Event()
    faults: list[Exception] = []

    def keep() -> None:
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                pages = [browser.new_context().new_page() for _ in range(count)]
                for number, page in enumerate(pages):
                    address = f"{url}/?job={job_id}" if number % 2 else url
                    page.goto(address, wait_until="commit")  # they load beside one another
                for page in pages:
                    page.get_by_role("heading", level=1).wait_for(timeout=PATIENCE_MS)
                opened.set()
                while not done.is_set():
                    pages[0].wait_for_timeout(100)
                browser.close()
        except Exception as exc:  # noqa: BLE001  told by who waits
            faults.append(exc)
        finally:
            opened.set()

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        opened.wait()
        if faults:
            raise faults[0]
        yield
    finally:
        done.set()
        thread.join()
