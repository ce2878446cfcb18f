"""Archives in the making: each is built once and at full speed, whoever waits for it."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from time import perf_counter
from typing import TypeVar

from anyio import CapacityLimiter

from dashboard.api.threads import run
from dashboard.metrics import BUILD_SECONDS
from dashboard.outputs import output_directory
from dashboard.settings import read_settings
from dashboard.zip_cache import NewArchive, archive_key
from result_packager import ResultsChangedError, ResultStream, stream_result_zip

log = logging.getLogger(__name__)

# Packing keeps every core busy: more at once would only make each of them slower.
SLOTS = CapacityLimiter(read_settings().max_builds)
# The slots limit builds; their threads need no limit of their own.
THREADS = CapacityLimiter(math.inf)
# A wake-up for each chunk would cost more than it brings.
WAKE_BYTES = 1 << 20

Built = TypeVar("Built")


class AbandonedError(Exception):
    """Nobody waits for the archive any more."""


@contextmanager
def build_slot() -> Iterator[None]:
    """Hold one of the slots for builds. Raises anyio.WouldBlock at once if all are taken."""
    slot = object()
    SLOTS.acquire_on_behalf_of_nowait(slot)
    try:
        yield
    finally:
        SLOTS.release_on_behalf_of(slot)


@asynccontextmanager
async def awaited_slot() -> AsyncIterator[None]:
    """Hold a slot as soon as one is free, for an answer that has already begun."""
    slot = object()
    await SLOTS.acquire_on_behalf_of(slot)
    try:
        yield
    finally:
        SLOTS.release_on_behalf_of(slot)


def timed(build: Callable[[], Built]) -> Built:
    """Build, and note how long it took and how it ended."""
    began, outcome = perf_counter(), "failed"
    try:
        built = build()
        outcome = "ok"
    except AbandonedError:
        outcome = "abandoned"
        raise
    finally:
        BUILD_SECONDS.labels(outcome).observe(perf_counter() - began)
    return built


def open_stream(job_id: str, key: str) -> ResultStream:
    """Open the stream of this very archive.

    Raises the packager's refusals, ResultsChangedError also if the files are others by now.
    """
    stream = stream_result_zip(job_id, output_directory(job_id))
    if archive_key(job_id)[0] != key:
        stream.close()
        raise ResultsChangedError(f"the files of job {job_id} are not those that were asked for")
    return stream


class Build:
    """One archive on its way into the cache; all but `_fill` and `_write` run on the event loop."""

    def __init__(self, job_id: str, key: str, expected_bytes: int) -> None:
        self.job_id, self.key, self.expected_bytes = job_id, key, expected_bytes
        self.is_done = False
        self.failure: Exception | None = None
        self._archive: NewArchive | None = None
        self._waiting, self._abandoned = 0, False
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to build. Raises anyio.WouldBlock if all slots are taken."""
        with ExitStack() as stack:
            stack.enter_context(build_slot())
            self._task = self._loop.create_task(self._make(stack.pop_all()))

    @property
    def lost_cache(self) -> bool:
        """Tell whether it was the cache that failed, or the build's being left, and not the job."""
        return isinstance(self.failure, OSError | AbandonedError)

    def read(self, offset: int, length: int) -> bytes:
        """Read of what is written so far; for who waits for the build, once bytes come."""
        if self._archive is None:
            raise ValueError("nothing is written yet")
        return self._archive.read(offset, length)

    def next_news(self) -> asyncio.Event:
        """What is set when the build has begun, has written more, or is done.

        Take it before looking at the build, or what comes between the two is missed.
        """
        return self._news

    async def until_begun(self) -> None:
        """Wait until bytes come, or none will."""
        while self._archive is None and not self.is_done:
            await self.next_news().wait()

    async def until_done(self) -> None:
        while not self.is_done:
            await self.next_news().wait()

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Keep the build going: it ends early when nobody waits for it any more."""
        self._waiting, self._abandoned = self._waiting + 1, False
        try:
            yield
        finally:
            self._waiting -= 1
            self._abandoned = self._waiting == 0
            self._close_if_unused()

    async def _make(self, slot: ExitStack) -> None:
        try:
            with slot:
                await run(timed, self._fill, limiter=THREADS)
        except Exception as exc:  # noqa: BLE001  who waits for the build decides what it means
            log.info("packing job %s ended early: %r", self.job_id, exc)
            self.failure = exc
        finally:
            BUILDS.pop(self.key, None)
            self.is_done = True
            self._tell()
        with self.awaited(), suppress(OSError):
            if self._archive is not None and self.failure is None:
                await run(self._archive.flush, limiter=THREADS)

    def _fill(self) -> None:
        with closing(open_stream(self.job_id, self.key)) as stream:
            archive = NewArchive(self.key, self.expected_bytes)
            self._archive = archive
            try:
                self._write(stream, archive)
                archive.finish()
            except BaseException:
                archive.discard()
                raise

    def _write(self, stream: ResultStream, archive: NewArchive) -> None:
        written, told = 0, -WAKE_BYTES  # the first chunk is told at once
        for chunk in stream:
            if self._abandoned:
                raise AbandonedError(self.job_id)
            archive.write(chunk)
            written += len(chunk)
            if written - told >= WAKE_BYTES:
                told = written
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _close_if_unused(self) -> None:
        if self.is_done and not self._waiting and self._archive is not None:
            self._archive.close()


BUILDS: dict[str, Build] = {}


def join_build(job_id: str, key: str, expected_bytes: int) -> Build:
    """Return the build of this archive that is under way, or start one.

    Raises anyio.WouldBlock if one would have to be started and all slots are taken.
    """
    build = BUILDS.get(key)
    if build is None:
        build = Build(job_id, key, expected_bytes)
        build.start()
        BUILDS[key] = build
    return build
