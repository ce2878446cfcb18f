"""Child processes that end with us: each leads a group of its own, and is ended by group."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.05


@dataclass
class Child:
    """One started process, its name for people and its log."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def running(self) -> bool:
        """Whether its leader is alive."""
        return self.process.poll() is None

    def last_lines(self, count: int = 12) -> str:
        """The end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-count:])

    def stop(self, patience_s: float) -> None:
        """End the whole group: politely where there is patience, and in any case for good."""
        if patience_s and self.running:
            _signal_group(self.process.pid, signal.SIGTERM)
            _wait(self.process, patience_s)
        _signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()


def start(
    name: str, command: list[str], log: Path, environment: dict[str, str],
    farewell: int = signal.SIGKILL,
) -> Child:  # fmt: skip
    """Start a command in a session of its own, with its output in a log.

    `farewell` is the signal that it gets should we die without stopping it.
    """
    tether = [sys.executable, "-m", "dashboard.demo.tether", str(os.getpid()), str(int(farewell))]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*tether, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env=environment, start_new_session=True,
        )  # fmt: skip
    return Child(name, log, process)


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a dead group
        return


def _wait(process: subprocess.Popen[bytes], patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while process.poll() is None and time.monotonic() < until:
        time.sleep(POLL_S)
