"""Bodies sent in pieces of a fixed size and freed when done, or when the client has gone."""

import re
from collections.abc import Mapping
from typing import BinaryIO

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dashboard.api.answers import refuse
from dashboard.api.threads import run
from dashboard.errors import ErrorCode

# Iterating a BytesIO gives a piece a line: 19 s for 20 MB.
PIECE_BYTES = 256 << 10

SINGLE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class FileBody(Response):
    """Send a whole open file, or the one range that was asked for, and close it at the end.

    With an ETag among the headers, If-None-Match is answered with 304 and Range with 206 or 416;
    several ranges at once are answered with the whole file, as RFC 9110 allows.
    """

    def __init__(self, file: BinaryIO, size_bytes: int, headers: Mapping[str, str]) -> None:
        self.file, self.size_bytes = file, size_bytes
        self.status_code, self.background = 200, None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(scope, receive, send)
        finally:
            self.file.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked, etag = Headers(scope=scope), self.headers.get("etag")
        if etag and is_unchanged(asked.get("if-none-match"), etag):
            await not_modified(self.headers)(scope, receive, send)
            return
        whole = (0, self.size_bytes)
        part = find_range(asked, etag, self.size_bytes) if etag else whole
        if part is None:
            headers = {"Content-Range": f"bytes */{self.size_bytes}"}
            refusal = refuse(ErrorCode.RANGE_NOT_SATISFIABLE, headers=headers)
            await refusal(scope, receive, send)
            return
        await self._send(part, send, head_only=scope["method"] == "HEAD")

    async def _send(self, part: tuple[int, int], send: Send, *, head_only: bool) -> None:
        start, end = part
        if part != (0, self.size_bytes):
            self.status_code = 206
            self.headers["content-range"] = f"bytes {start}-{end - 1}/{self.size_bytes}"
        self.headers["content-length"] = str(end - start)
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        if not head_only:
            await self._send_pieces(start, end, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_pieces(self, start: int, end: int, send: Send) -> None:
        self.file.seek(start)
        while start < end:
            piece = await run(self.file.read, min(PIECE_BYTES, end - start))
            if not piece:
                # Ending early breaks the connection: better than a file that looks whole.
                raise RuntimeError("the file became shorter while it was being sent")
            start += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})


def is_unchanged(if_none_match: str | None, etag: str) -> bool:
    """Tell whether the client already has this very version (RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in known or etag in known


def not_modified(headers: Mapping[str, str]) -> Response:
    kept = ("etag", "cache-control", "last-modified")
    return Response(status_code=304, headers={k: headers[k] for k in kept if k in headers})


def find_range(asked: Headers, etag: str, size_bytes: int) -> tuple[int, int] | None:
    """Return the half-open range to send; None if it lies outside of the file (RFC 9110, 14.2)."""
    found = SINGLE_RANGE.fullmatch(asked.get("range", "").replace(" ", ""))
    if not found or found[0] == "bytes=-" or asked.get("if-range", etag) != etag:
        return 0, size_bytes
    first, last = found.groups()
    if not first:
        start, end = max(size_bytes - int(last), 0), size_bytes
    else:
        start, end = int(first), min(int(last or size_bytes) + 1, size_bytes)
        if last and int(last) < int(first):
            return 0, size_bytes  # not a range at all, so it is ignored
    return (start, end) if start < end else None
