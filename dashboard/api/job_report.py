"""GET /jobs/{job_id}/report: one job as one HTML file."""

from datetime import UTC, datetime

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dashboard.api.answers import NO_STORE, refuse_decided
from dashboard.api.jobs import exists
from dashboard.api.threads import run
from dashboard.catalog.database import CatalogUnavailableError
from dashboard.jobs import get_job
from dashboard.report import POLICY, render_report
from dashboard.verdict import Review
from dashboard.verdicts import read_history

# It decodes every preview and may wait for a mesh: pictures on the page must not wait behind it.
REPORTING = CapacityLimiter(1)


async def send_report(request: Request) -> Response:
    """Send the report of any job that there is, ready or not."""
    job = await run(get_job, request.path_params["job_id"])
    if not exists(job):
        return refuse_decided(job.decision)
    reviews = await run(_reviews, job.job_id)
    report = await run(render_report, job, reviews, datetime.now(UTC), limiter=REPORTING)
    headers = {
        "Content-Disposition": f"inline; filename={job.job_id}-report.html",
        "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(report, headers=NO_STORE | headers)


def _reviews(job_id: str) -> list[Review] | None:
    """Every verdict on the job, None where the catalog cannot say: the rest is still told."""
    try:
        return read_history(job_id)
    except CatalogUnavailableError:
        return None
