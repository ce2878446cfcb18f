"""What runs beside page and HTTP: one thread follows the records, another finds what it missed."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from dashboard.catalog.database import CatalogUnavailableError
from dashboard.catalog.leases import hold_lease
from dashboard.catalog.verdicts import open_catalog
from dashboard.outputs import StorageUnavailableError
from dashboard.reconcile import Reconciler
from dashboard.records import Feed, StateUnavailableError, record_reader
from dashboard.settings import read_settings

log = logging.getLogger(__name__)

ROUND_S = 1.0
RETRY_S = 0.5
# A dashboard that dies is replaced after this time. A chunk of work takes less than half of it.
LEASE = timedelta(seconds=6)
RECONCILING = "reconcile"
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
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._listed, self._linked = threading.Event(), threading.Event()
        self._ask_for_all = threading.Event()
        self._hints: set[str] = set()
        for work in (self._follow, self._reconcile):
            threading.Thread(target=work, name=f"live-{work.__name__}", daemon=True).start()

    @property
    def backend_away(self) -> bool:
        """Tell whether Celery's records cannot be followed right now."""
        return self._away

    def wait_until_listed(self) -> None:
        """Wait for the first look around, but not for long."""
        until = time.monotonic() + PATIENCE_S
        for first in (self._linked, self._listed):
            if not first.is_set():
                first.wait(max(until - time.monotonic(), 0))

    def hint(self, job_ids: Iterable[str]) -> None:
        """Say that there is news of these jobs; they are catalogued soon."""
        self._hints.update(job_ids)
        self._wake.set()

    def close(self) -> None:
        """End both threads as soon as they notice, and give back the database."""
        self._stopping.set()
        self._wake.set()
        self.database.close()

    def _follow(self) -> None:
        reconciler = Reconciler(self.database, self._reader)
        missed: set[str] = set()
        while not self._stopping.is_set():
            try:
                for job_ids in self._feed.changes():
                    self._connected()
                    if self._stopping.is_set():
                        return
                    missed |= job_ids
                    if missed:
                        reconciler.take(missed)
                        missed = set()
            except FAULTS as exc:
                self._away = isinstance(exc, StateUnavailableError)
                self._linked.set()
                self._report(exc)
                self._stopping.wait(RETRY_S)

    def _connected(self) -> None:
        if self._away or not self._linked.is_set():
            # Whatever was stored before the subscription stood has not been pushed to us.
            self._ask_for_all.set()
            self._wake.set()
        self._away = False
        self._linked.set()

    def _reconcile(self) -> None:
        reconciler = Reconciler(self.database, self._reader)
        while not self._stopping.is_set():
            try:
                self._round(reconciler)
                self._listed.set()
                self._told.clear()
            except FAULTS as exc:
                self._report(exc)
                self._listed.set()
            self._wake.wait(ROUND_S)
            self._wake.clear()

    def _round(self, reconciler: Reconciler) -> None:
        hints, self._hints = self._hints, set()
        if hints:
            reconciler.take(hints)
        if self._ask_for_all.is_set():
            self._ask_for_all.clear()
            reconciler.ask_for_all()
        if self._may_go_on():
            reconciler.round(self._may_go_on)

    def _may_go_on(self) -> bool:
        if self._stopping.is_set():
            return False
        return hold_lease(self.database, RECONCILING, self.holder, datetime.now(UTC), LEASE)

    def _report(self, exc: Exception) -> None:
        """Log a fault once, not every second."""
        told = f"{type(exc).__name__}: {exc}"
        if told not in self._told:
            self._told.add(told)
            log.warning("the catalog cannot be kept up to date: %s", told)


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
