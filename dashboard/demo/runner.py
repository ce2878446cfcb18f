"""The whole demo: starts its processes, feeds the samples in, and ends everything it started."""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from dashboard.demo import ports, processes
from dashboard.demo.feeder import Feeder
from dashboard.demo.processes import Child

STEP_S = 0.4
STARTUP_S = 60
PATIENCE_S = {"Valkey": 5.0, "dashboard": 3.0, "worker": 0.0}  # a worker's job begins anew anyway
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
WORKER = [
    "celery", "-A", "dashboard.demo.pipeline", "worker", "--concurrency", "2", "--loglevel",
    "INFO", "--without-gossip", "--without-mingle",
]  # fmt: skip


class DemoError(Exception):
    """The demo cannot go on; the message is for the person who started it."""


class Demo:
    """Everything that one run has started, in the order of starting."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root
        self._children: list[Child] = []
        self._asked_to_stop = False

    def run(self, port: int) -> None:
        """Run until a signal; raises DemoError when a part of it dies."""
        for number in SIGNALS:
            signal.signal(number, self._note_signal)
        try:
            self._start_all(port)
            self._feed_until_stopped()
        finally:
            self._stop_all()

    def _note_signal(self, *_: object) -> None:
        self._asked_to_stop = True

    def _start_all(self, wanted: int) -> None:
        if find_spec("embreex") is None:  # no wheel, for example, for Linux on arm64
            raise DemoError(
                "The demo renders with embreex, which is not installed: it has no wheel for this "
                "platform. The dashboard itself runs without it: see the README's production part."
            )
        for name in ("logs", "jobs"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        store = ports.any_free_port()
        os.environ.update(_settings(self._folder, store))
        self._start("Valkey", _module("dashboard.demo.store", self._folder / "valkey", store),
                    lambda: ports.answers(store), farewell=signal.SIGTERM)  # fmt: skip
        self._feeder = Feeder()
        to_do = self._feeder.begin()
        self._start("worker", _module(*WORKER), extra=ONE_THREAD)
        port = ports.next_free_port(wanted)
        if port != wanted:
            say(f"Port {wanted} is taken, so this demo uses {port}.")
        say(f"Starting Valkey on port {store}, a Celery worker and the dashboard ...")
        self._start("dashboard", _streamlit(port), lambda: ports.is_healthy(port))
        if not self._asked_to_stop:
            say(f"Open http://localhost:{port}", *_welcome(to_do), f"Logs: {self._folder / 'logs'}")
            say("Ctrl-C ends all of it.")

    def _start(
        self, name: str, command: list[str], ready: Callable[[], bool] = lambda: True,
        farewell: int = signal.SIGKILL, extra: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        log = self._folder / "logs" / f"{name.lower()}.log"
        log.write_bytes(b"")
        environment = {**os.environ, **(extra or {})}
        os.chdir(self._root)
        self._children.append(processes.start(name, command, log, environment, farewell))
        until = time.monotonic() + STARTUP_S
        while not self._asked_to_stop and not ready():
            self._check_children()
            if time.monotonic() > until:
                raise DemoError(self._told(self._children[-1], f"is not up after {STARTUP_S} s"))
            time.sleep(0.1)

    def _feed_until_stopped(self) -> None:
        while not self._asked_to_stop:
            self._check_children()
            # A store that is gone is noticed above; one that is slow gets another chance.
            with suppress(RedisError, OperationalError):
                self._feeder.step()
            time.sleep(STEP_S)

    def _check_children(self) -> None:
        for child in self._children:
            if not child.running and not self._asked_to_stop:
                ended = f"ended by itself with code {child.process.returncode}"
                raise DemoError(self._told(child, ended))

    def _told(self, child: Child, what: str) -> str:
        lines = "\n".join(f"    {line}" for line in child.last_lines().splitlines())
        return f"The {child.name} {what}. The end of {child.log}:\n{lines}"

    def _stop_all(self) -> None:
        for number in SIGNALS:  # the end is not to be interrupted; it takes seconds
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(self._children):
            child.stop(PATIENCE_S[child.name])
        if self._asked_to_stop:
            say("Stopped. The jobs are kept for the next start.")


def _settings(folder: Path, store: int) -> dict[str, str]:
    return {
        "CELERY_BROKER_URL": f"redis://{ports.LOOPBACK}:{store}/0",
        "CELERY_RESULT_BACKEND": f"redis://{ports.LOOPBACK}:{store}/1",
        "JOB_STORAGE_PATH": str(folder / "jobs"),
        "CACHE_PATH": str(folder / "cache"),
        "RECON_DEMO": "1",
        "AUTH": "none",  # it is for one person on one machine, whatever the shell is set to
    }


def _module(*words: object) -> list[str]:
    return [sys.executable, "-m", *(str(word) for word in words)]


def _streamlit(port: int) -> list[str]:
    return _module(
        "streamlit", "run", "streamlit_app.py", "--server.port", port, "--server.address",
        ports.LOOPBACK, "--server.headless", "true", "--browser.gatherUsageStats", "false",
    )  # fmt: skip


def _welcome(to_do: int) -> list[str]:
    if not to_do:
        return ["The samples of the last run are there; a new job is always on its way."]
    return [f"{to_do} sample jobs are being made; the first is ready in seconds, all in minutes."]


def say(*lines: str) -> None:
    """Print lines, unless the terminal has gone away."""
    with suppress(OSError):
        print(*lines, sep="\n", flush=True)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; raises DemoError if another demo holds it.

    The lock is the kernel's: it goes with the process, however that ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DemoError(
                f"Another demo (process {file.read().strip()}) uses {folder}. "
                "End it first, or give this one a folder of its own with --folder."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
