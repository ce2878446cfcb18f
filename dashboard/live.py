"""What runs beside page and HTTP: one thread follows the records, another finds what it missed."""

import atexit
import logging
import os
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from dashboard.catalog.database import CatalogUnavailableError
from dashboard.catalog.leases import give_up_lease, hold_lease
from dashboard.catalog.verdicts import open_catalog
from dashboard.outputs import StorageUnavailableError
from dashboard.reconcile import Reconciler
from dashboard.records import Feed, StateUnavailableError, record_reader
from dashboard.settings import read_settings

log = logging.getLogger(__name__)

ROUND_S = 1.0
BREATH_S = 0.05  # between rounds while much is left to do
RETRY_S = 0.5
# A dashboard that dies is replaced after this time. A chunk of work takes less than half of it.
LEASE = timedelta(seconds=6)
RECONCILING = "reconcile"
# A process that ends waits so long for its keeper to give the task up.
END_S = 10.0
# A list waits so long for the first look around, and then shows what is there.
PATIENCE_S = 2.5
FAULTS = (CatalogUnavailableError, StorageUnavailableError, StateUnavailableError)


class Live:
    """Keeps the catalog up to date for as long as the process lives, or until closed."""

    def __init__(self, catalog_url: str, backend_url: str) -> None:
        self.database = open_catalog(catalog_url)
        self.holder = f"{socket.gethostname()[:30]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._reader = record_reader(backend_url)
        self._feed = Feed(backend_url)
        self._away = False
        self._told: set[str] = set()
        self._catalog_fault: str | None = None
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._listed, self._linked = threading.Event(), threading.Event()
        self._ask_for_all = threading.Event()
        self._hints: deque[str] = deque()
        self._began = self._looked_at = time.monotonic()
        self._is_reconciling = False
        self._ending, self._running = threading.Lock(), 2
        self._threads = [
            self._start("live-follow", self._follow),
            self._start("live-reconcile", self._reconcile),
        ]

    @property
    def backend_away(self) -> bool:
        """Tell whether Celery's records cannot be followed right now."""
        return self._away

    @property
    def catalog_fault(self) -> str | None:
        """Why the catalog does not follow what happens, though it may still be read; or None."""
        return self._catalog_fault

    @property
    def lag_s(self) -> float:
        """Seconds since the last round without a fault; another dashboard's turn is one as well."""
        return time.monotonic() - self._looked_at

    @property
    def is_reconciling(self) -> bool:
        """Tell whether it is this dashboard that finds what no push told of."""
        return self._is_reconciling

    def wait_until_listed(self) -> None:
        """Wait for the first look around, but not for long."""
        until = self._began + PATIENCE_S
        for first in (self._linked, self._listed):
            if not first.is_set():
                first.wait(max(until - time.monotonic(), 0))

    def hint(self, job_ids: Iterable[str]) -> None:
        """Say that there is news of these jobs; they are catalogued soon."""
        self._hints.extend(job_ids)
        self._wake.set()

    def close(self) -> None:
        """End both threads as soon as they notice; the last one gives back task and database."""
        self._stopping.set()
        self._wake.set()

    def join(self) -> None:
        """Wait until the task is given up, but not for long."""
        for thread in self._threads:
            thread.join(END_S)

    def _start(self, name: str, work: Callable[[Reconciler], None]) -> threading.Thread:
        thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
        thread.start()
        return thread

    def _run(self, work: Callable[[Reconciler], None]) -> None:
        """Do some work again and again, whatever becomes of it."""
        reconciler = Reconciler(self.database, self._reader)
        while not self._stopping.is_set():
            try:
                work(reconciler)
            except FAULTS as exc:
                if isinstance(exc, CatalogUnavailableError):
                    self._catalog_fault = str(exc)
                if self._is_news(exc):
                    log.warning("the catalog cannot be kept up to date: %r", exc)
            except Exception as exc:  # the last line of defence: a list that stands still is worse
                if self._is_news(exc):
                    log.exception("the catalog cannot be kept up to date")
            self._stopping.wait(RETRY_S)
        with self._ending:
            self._running -= 1
            if not self._running:
                with suppress(CatalogUnavailableError):
                    give_up_lease(self.database, RECONCILING, self.holder)
                self.database.close()

    def _follow(self, reconciler: Reconciler) -> None:
        """Follow the records for as long as the backend and the catalog take part."""
        try:
            is_new, missed = True, set[str]()
            for job_ids in self._feed.changes():
                if is_new:
                    self._connected()
                if self._stopping.is_set():
                    return
                is_new, missed = False, missed | job_ids
                if missed:
                    missed = reconciler.take(missed, is_alive=True)
        except StateUnavailableError:
            self._away = True
            raise
        finally:
            self._linked.set()

    def _connected(self) -> None:
        """Look at everything: what was stored before was not pushed to us."""
        self._away = False
        self._linked.set()
        self._ask_for_all.set()
        self._wake.set()

    def _reconcile(self, reconciler: Reconciler) -> None:
        """Look around, for as long as there is no fault."""
        try:
            while not self._stopping.is_set():
                rest_s = BREATH_S if self._round(reconciler) else ROUND_S
                self._looked_at = time.monotonic()
                self._told.clear()
                self._catalog_fault = None
                self._listed.set()
                self._wake.wait(rest_s)
                self._wake.clear()
        finally:
            self._is_reconciling = False
            self._listed.set()

    def _round(self, reconciler: Reconciler) -> bool:
        hints = {self._hints.popleft() for _ in range(len(self._hints))}
        if hints:
            reconciler.take(hints, is_alive=False)
        if self._ask_for_all.is_set():
            self._ask_for_all.clear()
            reconciler.ask_for_all()
        return self._may_go_on() and reconciler.round(self._may_go_on)

    def _may_go_on(self) -> bool:
        if self._stopping.is_set():
            return False
        now = datetime.now(UTC)
        self._is_reconciling = hold_lease(self.database, RECONCILING, self.holder, now, LEASE)
        return self._is_reconciling

    def _is_news(self, exc: Exception) -> bool:
        """Tell whether a fault is another than before: each is logged once, not every second."""
        is_news = repr(exc) not in self._told
        self._told.add(repr(exc))
        return is_news


LIVES: dict[tuple[str, ...], Live] = {}
_starting = threading.Lock()


def live() -> Live:
    """Return the process's one keeper of the catalog, started when it is first asked for."""
    settings = read_settings()
    key = (settings.catalog_url, settings.result_backend_url, str(settings.job_storage_path))
    with _starting:
        if key not in LIVES:
            LIVES[key] = Live(settings.catalog_url, settings.result_backend_url)
        return LIVES[key]


@atexit.register
def close_all() -> None:
    """Let another dashboard, or the next one, go on at once."""
    for keeper in LIVES.values():
        keeper.close()
    for keeper in LIVES.values():
        keeper.join()
