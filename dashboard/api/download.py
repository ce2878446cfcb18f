"""GET|HEAD /jobs/{job_id}/download: a whole ZIP, or a refusal that says why."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from email.utils import format_datetime
from io import BytesIO
from typing import BinaryIO

from anyio import WouldBlock
from starlette.requests import Request
from starlette.responses import Response

from dashboard.api.answers import refuse, refuse_decided
from dashboard.api.sending import FileBody, is_unchanged, not_modified
from dashboard.api.threads import run
from dashboard.api.zip_bodies import FollowedZip, StreamedZip
from dashboard.api.zip_builds import THREADS, build_slot, join_build, open_stream, timed
from dashboard.errors import ErrorCode, JobStatus
from dashboard.jobs import Job, get_job
from dashboard.metrics import ZIP_CACHE
from dashboard.outputs import output_directory
from dashboard.packing_faults import why_not_packed, why_not_ready
from dashboard.settings import read_settings
from dashboard.status import Decision
from dashboard.zip_cache import archive_key, is_enabled, open_cached
from result_packager import ResultPackagerError, ResultsChangedError, create_result_zip


@dataclass(frozen=True)
class Archive:
    """The archive of a ready job: its key, the sum of its files, which is a little more than its
    size, and the open file where it lies in the cache.
    """

    job: Job
    key: str
    size_bytes: int
    cached: BinaryIO | None

    @property
    def etag(self) -> str:
        return f'"{self.key}"'


async def download_results(request: Request) -> Response:
    """Answer as CONTRACT section 2 says; HEAD decides the same and packs nothing."""
    job_id = request.path_params["job_id"]
    try:
        # In one go: beside packing threads, each change of threads takes milliseconds.
        archive = await run(look_up, job_id)
        if isinstance(archive, Decision):
            return refuse_decided(archive)
        return await Download(request, archive).respond()
    except WouldBlock:
        return refuse(ErrorCode.BUSY, details={"job_id": job_id})
    except ResultPackagerError as exc:
        return refuse_decided(await run(why_not_packed, job_id, exc))


def look_up(job_id: str) -> Archive | Decision:
    """Find what a ready job's archive is; otherwise why there is none.

    Raises the packager's refusals.
    """
    job = get_job(job_id)
    if job.status is not JobStatus.READY:
        return why_not_ready(job)
    key, size_bytes = archive_key(job_id)
    return Archive(job, key, size_bytes, open_cached(key) if is_enabled() else None)


class Download:
    """One request for an archive: from the cache, into the cache, or past it."""

    def __init__(self, request: Request, archive: Archive) -> None:
        self.request, self.archive = request, archive
        self.job_id, self.key = archive.job.job_id, archive.key
        self.headers = {
            "Content-Type": "application/zip",
            "Content-Disposition": f"attachment; filename={self.job_id}.zip",
            "Cache-Control": "private, no-cache",
            "ETag": archive.etag,
        }
        if until := archive.job.available_until:  # when the files go; caches ask each time anyway
            self.headers["Expires"] = format_datetime(until, usegmt=True)

    async def respond(self) -> Response:
        """Raises WouldBlock if all slots are taken, or the packager's refusals."""
        if self.archive.cached is not None:  # which answers If-None-Match by itself
            ZIP_CACHE.labels("hit").inc()
            return self._file(self.archive.cached)
        if is_unchanged(self.request.headers.get("if-none-match"), self.archive.etag):
            return not_modified({name.lower(): value for name, value in self.headers.items()})
        if self.request.method == "HEAD":
            return self._head()
        if is_enabled():
            ZIP_CACHE.labels("miss").inc()
            response = await self._through_cache()
            if response is not None:
                return response
        return await self._past_cache()

    @property
    def _is_large(self) -> bool:
        return self.archive.size_bytes > read_settings().max_zip_in_memory_mb * 1_000_000

    @property
    def _is_followed(self) -> bool:
        """A part can only be cut out of a whole, so a request for a range waits for it."""
        return self._is_large and "range" not in self.request.headers

    def _file(self, file: BinaryIO, holds: ExitStack | None = None) -> Response:
        size_bytes = file.seek(0, os.SEEK_END)
        return FileBody(file, size_bytes, self.headers | {"Accept-Ranges": "bytes"}, holds)

    def _head(self) -> Response:
        """The size is known only of a packed archive, so no Content-Length is promised."""
        response = Response(headers=self.headers)
        del response.headers["content-length"]
        return response

    async def _through_cache(self) -> Response | None:
        """Build into the cache and send from there; None where the cache cannot be used."""
        with ExitStack() as stack:
            build = join_build(self.job_id, self.key, self.archive.size_bytes)
            stack.enter_context(build.awaited())
            await (build.until_begun() if self._is_followed else build.until_done())
            if build.lost_cache:
                return None
            if build.failure:
                raise build.failure
            if self._is_followed and not build.is_done:
                return FollowedZip(build, stack.pop_all(), self.headers)
        cached = await run(open_cached, self.key)
        return self._file(cached) if cached is not None else None

    async def _past_cache(self) -> Response:
        """Build in memory; what is too large for that is streamed.

        The slot is held until all is sent, which bounds the memory that slow clients can take.
        """
        with ExitStack() as stack:
            stack.enter_context(build_slot())
            if self._is_large:
                stream = await run(open_stream, self.job_id, self.key, limiter=THREADS)
                return StreamedZip(stream, stack.pop_all(), self.headers)
            packed = await run(timed, self._pack, limiter=THREADS)
            return self._file(packed, stack.pop_all())

    def _pack(self) -> BytesIO:
        packed = create_result_zip(self.job_id, output_directory(self.job_id))
        if archive_key(self.job_id)[0] != self.key:
            raise ResultsChangedError(f"job {self.job_id} has other files by now")
        return packed
