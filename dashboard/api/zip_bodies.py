"""Archives that are sent while they are packed: no Content-Length, and a fault breaks off.

What is raised on the way leaves the body without its end, so every client sees a broken transfer
and none a valid archive that lacks a member (sending.while_connected).
"""

from collections.abc import Mapping
from contextlib import ExitStack

from anyio import CancelScope
from starlette.types import Send

from dashboard.api.sending import PIECE_BYTES, GrowingBody, send_piece
from dashboard.api.threads import run
from dashboard.api.zip_builds import THREADS, Build, awaited_slot, open_stream
from result_packager import ResultStream


class StreamedZip(GrowingBody):
    """Pack and send at the client's pace; nothing is kept."""

    def __init__(self, stream: ResultStream, holds: ExitStack, headers: Mapping[str, str]) -> None:
        super().__init__(holds, headers)
        holds.callback(stream.close)
        self.stream = stream

    async def send_content(self, send: Send) -> None:
        await send_stream(self.stream, send)


class FollowedZip(GrowingBody):
    """Send what a build has written into the cache, as it grows; the client's pace is its own."""

    def __init__(self, build: Build, holds: ExitStack, headers: Mapping[str, str]) -> None:
        super().__init__(holds, headers)
        self.build = build

    async def send_content(self, send: Send) -> None:
        sent = await self._follow(send)
        if self.build.lost_cache:
            await self._carry_on(sent, send)
        elif self.build.failure:
            raise self.build.failure

    async def _follow(self, send: Send) -> int:
        """Send until the build ends, well or not; return how many bytes were sent."""
        sent = 0
        while True:
            news, is_done = self.build.next_news(), self.build.is_done
            piece = await run(self.build.read, sent, PIECE_BYTES)
            if piece:
                await send_piece(piece, send)
                sent += len(piece)
            elif is_done:
                return sent
            else:
                await news.wait()

    async def _carry_on(self, sent: int, send: Send) -> None:
        """The cache failed, not the job: the same files pack to the same bytes once more."""
        async with awaited_slot():
            stream = await run(open_stream, self.build.job_id, self.build.key, limiter=THREADS)
            await send_stream(stream, send, skip_bytes=sent)


async def send_stream(stream: ResultStream, send: Send, skip_bytes: int = 0) -> None:
    """Send a stream's chunks, without the first bytes; close it whatever happens."""
    try:
        while (chunk := await run(next, stream, b"", limiter=THREADS)) != b"":
            if skip_bytes < len(chunk):
                await send_piece(chunk[skip_bytes:], send)
            skip_bytes = max(skip_bytes - len(chunk), 0)
    finally:
        with CancelScope(shield=True):
            await run(stream.close, limiter=THREADS)
