"""Twenty clients that leave after 0.3 s, and five that never read: within 2 s all slots are free,
and once they have left there is no descriptor, thread or temporary file of theirs, and their memory
is given back.
"""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from http.client import HTTPConnection

import pytest

from benchmarks.served import Served

SLACK_S = 2.0
# What the allocator may keep for the next time; one archive of these alone has as much.
KEPT_MB = 60
# Threads that wait for the next request; a thread for each client would be more.
POOL = 16
JOBS = ("one", "two", "three", "streamed")


@pytest.fixture(
    scope="module", params=["2048", pytest.param("0", marks=pytest.mark.slow)], ids=["cache", "no"]
)
def dashboard(request: pytest.FixtureRequest, serve: Callable[..., Served]) -> Served:
    served = serve(ZIP_CACHE_MB=request.param, MAX_ZIP_IN_MEMORY_MB="30")
    for name in JOBS:
        served.put_ready_job(name, 40 if name == "streamed" else 20)
    for name in ("free1", "free2"):
        served.put_ready_job(name, 1)
    return served


def download(served: Served, job_id: str) -> int:
    connection = HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.request("GET", f"/jobs/{job_id}/download")
    with connection.getresponse() as answer:
        answer.read()
    connection.close()
    return answer.status


def ask(served: Served, job_id: str) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    client.connect(("127.0.0.1", served.port))
    client.sendall(b"GET /jobs/%s/download HTTP/1.1\r\nHost: here\r\n\r\n" % job_id.encode())
    return client


def seconds_until(is_so: Callable[[], object]) -> float:
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < 30
        time.sleep(0.05)
    return time.monotonic() - began


def unfinished(served: Served) -> list[str]:
    """Files in the cache that are no whole archives, and those that are open without a name."""
    names = [path.name for path in (served.folder / "cache").rglob("*.part")]
    return names + [name for name in served.open_files() if "(deleted)" in name]


def descriptors(served: Served) -> int:
    """All but the catalog's: of those SQLite keeps some for its next connections."""
    return sum("catalog.sqlite3" not in name for name in served.open_files())


def test_nothing_is_left_of_clients_that_went_or_never_read(dashboard: Served) -> None:
    meet_them(dashboard)  # threads and connections that are kept are there from now on
    before = (descriptors(dashboard), dashboard.threads, dashboard.memory_mb)
    meet_them(dashboard)
    seconds_until(lambda: descriptors(dashboard) <= before[0] + 4)
    seconds_until(lambda: dashboard.threads <= before[1] + POOL)
    seconds_until(lambda: dashboard.memory_mb <= before[2] + KEPT_MB)


def meet_them(served: Served) -> None:
    served.pack_anew(*JOBS)
    with ExitStack() as clients:
        for number in range(20):
            clients.enter_context(ask(served, JOBS[number % 4]))
        time.sleep(0.3)
    assert seconds_until(lambda: are_slots_free(served)) < 2 + SLACK_S
    served.pack_anew(*JOBS)
    with ExitStack() as clients:
        for number in range(5):
            clients.enter_context(ask(served, JOBS[number % 4]))
        time.sleep(0.3)
        if is_cached(served):  # else they keep what is packed for them, for a minute at most
            assert seconds_until(lambda: are_slots_free(served)) < 2 + SLACK_S
    assert seconds_until(lambda: are_slots_free(served)) < 2 + SLACK_S
    seconds_until(lambda: served.connections == 0)
    seconds_until(lambda: unfinished(served) == [])


def are_slots_free(served: Served) -> bool:
    served.pack_anew("free1", "free2")
    with ThreadPoolExecutor(2) as threads:
        return set(threads.map(partial(download, served), ("free1", "free2"))) == {200}


def is_cached(served: Served) -> bool:
    return any((served.folder / "cache").rglob("*.zip"))
