"""Put load on a dashboard of its own, over loopback, and print what users of it would notice.

`make load`, or `python -m benchmarks.load --soak-minutes 60`. Linux only. The limits are what the
project promises on two cores: what exceeds one is marked, and makes the exit code 1.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.browsers import open_pages
from benchmarks.served import Served
from result_packager import create_result_zip

BROWSERS, DOWNLOADS, AT_ONCE = 8, 40, 8
HEALTH_EVERY_S = 0.02
PROGRESS_EVERY_S = 2.0


@dataclass
class Answer:
    """What came, and when: `first_s` is the time until the head was there."""

    status: int
    headers: dict[str, str]
    digest: str
    size_bytes: int
    first_s: float


def ask(served: Served, path: str, ready: Callable[[], object] = lambda: None) -> Answer:
    """Send a request over a connection of its own, when all others are `ready` too."""
    connection = HTTPConnection("127.0.0.1", served.port, timeout=120)
    connection.connect()
    ready()
    began = time.perf_counter()
    connection.request("GET", path)
    with connection.getresponse() as response:
        first_s, digest, size_bytes = time.perf_counter() - began, sha256(), 0
        while piece := response.read(1 << 20):
            digest.update(piece)
            size_bytes += len(piece)
        headers = {name.lower(): value for name, value in response.getheaders()}
    connection.close()
    return Answer(response.status, headers, digest.hexdigest(), size_bytes, first_s)


def meet_the_limit(served: Served, megabytes: int, requests: int = 8) -> list[Answer]:
    """Ask for so many archives at once that none of has been packed before."""
    names = [f"limit{number}" for number in range(requests)]
    for name in names:
        served.put_ready_job(name, megabytes)
    together = threading.Barrier(requests)
    with ThreadPoolExecutor(requests) as threads:
        paths = [f"/jobs/{name}/download" for name in names]
        answers = list(threads.map(lambda path: ask(served, path, together.wait), paths))
    for name in names:
        served.remove_job(name)
    return answers


@dataclass
class Downloads:
    """How forty downloads went, and what others noticed meanwhile."""

    are_whole: list[bool] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)
    health_s: list[float] = field(default_factory=list)

    @property
    def health_p99_s(self) -> float:
        return sorted(self.health_s)[int(len(self.health_s) * 0.99)]


def download_many(served: Served, megabytes: int, downloads: int = DOWNLOADS) -> Downloads:
    """Download jobs that are packed first and kept then; 503 is obeyed as scripts do."""
    names = [f"many{number}" for number in range(AT_ONCE)]
    for name in names:
        served.put_ready_job(name, megabytes)
    wanted = {}
    for name in names:
        packed = create_result_zip(name, served.storage / name / "output").getvalue()
        wanted[name] = sha256(packed).hexdigest()
    found = Downloads()

    def one(number: int) -> None:
        name, began = names[number % len(names)], time.perf_counter()
        while (answer := ask(served, f"/jobs/{name}/download")).status == 503:
            time.sleep(int(answer.headers["retry-after"]))
        found.are_whole.append(answer.status == 200 and answer.digest == wanted[name])
        found.took_s.append(time.perf_counter() - began)

    with health_watched(served, found.health_s), ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(one, range(downloads)))
    for name in names:
        served.remove_job(name)
    return found


@contextmanager
def health_watched(served: Served, took_s: list[float]) -> Iterator[None]:
    """Ask again and again whether the server is there, and note how long each answer takes.

    By a process of its own: who downloads in this one would keep it from looking at the clock.
    """
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_watch_health, args=(served.port, theirs))
    process.start()
    theirs.close()
    ours.recv()
    try:
        yield
    finally:
        ours.send("done")
        took_s.extend(ours.recv())
        process.join()


def _watch_health(port: int, asked: Connection) -> None:
    took_s, connection = [], HTTPConnection("127.0.0.1", port, timeout=60)
    asked.send("ready")
    while not asked.poll(HEALTH_EVERY_S):
        began = time.perf_counter()
        connection.request("GET", "/_stcore/health")
        connection.getresponse().read()
        took_s.append(time.perf_counter() - began)
    connection.close()
    asked.send(took_s)


@contextmanager
def jobs_moving(served: Served) -> Iterator[None]:
    """Let a job make progress, so that every open page has something to follow."""
    done = threading.Event()

    def move() -> None:
        percent = 0
        while not done.wait(PROGRESS_EVERY_S):
            percent = (percent + 1) % 100
            served.put_record("moving", "PROGRESS", {"progress": percent, "step": "Texturing"})

    served.put_record("moving", "STARTED")
    thread = threading.Thread(target=move)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def memory_per_download(served: Served, megabytes: int, at_once: int = 2) -> float:
    """How many times its ZIP a download takes that is packed in memory; the cache must be off."""
    names = [f"memory{number}" for number in range(at_once)]
    for name in names:
        served.put_ready_job(name, megabytes)
    ask(served, f"/jobs/{names[0]}/download")  # what is needed once, there is
    time.sleep(1)
    served.forget_peak_memory()
    before = served.memory_mb
    with ThreadPoolExecutor(at_once) as threads:
        answers = list(threads.map(partial(ask, served), [f"/jobs/{n}/download" for n in names]))
    grown_mb = served.peak_memory_mb - before
    for name in names:
        served.remove_job(name)
    return grown_mb / (sum(answer.size_bytes for answer in answers) / (1 << 20))


@dataclass(frozen=True)
class Sample:
    """What the server takes of the machine at one moment."""

    memory_mb: float
    descriptors: int
    connections: int
    threads: int


def soak(served: Served, seconds: float, kept: int = 20) -> list[Sample]:
    """Let jobs come, be listed, downloaded and go; look at the server after each of them."""
    samples, until, number = [], time.monotonic() + seconds, 0
    there: deque[str] = deque()
    while time.monotonic() < until:
        name, number = f"soak{number}", number + 1
        served.put_record(name, "STARTED")
        served.put_ready_job(name, 1)
        there.append(name)
        for path in (f"/jobs/{name}/download", "/jobs", f"/jobs/{name}", f"/jobs/{there[0]}"):
            ask(served, path)
        if len(there) > kept:
            served.remove_job(there.popleft())
        samples.append(
            Sample(served.memory_mb, served.descriptors, served.redis_connections, served.threads)
        )
        time.sleep(0.05)
    for name in there:
        served.remove_job(name)
    return samples


def growth(samples: list[Sample], name: str) -> float:
    """By how much the median of the last quarter exceeds that of the second."""
    quarter = len(samples) // 4
    values = [getattr(sample, name) for sample in samples]
    return statistics.median(values[-quarter:]) - statistics.median(values[quarter : 2 * quarter])


class Report:
    """Prints figures beside their limits."""

    def __init__(self) -> None:
        self.is_kept = True

    def line(self, name: str, value: float, limit: float, unit: str) -> None:
        is_kept = value <= limit
        self.is_kept &= is_kept
        verdict = "" if is_kept else "  EXCEEDED"
        print(f"{name:52} {value:8.3f} {unit:3}  (limit {limit:g}){verdict}", flush=True)


def report_load(served: Served, report: Report, megabytes: int, *, with_browsers: bool) -> None:
    answers = meet_the_limit(served, megabytes)
    refused = [answer for answer in answers if answer.status == 503]
    built = sum(answer.status == 200 for answer in answers)
    told = sum("retry-after" in answer.headers for answer in refused)
    print(f"8 archives at once: {built} built, {len(refused)} BUSY, {told} with Retry-After")
    report.line("BUSY is told within", max((r.first_s for r in refused), default=9), 0.1, "s")
    pages = open_pages(served.url, BROWSERS, "moving") if with_browsers else nullcontext()
    print(f"opening {BROWSERS} browsers" if with_browsers else "no browsers", flush=True)
    with pages, jobs_moving(served):
        found = download_many(served, megabytes)
    print(f"{sum(found.are_whole)} of {DOWNLOADS} downloads were whole")
    report.line("downloads that were not whole", found.are_whole.count(False), 0, "")
    report.line("health meanwhile, p99", found.health_p99_s, 0.15, "s")
    slowest, typical = max(found.health_s), statistics.median(found.took_s)
    print(f"its slowest took {slowest:.3f} s; a download took {typical:.2f} s in the median")


def report_soak(served: Served, report: Report, minutes: float) -> None:
    samples = soak(served, minutes * 60)
    last = samples[-1]
    print(f"soak of {minutes:g} minutes, {len(samples)} jobs came and went; in the end {last}")
    for name, limit in {"memory_mb": 20, "descriptors": 3, "connections": 3, "threads": 3}.items():
        report.line(f"growth of {name}", growth(samples, name), limit, "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--soak-minutes", type=float, default=10)
    parser.add_argument("--megabytes", type=int, default=60, help="of each job")
    parser.add_argument("--no-browsers", action="store_true", help="where there is no Chromium")
    asked, report = parser.parse_args(), Report()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        cached = Served(Path(folder) / "cached")
        stack.callback(cached.close)
        report_load(cached, report, asked.megabytes, with_browsers=not asked.no_browsers)
        report_soak(cached, report, asked.soak_minutes)
        uncached = Served(Path(folder) / "uncached", ZIP_CACHE_MB="0")
        stack.callback(uncached.close)
        times = memory_per_download(uncached, asked.megabytes)
        report.line("memory of a download in memory, times its ZIP", times, 1.3, "x")
    raise SystemExit(not report.is_kept)


if __name__ == "__main__":
    main()
