"""GET|HEAD /jobs/{job_id}/download: a whole ZIP, or a refusal that says why."""

import logging
from io import BytesIO

from anyio import CapacityLimiter, WouldBlock, to_thread
from starlette.requests import Request
from starlette.responses import Response

from dashboard.api.answers import NO_STORE, refuse, refuse_decided
from dashboard.api.sending import FileBody
from dashboard.api.threads import run
from dashboard.errors import ErrorCode, JobStatus
from dashboard.jobs import Job, get_job
from dashboard.outputs import output_directory
from dashboard.settings import read_settings
from result_packager import ResultPackagerError, create_result_zip

log = logging.getLogger(__name__)

# Packing keeps every core busy: more at once would only make each of them slower.
BUILDS = CapacityLimiter(read_settings().max_builds)


async def download_results(request: Request) -> Response:
    """Answer as CONTRACT section 2 says; HEAD decides the same and packs nothing."""
    job = await run(get_job, request.path_params["job_id"])
    if job.status is not JobStatus.READY:
        return refuse_decided(job.decision)
    if request.method == "HEAD":
        return _head(job.job_id)
    try:
        packed = await _pack(job.job_id)
    except WouldBlock:
        return refuse(ErrorCode.BUSY, details={"job_id": job.job_id})
    except ResultPackagerError as exc:
        log.warning("packing job %s failed: %s", job.job_id, exc)
        return await _refuse_lost(job)
    return FileBody(packed, packed.getbuffer().nbytes, _headers(job.job_id))


def _headers(job_id: str) -> dict[str, str]:
    return {
        "Content-Type": "application/zip",
        "Content-Disposition": f"attachment; filename={job_id}.zip",
        **NO_STORE,
    }


def _head(job_id: str) -> Response:
    """The size is known only when the ZIP has been packed, so no Content-Length is promised."""
    response = Response(headers=_headers(job_id))
    del response.headers["content-length"]
    return response


async def _pack(job_id: str) -> BytesIO:
    """Pack in a thread. Raises WouldBlock at once if all slots are taken."""
    slot = object()
    BUILDS.acquire_on_behalf_of_nowait(slot)
    try:
        return await to_thread.run_sync(create_result_zip, job_id, output_directory(job_id))
    finally:
        BUILDS.release_on_behalf_of(slot)


async def _refuse_lost(job: Job) -> Response:
    """Say what became of results that were there a moment ago."""
    now = await run(get_job, job.job_id)
    if now.status is not JobStatus.READY:
        return refuse_decided(now.decision)
    details = {"job_id": job.job_id, "status": JobStatus.READY.value}
    message = f"The files of job {job.job_id} changed while they were being packed."
    return refuse(ErrorCode.RESULTS_CHANGING, message, details)
