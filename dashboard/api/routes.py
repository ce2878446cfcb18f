"""Which path is served by whom."""

from collections.abc import Awaitable, Callable

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dashboard.api.access import ReadLogin, RequireLogin
from dashboard.api.answers import AnswerErrors, Refuse, refuse
from dashboard.api.audit_trail import AuditDownloads
from dashboard.api.bulk_download import download_jobs
from dashboard.api.download import download_results
from dashboard.api.export import export_csv, export_json
from dashboard.api.files import send_file, send_thumbnail
from dashboard.api.health import health
from dashboard.api.job_report import send_report
from dashboard.api.jobs import show_job, show_jobs
from dashboard.api.metrics import send_metrics
from dashboard.api.observing import Observe
from dashboard.api.openapi import show_openapi
from dashboard.api.paths import GuardPaths
from dashboard.api.same_origin import SameOriginStream
from dashboard.api.security_headers import SecurityHeaders, guard
from dashboard.api.views import send_view
from dashboard.errors import ErrorCode

Handler = Callable[[Request], Awaitable[Response]]

HANDLERS: dict[str, Handler] = {
    "/health": health,
    "/metrics": send_metrics,
    "/openapi.json": show_openapi,
    "/jobs": show_jobs,
    "/jobs/download": download_jobs,  # before the job that could be named so
    "/jobs/export.csv": export_csv,
    "/jobs/export.json": export_json,
    "/jobs/{job_id}": show_job,
    "/jobs/{job_id}/download": download_results,
    "/jobs/{job_id}/report": send_report,
    "/jobs/{job_id}/files/{model}/{name:path}": send_file,
    "/jobs/{job_id}/thumbnails/{model}/{name:path}": send_thumbnail,
    "/jobs/{job_id}/view/{model}.glb": send_view,
}
READ_METHODS = ["GET", "HEAD"]


def routes(base: str) -> list[BaseRoute]:
    """Return all routes, once as they are and once below the server's path prefix, if any."""
    return [route for prefix in dict.fromkeys(("", base)) for route in _below(prefix)]


def middleware(base: str, read_login: ReadLogin) -> list[Middleware]:
    """What all paths need around Streamlit's own layers; the first is the outermost."""
    return [
        Middleware(Observe),
        Middleware(SecurityHeaders),
        Middleware(SameOriginStream),
        Middleware(AuditDownloads, base=base),
        Middleware(RequireLogin, base=base, read_login=read_login),
        Middleware(GuardPaths, base=base),
    ]


async def answer_fault(_request: Request, _exc: Exception) -> Response:
    """Answer for a layer that failed, Streamlit's own included; the server logs the fault."""
    response = refuse(ErrorCode.INTERNAL_ERROR)
    guard(response.headers, response.status_code)
    return response


def _below(prefix: str) -> list[BaseRoute]:
    served: list[BaseRoute] = [
        Route(prefix + path, AnswerErrors(handler, path, prefix), methods=READ_METHODS)
        for path, handler in HANDLERS.items()
    ]
    allow = {"Allow": ", ".join(READ_METHODS)}
    wrong_method = [
        Route(prefix + path, Refuse(ErrorCode.METHOD_NOT_ALLOWED, path, allow)) for path in HANDLERS
    ]
    # Without this, Streamlit answers any other path with 200 and its page.
    rest = "/jobs/{rest:path}"
    unknown = Route(prefix + rest, Refuse(ErrorCode.PATH_NOT_FOUND, rest))
    return [*served, *wrong_method, unknown]
