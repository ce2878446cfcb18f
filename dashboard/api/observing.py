"""What is known of a request when it is over: one line in the log, and figures for /metrics."""

import logging
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard import metrics
from dashboard.errors import REFUSALS, ErrorCode
from dashboard.job_ids import is_job_id

log = logging.getLogger(__name__)

# Where a request's scope holds what is found out on the way.
KEY = "dashboard.observation"
# What stands for any other method, and for a refusal outside of our own routes.
OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass
class Observation:
    """One request of ours. `route` is the path's template: what is in the address stays out."""

    route: str | None = None
    job_id: str | None = None
    code: ErrorCode | None = None
    failure: BaseException | None = None
    status: int | None = None
    sent_bytes: int = 0
    is_whole: bool = False


def observation(scope: Scope) -> Observation:
    """Return what is known of this request, for whoever has something to add."""
    found: Observation = scope.setdefault(KEY, Observation())
    return found


def note_route(scope: Scope, route: str) -> None:
    """Note where a request has arrived, and which job it is about."""
    noted, job_id = observation(scope), scope.get("path_params", {}).get("job_id")
    noted.route = route
    noted.job_id = job_id if is_job_id(job_id or "") else None


class RefusalResponse(JSONResponse):
    """An error body; the code is noted when it is sent, by whomever it was made."""

    def __init__(self, code: ErrorCode, body: object, status: int, headers: Any) -> None:
        super().__init__(body, status, headers=headers)
        self.code = code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        observation(scope).code = self.code
        await super().__call__(scope, receive, send)


class Observe:
    """Logs and counts each request of ours; those for the page and its files are Streamlit's."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        noted, began = observation(scope), perf_counter()

        async def note_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                noted.status = message["status"]
            await send(message)
            if message["type"] == "http.response.body":
                # The server drops what a HEAD would get.
                body = b"" if scope["method"] == "HEAD" else message.get("body", b"")
                noted.sent_bytes += len(body)
                noted.is_whole = not message.get("more_body", False)

        try:
            await self.app(scope, receive, note_and_send)
        except Exception as exc:
            # A layer that failed is answered for outside of us (routes.answer_fault).
            row = REFUSALS[ErrorCode.INTERNAL_ERROR]
            noted.code, noted.failure = ErrorCode.INTERNAL_ERROR, exc
            noted.status = noted.status or row.http_status
            raise
        finally:
            if noted.route or noted.code:
                seconds = perf_counter() - began
                _count(scope["method"], noted, seconds)
                _log(scope["method"], noted, seconds)


def _count(method: str, noted: Observation, seconds: float) -> None:
    route, status = noted.route or OTHER, str(noted.status or OTHER)
    metrics.REQUESTS.labels(method if method in METHODS else OTHER, route, status).inc()
    metrics.ANSWER_SECONDS.labels(route).observe(seconds)
    metrics.SENT_BYTES.labels(route).inc(noted.sent_bytes)
    if noted.code:
        metrics.REFUSALS.labels(noted.code.value).inc()
    if not noted.is_whole:
        metrics.CUT.labels(route).inc()


def _log(method: str, noted: Observation, seconds: float) -> None:
    told = {
        "method": method[:20],
        "route": noted.route or OTHER,
        "job_id": noted.job_id,
        "status": noted.status,
        "code": noted.code,
        "duration_ms": round(seconds * 1000, 1),
        "bytes": noted.sent_bytes,
        "cut": None if noted.is_whole else True,
    }
    facts = {name: value for name, value in told.items() if value is not None}
    level = logging.ERROR if noted.failure else logging.INFO
    log.log(level, "request", extra={"facts": facts}, exc_info=noted.failure)
