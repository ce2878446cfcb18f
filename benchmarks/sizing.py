"""Measure what one dashboard takes: memory when idle, for each open tab and each build.

Tabs are websockets that behave as a browser's: they follow the page's own polling. Linux only. Run
it with `python -m benchmarks.sizing --tabs 20`.
"""

import argparse
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from benchmarks.delivery import make_job
from benchmarks.served import Served

JOBS = 500
SETTLE_S = 8.0
WATCH_S = 10.0


def say(what: str, figure: str) -> None:
    print(f"{what:58} {figure}")


def get(server: Served, path: str) -> bytes:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=600)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read()


def cpu_s(server: Served) -> float:
    stat = Path(f"/proc/{server.process.pid}/stat").read_text()
    fields = stat.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cores_used(server: Served) -> float:
    before, began = cpu_s(server), time.monotonic()
    time.sleep(WATCH_S)
    return (cpu_s(server) - before) / (time.monotonic() - began)


@contextmanager
def open_tab(server: Served, query: str) -> Iterator[None]:
    """Open the page as a browser does, and poll whenever it asks for it."""
    url = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    with connect(url, max_size=None, ping_interval=None, open_timeout=120, close_timeout=1) as tab:
        tab.send(BackMsg(rerun_script={"query_string": query}).SerializeToString())
        threading.Thread(target=follow, args=(tab, query), daemon=True).start()
        yield


def follow(tab: ClientConnection, query: str) -> None:
    polled: dict[str, tuple[float, float]] = {}
    try:
        while True:
            now = time.monotonic()
            for fragment, (every_s, due) in polled.items():
                if due <= now:
                    asked = {
                        "query_string": query,
                        "fragment_id": fragment,
                        "is_auto_rerun": True,
                    }
                    tab.send(BackMsg(rerun_script=asked).SerializeToString())
                    polled[fragment] = (every_s, now + every_s)
            try:
                message = ForwardMsg()
                message.ParseFromString(bytes(tab.recv(timeout=0.1)))
            except TimeoutError:
                continue
            if message.WhichOneof("type") == "auto_rerun":
                every = message.auto_rerun
                polled[every.fragment_id] = (every.interval, time.monotonic() + every.interval)
    except ConnectionClosed:
        return


def measure_tabs(server: Served, count: int) -> None:
    for name, query in (("the list", ""), ("a job's page", "job=heavy0")):
        with open_tab(server, query):
            time.sleep(SETTLE_S)  # what the first visit loads is not the tab's
        before = server.memory_mb
        with ExitStack() as tabs:
            for _ in range(count):
                tabs.enter_context(open_tab(server, query))
            time.sleep(SETTLE_S)
            grown, cores = server.memory_mb - before, cores_used(server)
        say(f"each of {count} tabs on {name}", f"{grown / count:.1f} MB, {cores / count:.2%} core")
        time.sleep(SETTLE_S)
        say("  after they are closed", f"{server.memory_mb:.0f} MB")


def measure_builds(server: Served) -> None:
    for what, count in (("one build of a heavy job", 1), ("two at once", 2), ("from the cache", 2)):
        server.forget_peak_memory()
        before, began = server.memory_mb, time.monotonic()
        threads = [
            threading.Thread(target=get, args=(server, f"/jobs/heavy{number}/download"))
            for number in (range(count - 1, 2 * count - 1) if what != "from the cache" else (1, 2))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took, grown = time.monotonic() - began, server.peak_memory_mb - before
        say(what, f"{grown:.0f} MB above, {took:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tabs", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        server = Served(Path(name))
        try:
            make_jobs(server)
            time.sleep(SETTLE_S)
            say(f"idle, {JOBS} jobs", f"{server.memory_mb:.0f} MB, {cores_used(server):.1%} core")
            measure_builds(server)
            measure_tabs(server, options.tabs)
        finally:
            server.close()


def make_jobs(server: Served) -> None:
    """Three heavy jobs, and many of which only the records are left."""
    first = server.storage / "heavy0"
    make_job(first / "output" / "reconviagen")
    for number in range(1, 3):
        shutil.copytree(first, server.storage / f"heavy{number}")
    done = b'{"status": "SUCCESS", "result": {"status": "completed"}}'
    names = [f"job{number}" for number in range(JOBS)] + ["heavy0", "heavy1", "heavy2"]
    server.records.mset({f"celery-task-meta-{job_id}": done for job_id in names})


if __name__ == "__main__":
    main()
