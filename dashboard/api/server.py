"""What uvicorn is told that Streamlit does not tell it: how to refuse, and how to end."""

import json
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from dashboard.errors import ErrorCode, make_error_detail, refusal_for

log = logging.getLogger(__name__)

# Whoever stops a server kills it if it takes too long: Docker after 10 s, systemd after 90 s.
GRACE_S = 8
# A request's head; a client that sends more of it has its connection closed.
HEAD_MAX_BYTES = 128 << 10

NO_HTTP = refusal_for(ErrorCode.BAD_REQUEST)
NO_HTTP_BODY = json.dumps(make_error_detail(ErrorCode.BAD_REQUEST, NO_HTTP.text)).encode()
NO_HTTP_HEADERS = [
    ("content-type", "application/json"),
    ("content-length", str(len(NO_HTTP_BODY))),
    ("cache-control", "no-store"),
    ("connection", "close"),  # nobody knows where the next request begins
]


@asynccontextmanager
async def set_up_server(_app: object) -> AsyncIterator[None]:
    """Prepare the server before it takes the first connection."""
    H11Protocol.send_400_response = _refuse_no_http  # type: ignore[method-assign]
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if isinstance(server, uvicorn.Server):  # else somebody else runs the application
        server.config.h11_max_incomplete_event_size = HEAD_MAX_BYTES
        _end_in_order(server)
    yield


def _refuse_no_http(self: H11Protocol, msg: str) -> None:  # noqa: ARG001
    """uvicorn answers this before anybody else sees it, and would do so in plain text."""
    answer = h11.Response(
        status_code=NO_HTTP.http_status, headers=NO_HTTP_HEADERS, reason=b"Bad Request"
    )
    for event in (answer, h11.Data(data=NO_HTTP_BODY), h11.EndOfMessage()):
        self.transport.write(self.conn.send(event) or b"")
    self.transport.close()


def _end_in_order(server: uvicorn.Server) -> None:
    """Let SIGTERM end the server as it ends by itself: after GRACE_S at most, with exit code 0.

    uvicorn would wait without an end, and then let the signal kill the process before its catalog
    is given up for others.
    """
    server.config.timeout_graceful_shutdown = GRACE_S

    def end(_number: int, _frame: FrameType | None) -> None:
        log.info("ending: transfers have %d s to finish", GRACE_S)
        server.should_exit = True

    signal.signal(signal.SIGTERM, end)
