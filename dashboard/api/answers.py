"""JSON answers and refusals, all in one shape."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from dashboard.api.observing import RefusalResponse, note_route, observation
from dashboard.errors import ErrorCode, Refusal, make_error_detail, refusal_for
from dashboard.list_faults import FAULTS, fault_of
from dashboard.status import Decision

NO_STORE = {"Cache-Control": "no-store"}


def answer(content: object, status_code: int = 200) -> Response:
    """Send JSON that is true only now."""
    return JSONResponse(content, status_code, headers=NO_STORE)


def refuse(
    code: ErrorCode,
    message: str | None = None,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Refuse a request; the table says how. Without a message, the table's own text is sent."""
    row = refusal_for(code, (details or {}).get("status"))
    body = make_error_detail(code, message or row.text, details)
    return _refusal(code, row, body, headers)


def refuse_decided(decision: Decision) -> Response:
    """Refuse as the decision says."""
    code, row = decision.code, decision.refusal
    if code is None or row is None:
        raise ValueError("a ready job is not refused")
    return _refusal(code, row, decision.error_body())


def _refusal(
    code: ErrorCode, row: Refusal, body: object, headers: Mapping[str, str] | None = None
) -> Response:
    retry = {"Retry-After": str(row.retry_after_s)} if row.retry_after_s else {}
    given = {**NO_STORE, **retry, **(headers or {})}
    return RefusalResponse(code, body, row.http_status, given)


class Refuse:
    """An ASGI application that refuses every request to a route in the same way."""

    def __init__(
        self, code: ErrorCode, route: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.code, self.route, self.headers = code, route, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        note_route(scope, self.route)
        await refuse(self.code, headers=self.headers)(scope, receive, send)


class AnswerErrors:
    """An ASGI application around a handler: what it raises becomes a refusal in our shape.

    The handler finds the server's path prefix as `request.scope["url_base"]`.
    """

    def __init__(
        self, handler: Callable[[Request], Awaitable[Response]], route: str, base: str
    ) -> None:
        self.handler, self.route, self.base = handler, route, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        note_route(scope, self.route)
        scope["url_base"] = self.base
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            return await self.handler(request)
        except FAULTS as exc:
            code, reason, details = fault_of(exc)
            # A parameter's own words are the message; of a fault of ours the table has better ones.
            return refuse(code, reason if "parameter" in details else None, details)
        except HTTPException:
            raise
        except Exception as exc:  # noqa: BLE001  the last line of defence: the log has the traceback
            observation(request.scope).failure = exc
            return refuse(ErrorCode.INTERNAL_ERROR)
