"""The one module that talks to Redis: Celery's records, read in bulk, never waiting for long."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from dashboard.celery_record import (
    NO_RECORD,
    CeleryRecord,
    RecordFault,
    UnreadableRecordError,
    parse_record,
)
from dashboard.job_ids import is_job_id

log = logging.getLogger(__name__)

KEY_PREFIX = "celery-task-meta-"
SOCKET_TIMEOUT_S = 1.0
# A server that drips bytes never runs into a socket's timeout: the whole call has one too.
DEADLINE_S = 1.5
BREAKER_OPEN_S = 2.0
SCAN_COUNT = 2000
MGET_KEYS = 2000
FINISHED_MAX = 200_000

Answer = TypeVar("Answer")
Records = Mapping[str, CeleryRecord | RecordFault]


class StateUnavailableError(Exception):
    """The result backend did not answer in time, or did so a moment ago."""


class RecordReader:
    """Reads records from one result backend; safe to share between threads.

    After a failure every call fails at once for BREAKER_OPEN_S. Records of finished jobs that
    were seen once are remembered, and stand in while the backend is away.
    """

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            # One more try for a pooled connection that a restart has cut; none for a time-out.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        # Apart, so that lists, which take longer, never keep the state of one job waiting.
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="records")
        self._list_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="lists")
        self._open_until = 0.0
        self._finished: dict[str, CeleryRecord] = {}
        self._lock = threading.Lock()

    def read(self, job_ids: Iterable[str]) -> Records:
        """Read the records of these jobs in one MGET; a fault takes a record's place."""
        wanted = list(job_ids)
        try:
            raw = self._within_deadline(self._threads, lambda: self._fetch(wanted))
        except StateUnavailableError:
            return {
                job_id: self._finished.get(job_id, RecordFault.UNAVAILABLE) for job_id in wanted
            }
        return self._parse(raw)

    def read_all(self, job_ids: Iterable[str]) -> Records:
        """Read the records of these jobs and of every other job that has one."""
        wanted = set(job_ids)
        try:
            raw = self._within_deadline(
                self._list_threads, lambda: self._fetch(list(wanted | self._scan()))
            )
        except StateUnavailableError:
            every = wanted | self._finished.keys()
            return {job_id: self._finished.get(job_id, RecordFault.UNAVAILABLE) for job_id in every}
        return self._parse(raw)

    @property
    def is_away(self) -> bool:
        """Tell whether the backend failed a moment ago."""
        return time.monotonic() < self._open_until

    def ping(self) -> None:
        """Raise StateUnavailableError unless the backend answers."""
        self._within_deadline(self._threads, self._redis.ping)

    def close(self) -> None:
        """Give back threads and connections."""
        self._redis.connection_pool.disconnect(inuse_connections=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._list_threads.shutdown(wait=False, cancel_futures=True)

    def _scan(self) -> set[str]:
        keys = self._redis.scan_iter(match=f"{KEY_PREFIX}*", count=SCAN_COUNT)
        names = (key.decode("utf-8", "replace").removeprefix(KEY_PREFIX) for key in keys)
        return {name for name in names if is_job_id(name)}

    def _fetch(self, job_ids: list[str]) -> dict[str, bytes | None]:
        found: dict[str, bytes | None] = {}
        for start in range(0, len(job_ids), MGET_KEYS):
            part = job_ids[start : start + MGET_KEYS]
            values = self._redis.mget([KEY_PREFIX + job_id for job_id in part])
            found |= cast("dict[str, bytes | None]", dict(zip(part, values, strict=True)))
        return found

    def _parse(self, raw: Mapping[str, bytes | None]) -> Records:
        records: dict[str, CeleryRecord | RecordFault] = {}
        for job_id, value in raw.items():
            try:
                records[job_id] = record = parse_record(value)
            except UnreadableRecordError as exc:
                log.warning("record of job %s cannot be read: %s", job_id, exc)
                records[job_id] = RecordFault.UNREADABLE
                continue
            self._remember(job_id, record)
        return records

    def _remember(self, job_id: str, record: CeleryRecord) -> None:
        """Keep how a job ended; an id that runs again has not ended, one without record has."""
        with self._lock:
            if record.is_final:
                self._finished[job_id] = record
            elif record is not NO_RECORD:
                self._finished.pop(job_id, None)
            if len(self._finished) > FINISHED_MAX:
                self._finished.pop(next(iter(self._finished)))

    def _within_deadline(self, threads: ThreadPoolExecutor, call: Callable[[], Answer]) -> Answer:
        if self.is_away:
            raise StateUnavailableError("the backend failed a moment ago")
        future = threads.submit(call)
        try:
            return future.result(timeout=DEADLINE_S)
        except Exception as exc:  # a broken or foreign server makes redis-py raise anything
            if not future.cancel():  # a call that never began says nothing about the backend
                self._trip(exc)
            raise StateUnavailableError(type(exc).__name__) from exc

    def _trip(self, cause: Exception) -> None:
        """Answer at once for a while, and cut what still waits for a hung server."""
        if not self.is_away:
            log.warning("result backend does not answer: %s", type(cause).__name__)
        self._open_until = time.monotonic() + BREAKER_OPEN_S
        self._redis.connection_pool.disconnect(inuse_connections=True)


READERS: dict[str, RecordReader] = {}


def record_reader(url: str) -> RecordReader:
    """Return the process's one reader for this result backend."""
    return READERS.get(url) or READERS.setdefault(url, RecordReader(url))
