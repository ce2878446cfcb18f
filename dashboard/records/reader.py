"""Celery's records, read in bulk, never waiting for long."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from dashboard.celery_record import (
    RECORD_MAX_BYTES,
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
FEW_JOBS = 50
# The size of a list, a hash or whatever else is no text.
NO_TEXT = -1

Answer = TypeVar("Answer")
Raw = dict[str, bytes | int | None]
Records = Mapping[str, CeleryRecord | RecordFault]


class StateUnavailableError(Exception):
    """The result backend did not answer in time, or did so a moment ago."""


class RecordReader:
    """Reads records from one result backend; safe to share between threads.

    After a failure every call fails at once for BREAKER_OPEN_S.
    """

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            # One more try for a pooled connection that a restart has cut; none for a time-out.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        # Apart, so that bulk work, which takes longer, never keeps the state of one job waiting.
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="records")
        self._bulk_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="bulk")
        self._open_until = 0.0

    def read(self, job_ids: Iterable[str]) -> Records:
        """Read the records of these jobs; a fault takes a record's place.

        Many jobs are asked for in several parts: each has the deadline for itself.
        """
        wanted = list(job_ids)
        records: dict[str, CeleryRecord | RecordFault] = {}
        for start in range(0, len(wanted), MGET_KEYS):
            part = wanted[start : start + MGET_KEYS]
            # One request at a time shares its threads; bulk work must not keep it waiting.
            threads = self._threads if len(wanted) <= FEW_JOBS else self._bulk_threads
            try:
                raw = self._within_deadline(threads, partial(self._fetch, part))
            except StateUnavailableError:
                records |= dict.fromkeys(part, RecordFault.UNAVAILABLE)
            else:
                records |= _parse(raw)
        return records

    def job_ids(self) -> Iterator[set[str]]:
        """Walk through the ids of all jobs that have a record, some at a time, some twice.

        Raises StateUnavailableError.
        """
        cursor = 0
        while True:
            call = partial(self._redis.scan, cursor, f"{KEY_PREFIX}*", SCAN_COUNT)
            cursor, keys = self._within_deadline(self._bulk_threads, call)
            names = (cast("bytes", key).decode("utf-8", "replace") for key in keys)
            found = (name.removeprefix(KEY_PREFIX) for name in names)
            yield {name for name in found if is_job_id(name)}
            if cursor == 0:
                return

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
        self._bulk_threads.shutdown(wait=False, cancel_futures=True)

    def _fetch(self, job_ids: list[str]) -> Raw:
        """Ask for sizes first: what is too large to be a record would take all the time there is.

        A size in place of a record tells that there is none of a kind that could be read.
        """
        sizes = self._sizes(job_ids)
        wanted = [job_id for job_id, size in sizes.items() if 0 <= size <= RECORD_MAX_BYTES]
        if not wanted:
            return dict(sizes)
        values = self._redis.mget([KEY_PREFIX + job_id for job_id in wanted])
        return dict(sizes) | dict(zip(wanted, cast("list[bytes | None]", values), strict=True))

    def _sizes(self, job_ids: list[str]) -> dict[str, int]:
        """The bytes of each record; 0 where there is none, NO_TEXT where it is something else."""
        with self._redis.pipeline(transaction=False) as asked:
            for job_id in job_ids:
                asked.strlen(KEY_PREFIX + job_id)
            answers = asked.execute(raise_on_error=False)
        return dict(zip(job_ids, map(_size, answers), strict=True))

    def _within_deadline(self, threads: ThreadPoolExecutor, call: Callable[[], Answer]) -> Answer:
        if self.is_away:
            raise StateUnavailableError("the backend failed a moment ago")
        try:
            future = threads.submit(call)
        except RuntimeError as exc:
            raise StateUnavailableError("the reader is closed") from exc
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


def _size(answer: object) -> int:
    if isinstance(answer, redis.ResponseError) and str(answer).startswith("WRONGTYPE"):
        return NO_TEXT
    if isinstance(answer, Exception):
        raise answer
    if not isinstance(answer, int):
        raise redis.InvalidResponse("this is no size")
    return answer


def _parse(raw: Raw) -> dict[str, CeleryRecord | RecordFault]:
    records: dict[str, CeleryRecord | RecordFault] = {}
    for job_id, value in raw.items():
        try:
            records[job_id] = _parse_one(value)
        except UnreadableRecordError as exc:
            log.warning("record of job %s cannot be read: %s", job_id, exc)
            records[job_id] = RecordFault.UNREADABLE
    return records


def _parse_one(value: bytes | int | None) -> CeleryRecord:
    if isinstance(value, int):
        told = "no text" if value == NO_TEXT else f"{value} bytes"
        raise UnreadableRecordError(told)
    return parse_record(value)


READERS: dict[str, RecordReader] = {}


def record_reader(url: str) -> RecordReader:
    """Return the process's one reader for this result backend."""
    return READERS.get(url) or READERS.setdefault(url, RecordReader(url))
