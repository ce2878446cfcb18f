"""GET|HEAD /jobs/download: many jobs as one ZIP, sent job by job while it is packed."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import IO

from anyio import CancelScope, WouldBlock
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from dashboard.api.answers import refuse, refuse_decided
from dashboard.api.sending import PIECE_BYTES, GrowingBody, send_piece
from dashboard.api.threads import run
from dashboard.api.zip_builds import THREADS, awaited_slot, build_slot
from dashboard.bulk_zip import MAX_JOBS, REPORT, BulkZip
from dashboard.errors import ErrorCode
from dashboard.job_ids import is_job_id
from dashboard.job_pages import walk_ready
from dashboard.job_query import InvalidParameterError, parse_filter
from dashboard.settings import read_settings


async def download_jobs(request: Request) -> Response:
    """Send the asked jobs that are ready; refuse if none is. HEAD packs nothing."""
    archive = BulkZip(asked_jobs(request))
    if request.method == "HEAD":
        found = await run(archive.find_any, limiter=THREADS)
        return _head() if found else _refuse_all(archive)
    with ExitStack() as stack:
        stack.callback(archive.close)
        request.scope["packed_jobs"] = archive.packed  # for the audit log
        try:
            with build_slot():
                first = await next_part(archive)
        except WouldBlock:
            return refuse(ErrorCode.BUSY)
        if first is None:
            return _refuse_all(archive)
        return BulkBody(archive, first, stack.pop_all(), _headers())


def asked_jobs(request: Request) -> Iterable[str]:
    """Read which jobs are asked for: named ones, each once, or all ready ones that pass a filter.

    Raises InvalidParameterError for both, and for neither: nobody gets all jobs by a slip.
    """
    given = {name: request.query_params.getlist(name) for name in request.query_params}
    job_ids = list(dict.fromkeys(filter(None, given.pop("job", ()))))
    for job_id in job_ids:
        if not is_job_id(job_id):
            raise InvalidParameterError("job", job_id, "a job id; repeat it for each job")
    query = parse_filter(given)
    if job_ids and query.is_narrowed:
        raise InvalidParameterError("job", job_ids[0], "left out beside a filter")
    if job_ids:
        return job_ids
    if not query.is_narrowed:
        wanted = "a job id, repeated for each job, or in its place a filter such as status=ready"
        raise InvalidParameterError("job", "", wanted)
    return walk_ready(query)


async def next_part(archive: BulkZip) -> IO[bytes] | None:
    """Pack until a part is whole, a moment at a time; None after the last."""
    part = None
    while part is None and not archive.is_done:
        part = await run(archive.step, limiter=THREADS)
    return part


class BulkBody(GrowingBody):
    """Pack a job, send it, pack the next; a slot is held while packing, and none while sending."""

    def __init__(
        self, archive: BulkZip, first: IO[bytes], holds: ExitStack, headers: Mapping[str, str]
    ) -> None:
        super().__init__(holds, headers)
        self.archive, self.first = archive, first

    async def send_content(self, send: Send) -> None:
        part: IO[bytes] | None = self.first
        try:
            while part is not None:
                await _send_part(part, send)
                async with awaited_slot():
                    part = await next_part(self.archive)
        finally:
            with CancelScope(shield=True):
                await run(self.archive.close, limiter=THREADS)


async def _send_part(part: IO[bytes], send: Send) -> None:
    while piece := await run(part.read, PIECE_BYTES):
        await send_piece(piece, send)


def _headers() -> dict[str, str]:
    today = datetime.now(UTC).date().isoformat()
    limits = f"{read_settings().max_bulk_gb} GB, {MAX_JOBS} jobs; what is left out: {REPORT}"
    return {
        "Content-Type": "application/zip",
        "Content-Disposition": f"attachment; filename=recon-jobs-{today}.zip",
        "Cache-Control": "no-store",
        "Bulk-Limit": limits,
    }


def _head() -> Response:
    response = Response(headers=_headers())
    del response.headers["content-length"]
    return response


def _refuse_all(archive: BulkZip) -> Response:
    """Refuse by the code that all jobs share; a single job as its own download would be."""
    refused = archive.first_refusals
    if archive.left_out.total() == 1:
        return refuse_decided(refused[0][1])
    [code, *others] = archive.left_out or [ErrorCode.NOTHING_TO_PACK]
    details = {
        "asked": archive.left_out.total(),
        "left_out": dict(archive.left_out),
        "jobs": {job_id: why.error_body()["error"]["message"] for job_id, why in refused},
    }
    return refuse(ErrorCode.NOTHING_TO_PACK if others else code, details=details)
