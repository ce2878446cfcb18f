"""The demo starts, refuses company, says what died, and leaves no process behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.demo import ports

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.skipif(
        not (ROOT / "streamlit_app.py").exists(), reason="needs streamlit_app.py, the dashboard"
    ),
    pytest.mark.skipif(
        not Path("/proc/self/cmdline").exists(), reason="finds processes in /proc, as on Linux"
    ),
]


class RunningDemo:
    """One demo in a session of its own, with what it has printed."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.printed = folder, folder.with_suffix(".out")
        path = os.pathsep.join([str(ROOT), str(ROOT / "packaging"), *sys.path])
        with self.printed.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dashboard.demo", "--folder", folder, "--port", str(port)],
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True, cwd=ROOT,
                env={**os.environ, "DEMO_RENDER_PX": "64", "PYTHONPATH": path},
            )  # fmt: skip

    def wait_for(self, text: str) -> str:
        while text not in self.text and self.process.poll() is None:
            time.sleep(0.1)
        assert text in self.text, self.text
        return self.text

    @property
    def text(self) -> str:
        return self.printed.read_text()

    def children(self, word: str = "") -> list[int]:
        """Every process but the runner that this demo started.

        Found by environment or directory: Valkey writes its title over its environment.
        """
        mark = f"JOB_STORAGE_PATH={self.folder / 'jobs'}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                started_here = mark in (entry / "environ").read_bytes().split(b"\0")
                started_here |= self.folder in (entry / "cwd").readlink().parents
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if started_here and word in command:
                found.append(int(entry.name))
        return found

    def ended(self) -> bool:
        return self.process.poll() is not None and not self.children()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path / "a folder", ports.any_free_port())
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait()
    for left in running.children():
        os.kill(left, signal.SIGKILL)


def test_it_starts_serves_and_ctrl_c_leaves_no_process(demo: RunningDemo):
    text = demo.wait_for("Ctrl-C ends all of it.")
    port = int(re.search(r"http://localhost:(\d+)", text).group(1))
    assert ports.is_healthy(port)
    while len(demo.children()) < 6:  # store, Valkey, worker, its two processes, dashboard
        assert demo.process.poll() is None
        time.sleep(0.1)
    second = subprocess.run(
        [sys.executable, "-m", "dashboard.demo", "--folder", demo.folder],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert f"Another demo (process {demo.process.pid})" in second.stdout
    os.killpg(demo.process.pid, signal.SIGINT)
    assert demo.process.wait() == 0
    assert demo.children() == []
    assert not ports.answers(port)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_every_way_of_ending_leaves_no_process(demo: RunningDemo, number: signal.Signals):
    demo.wait_for("Ctrl-C ends all of it.")
    demo.process.send_signal(number)
    while not demo.ended():
        time.sleep(0.1)
    assert demo.process.returncode == (-number if number == signal.SIGKILL else 0)


@pytest.mark.slow
def test_a_child_that_dies_ends_the_demo_with_its_last_words(demo: RunningDemo):
    demo.wait_for("Ctrl-C ends all of it.")
    (leader,) = [pid for pid in demo.children("streamlit") if os.getpgid(pid) == pid]
    os.kill(leader, signal.SIGTERM)
    assert demo.process.wait() == 1
    assert "The dashboard ended by itself" in demo.text
    assert demo.children() == []


@pytest.mark.slow
def test_a_taken_port_is_said_and_the_next_one_used(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = RunningDemo(tmp_path / "demo", port)
        text = demo.wait_for("Ctrl-C ends all of it.")
        os.killpg(demo.process.pid, signal.SIGINT)
        assert demo.process.wait() == 0
    assert f"Port {port} is taken" in text
    assert f"http://localhost:{port}\n" not in text
