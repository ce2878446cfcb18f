"""GET /jobs and GET /jobs/{job_id}: what the dashboard knows, as JSON."""

from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dashboard.api.answers import answer, refuse_decided
from dashboard.api.threads import run
from dashboard.celery_record import RecordFault
from dashboard.errors import ErrorCode, JobStatus, make_error_detail, refusal_for
from dashboard.job_pages import list_jobs
from dashboard.job_query import parse_query
from dashboard.jobs import Job, get_job
from dashboard.outputs import ModelOutput
from dashboard.status import OutputState
from dashboard.urls import download_url
from dashboard.verdict import Review


async def show_jobs(request: Request) -> Response:
    """Send one page of the list, filtered and sorted."""
    given = request.query_params
    query = parse_query({name: given.getlist(name) for name in given})
    page = await run(list_jobs, query)
    content = {
        "jobs": [describe(job, request, with_files=False) for job in page.jobs],
        "total": page.total,
        "limit": query.limit,
        "offset": query.offset,
        "next": page.following and page.following.as_cursor(),
        "unsurveyed": page.unsurveyed,
    }
    if page.backend_away:
        # Jobs that are known by their record alone cannot be listed now.
        row = refusal_for(ErrorCode.STATE_UNAVAILABLE)
        content |= make_error_detail(ErrorCode.STATE_UNAVAILABLE, row.text)
    elif page.catalog_fault:
        row, details = refusal_for(ErrorCode.CATALOG_UNAVAILABLE), {"reason": page.catalog_fault}
        content |= make_error_detail(ErrorCode.CATALOG_UNAVAILABLE, row.text, details)
    return answer(content)


async def show_job(request: Request) -> Response:
    """Send one job; 404 for an unknown one, and 503 while nobody can say whether it exists."""
    job = await run(get_job, request.path_params["job_id"])
    if not exists(job):
        return refuse_decided(job.decision)
    return answer(describe(job, request, with_files=True))


def exists(job: Job) -> bool:
    """Tell whether there is such a job; of one without files only its record could say so."""
    unseen = job.record is RecordFault.UNAVAILABLE and job.outputs.state is OutputState.NO_JOB
    return job.status is not None and not unseen


def describe(job: Job, request: Request, *, with_files: bool) -> dict[str, Any]:
    """One job as JSON: sizes in bytes, times in ISO 8601 and UTC, progress 0 to 100."""
    ready = job.status is JobStatus.READY
    return {
        "job_id": job.job_id,
        "status": job.status,
        "state": job.state,
        "progress": job.celery.progress,
        "step": job.celery.step,
        "stalled": job.decision.is_stalled,
        "model": job.celery.model,
        "models": [_describe_model(model, with_files) for model in job.outputs.models],
        "created_at": _iso(job.created_at),
        "updated_at": _iso(job.updated_at),
        "finished_at": _iso(job.celery.finished_at),
        "available_until": _iso(job.available_until),
        "size_bytes": job.size_bytes,
        "verdict": _describe_review(job.review) if job.review else None,
        "error": None if ready else job.decision.error_body()["error"],
        "download_url": download_url(request.scope["url_base"], job.job_id) if ready else None,
    }


def _describe_model(model: ModelOutput, with_files: bool) -> dict[str, Any]:
    files = {"files": {file.name: file.size_bytes for file in model.files}} if with_files else {}
    return {
        "name": model.name,
        **files,
        "quality": model.quality.as_json() if model.quality else None,
        "quality_problem": model.quality_problem,
    }


def _describe_review(review: Review) -> dict[str, Any]:
    return {
        "verdict": review.verdict,
        "note": review.note,
        "reviewer": review.reviewer,
        "decided_at": _iso(review.decided_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
