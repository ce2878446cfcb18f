"""GET|HEAD /jobs/export.csv and /jobs/export.json: all jobs that pass a filter, sent as read."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from dashboard.api.answers import NO_STORE
from dashboard.api.jobs import describe
from dashboard.api.sending import GrowingBody, send_piece
from dashboard.api.threads import run
from dashboard.job_pages import walk_jobs
from dashboard.job_query import parse_filter
from dashboard.jobs import Job
from dashboard.spreadsheet import head, job_lines

# A step keeps a core busy for a part of a second: several exports take turns.
EXPORTING = CapacityLimiter(1)

Pieces = Callable[[Iterator[tuple[Job, ...]], Request], Iterator[str]]


async def export_csv(request: Request) -> Response:
    return await _export(request, _csv_pieces, "text/csv; charset=utf-8; header=present", "csv")


async def export_json(request: Request) -> Response:
    return await _export(request, _json_pieces, "application/json", "json")


async def _export(request: Request, make: Pieces, media_type: str, suffix: str) -> Response:
    given = request.query_params
    query = parse_filter({name: given.getlist(name) for name in given})
    pieces = make(walk_jobs(query), request)
    first = await run(next, pieces, limiter=EXPORTING)  # what can be refused is refused here
    today = datetime.now(UTC).date().isoformat()
    headers = NO_STORE | {
        "Content-Type": media_type,
        "Content-Disposition": f"attachment; filename=recon-jobs-{today}.{suffix}",
    }
    if request.method == "HEAD":
        return _head(headers)
    return Export(first, pieces, headers)


def _head(headers: dict[str, str]) -> Response:
    response = Response(headers=headers)
    del response.headers["content-length"]
    return response


def _csv_pieces(pages: Iterator[tuple[Job, ...]], _request: Request) -> Iterator[str]:
    yield head() + job_lines(next(pages))
    for jobs in pages:
        yield job_lines(jobs)


def _json_pieces(pages: Iterator[tuple[Job, ...]], request: Request) -> Iterator[str]:
    """One array, with a job on each line."""
    before = "[\n"
    for jobs in pages:
        described = (describe(job, request, with_files=False) for job in jobs)
        lines = [json.dumps(each, ensure_ascii=False, allow_nan=False) for each in described]
        if lines:
            yield before + ",\n".join(lines)
            before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


class Export(GrowingBody):
    """Send a piece, then read the next."""

    def __init__(self, first: str, pieces: Iterator[str], headers: dict[str, str]) -> None:
        super().__init__(ExitStack(), headers)
        self.first, self.pieces = first, pieces

    async def send_content(self, send: Send) -> None:
        piece: str | None = self.first
        while piece is not None:
            await send_piece(piece.encode(), send)
            piece = await run(next, self.pieces, None, limiter=EXPORTING)
