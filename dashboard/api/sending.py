"""Bodies sent in pieces of a fixed size and freed when done, or when the client has gone."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from typing import BinaryIO

from anyio import create_task_group, fail_after
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dashboard.api.answers import refuse
from dashboard.api.threads import run
from dashboard.catalog.database import CatalogUnavailableError
from dashboard.errors import ErrorCode
from dashboard.outputs import StorageUnavailableError
from result_packager import ResultPackagerError

log = logging.getLogger(__name__)

# Iterating a BytesIO gives a piece a line: 19 s for 20 MB. Smaller pieces than this cost a fifth
# more time, each being read in a thread.
PIECE_BYTES = 1 << 20

# A client that takes nothing for so long holds a file, and may hold a slot, for nobody.
STALLED_S = 60

SINGLE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class BrokenOffError(Exception):
    """A body cannot be sent to its end."""


# What may happen in the middle of a body, and is no fault of ours.
BREAKS = (BrokenOffError, ResultPackagerError, CatalogUnavailableError, StorageUnavailableError)


class UnsatisfiableRangeError(Exception):
    """The range lies outside of the file."""


class FileBody(Response):
    """Send a whole open file, or the one range that was asked for; close it and give back `holds`.

    With an ETag among the headers, If-None-Match is answered with 304 and Range with 206 or 416;
    several ranges at once are answered with the whole file, as RFC 9110 allows.
    """

    def __init__(
        self,
        file: BinaryIO,
        size_bytes: int,
        headers: Mapping[str, str],
        holds: ExitStack | None = None,
    ) -> None:
        self.size_bytes = size_bytes
        self.file, self.holds = file, holds or ExitStack()
        self.holds.callback(file.close)
        self.status_code, self.background = 200, None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.holds:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked, etag = Headers(scope=scope), self.headers.get("etag")
        if etag and is_unchanged(asked.get("if-none-match"), etag):
            await not_modified(self.headers)(scope, receive, send)
            return
        start, end = 0, self.size_bytes
        try:
            if etag and scope["method"] == "GET":  # a range means nothing elsewhere
                part = find_range(asked, etag, self.size_bytes)
                start, end = self._partial(part) if part else (start, end)
        except UnsatisfiableRangeError:
            headers = {"Content-Range": f"bytes */{self.size_bytes}"}
            refusal = refuse(ErrorCode.RANGE_NOT_SATISFIABLE, headers=headers)
            await refusal(scope, receive, send)
            return
        self.headers["content-length"] = str(end - start)
        if scope["method"] == "HEAD":
            end = start
        await while_connected(receive, self._send, start, end, send)

    def _partial(self, part: tuple[int, int]) -> tuple[int, int]:
        self.status_code = 206
        self.headers["content-range"] = f"bytes {part[0]}-{part[1] - 1}/{self.size_bytes}"
        return part

    async def _send(self, start: int, end: int, send: Send) -> None:
        head = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **head})
        self.file.seek(start)
        while start < end:
            piece = await run(self.file.read, min(PIECE_BYTES, end - start))
            if not piece:
                raise BrokenOffError("the file became shorter while it was being sent")
            start += len(piece)
            await send_piece(piece, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class GrowingBody(Response):
    """A body that is sent while it is made: no Content-Length, and a fault breaks it off.

    `holds` is given back when it is sent or given up.
    """

    def __init__(self, holds: ExitStack, headers: Mapping[str, str]) -> None:
        self.holds = holds
        self.status_code, self.background = 200, None
        self.init_headers(headers)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        with self.holds:
            await while_connected(receive, self._send, send)

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        await self.send_content(send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def send_content(self, send: Send) -> None:
        raise NotImplementedError


async def send_piece(piece: bytes, send: Send) -> None:
    """Send a part of a body. Raises BrokenOffError if the client takes nothing for too long."""
    try:
        with fail_after(STALLED_S):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except TimeoutError:
        raise BrokenOffError(f"the client took nothing for {STALLED_S} s") from None


async def while_connected(
    receive: Receive, work: Callable[..., Awaitable[None]], *arguments: object
) -> None:
    """Send a body, and give it up when the client has gone: uvicorn's `send` does not tell.

    A body that is broken off is left without its end, which makes uvicorn cut the connection: the
    client sees that it is not whole.
    """

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        group.cancel_scope.cancel()

    try:
        async with create_task_group() as group:
            group.start_soon(watch)
            await work(*arguments)
            group.cancel_scope.cancel()
    except* BREAKS as broken:
        log.warning("a transfer was broken off: %s", broken.exceptions[0])


def is_unchanged(if_none_match: str | None, etag: str) -> bool:
    """Tell whether the client already has this very version (RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in known or etag in known


def not_modified(headers: Mapping[str, str]) -> Response:
    kept = ("etag", "cache-control", "last-modified", "expires")
    return Response(status_code=304, headers={k: headers[k] for k in kept if k in headers})


def find_range(asked: Headers, etag: str, size_bytes: int) -> tuple[int, int] | None:
    """Return the half-open range that is asked for, None for the whole file (RFC 9110, 14.2).

    Raises UnsatisfiableRangeError.
    """
    found = SINGLE_RANGE.fullmatch(asked.get("range", "").replace(" ", ""))
    if not found or found[0] == "bytes=-" or asked.get("if-range", etag) != etag:
        return None
    first, last = found.groups()
    if first and last and int(last) < int(first):
        return None  # not a range at all, so it is ignored
    if first:
        start, end = int(first), min(int(last or size_bytes) + 1, size_bytes)
    else:
        start, end = max(size_bytes - int(last), 0), size_bytes
    if start >= end:
        raise UnsatisfiableRangeError
    return start, end
