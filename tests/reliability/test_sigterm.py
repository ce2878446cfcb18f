"""SIGTERM during a download: what can be finished within the grace period is, and the rest breaks
visibly. The exit code is 0, the next dashboard goes on at once, and no process is left behind.
"""

import hashlib
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path

from benchmarks.served import Served
from dashboard.api.server import GRACE_S

JOB_MB = 30


def test_a_download_is_finished_or_broken_off_visibly(
    serve: Callable[..., Served], until: Callable[..., None]
) -> None:
    served = serve()
    served.put_ready_job("large", JOB_MB)
    until(lambda: holds_task(served))
    whole = begin(served, "/jobs/large/download")
    length = int(whole.headers["content-length"])
    part = begin(served, "/jobs/large/download")
    served.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    time.sleep(0.3)
    assert is_refused(served.port)
    content = whole.read()
    assert len(content) == length
    assert hashlib.sha256(content).hexdigest() == kept_digest(served)

    assert served.process.wait(GRACE_S + 20) == 0
    assert time.monotonic() - began > GRACE_S - 1  # it waited for the other one
    rest = b""
    with part, suppress(IncompleteRead, ConnectionError):
        rest = part.read()
    assert len(rest) < length
    assert not holds_task(served)


def begin(served: Served, path: str):
    """Ask, and read no more than the head: what is on its way is more than any buffer holds."""
    connection = HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.request("GET", path, headers={"Connection": "close"})  # then the answer owns it
    return connection.getresponse()


def is_refused(port: int) -> bool:
    with socket.socket() as other:
        return other.connect_ex(("127.0.0.1", port)) != 0


def kept_digest(served: Served) -> str:
    [kept] = (served.folder / "cache" / "zips").glob("*.zip")
    return hashlib.sha256(kept.read_bytes()).hexdigest()


def holds_task(served: Served) -> bool:
    """Whether the catalog is kept up to date by somebody: another dashboard would have to wait."""
    with sqlite3.connect(f"{served.storage}.catalog.sqlite3") as connection:
        found = connection.execute("SELECT count(*) FROM leases").fetchone()[0]
    connection.close()
    return bool(found)


LEAVE = """
import sys, threading
from dashboard.mesh_process import RUNNING, run_on_mesh

def work():
    with open(sys.executable, "rb") as mesh:
        sleep = ("-n1", "-r1", "import time; time.sleep(100)")
        run_on_mesh("timeit", *sleep, mesh=mesh, timeout_s=100)

threading.Thread(target=work, daemon=True).start()
while not RUNNING:
    threading.Event().wait(0.01)
print(next(iter(RUNNING)).pid)
"""


def test_a_program_that_works_on_a_mesh_ends_with_the_server(until: Callable[..., None]) -> None:
    told = subprocess.run(
        [sys.executable, "-c", LEAVE], capture_output=True, text=True, check=True, timeout=60
    )
    until(lambda: not is_alive(int(told.stdout)))


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
