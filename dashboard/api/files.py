"""Single files of a job, and small pictures of its previews."""

import os
from email.utils import formatdate
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from dashboard.api.answers import refuse, refuse_decided
from dashboard.api.sending import FileBody, is_unchanged, not_modified
from dashboard.api.threads import DECODING, run
from dashboard.errors import ErrorCode
from dashboard.job_ids import NotAJobIdError
from dashboard.job_query import InvalidParameterError
from dashboard.metrics import THUMBNAIL_CACHE
from dashboard.outputs import open_output
from dashboard.status import not_a_job_id
from dashboard.thumbnails import (
    EDGE_DEFAULT_PX,
    EDGE_MAX_PX,
    EDGE_MIN_PX,
    find_thumbnail,
    thumbnail,
)
from result_packager import ResultsUnreadableError

MEDIA_TYPES = {
    "glb": "model/gltf-binary",
    "obj": "model/obj",
    "mtl": "model/mtl",
    "ply": "application/octet-stream",
    "png": "image/png",
    "json": "application/json",
}
# A job that runs again writes new files under the old names: ask each time, with the ETag.
REVALIDATE = "private, no-cache"
# A thumbnail's address changes with its file (the parameter `v`).
KEEP = "private, max-age=31536000, immutable"


async def send_file(request: Request) -> Response:
    """Send one file of the contract's list, whole or the range that is asked for."""
    job_id, model, name = _names(request)
    try:
        file, found = await run(open_output, job_id, model, name)
    except (NotAJobIdError, FileNotFoundError, ResultsUnreadableError) as exc:
        return refuse_file(exc, job_id)
    return FileBody(file, found.st_size, _file_headers(name, found))


async def send_thumbnail(request: Request) -> Response:
    """Send a preview as a small WebP picture, or a placeholder for a picture that is broken."""
    job_id, model, name = _names(request)
    edge_px = _edge(request.query_params.get("edge", ""))
    if not name.endswith(".png"):
        return refuse(ErrorCode.FILE_NOT_FOUND, "Only PNG files have thumbnails.")
    try:
        content, genuine = await _thumbnail(job_id, model, name, edge_px)
    except (NotAJobIdError, FileNotFoundError, ResultsUnreadableError) as exc:
        return refuse_file(exc, job_id)
    kept = KEEP if genuine and "v" in request.query_params else REVALIDATE
    etag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": kept, "X-Content-Type-Options": "nosniff"}
    if is_unchanged(request.headers.get("if-none-match"), etag):
        return not_modified({name.lower(): value for name, value in headers.items()})
    return Response(content, media_type="image/webp", headers=headers)


async def _thumbnail(job_id: str, model: str, name: str, edge_px: int) -> tuple[bytes, bool]:
    """Take what is kept at once; only what must be decoded waits its turn."""
    kept = await run(find_thumbnail, job_id, model, name, edge_px)
    THUMBNAIL_CACHE.labels("miss" if kept is None else "hit").inc()
    if kept is not None:
        return kept, True
    return await run(thumbnail, job_id, model, name, edge_px, limiter=DECODING)


def _names(request: Request) -> tuple[str, str, str]:
    parameters = request.path_params
    return parameters["job_id"], parameters["model"], parameters["name"]


def _file_headers(name: str, found: os.stat_result) -> dict[str, str]:
    media_type = MEDIA_TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    return {
        "Content-Type": media_type,
        "ETag": f'"{found.st_mtime_ns:x}-{found.st_size:x}"',
        "Last-Modified": formatdate(max(found.st_mtime, 0), usegmt=True),
        "Cache-Control": REVALIDATE,
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
    }


def refuse_file(exc: Exception, job_id: str) -> Response:
    """Refuse by what opening one of a job's files raised."""
    if isinstance(exc, NotAJobIdError):
        return refuse_decided(not_a_job_id())
    if isinstance(exc, ResultsUnreadableError):
        return refuse(ErrorCode.RESULTS_UNREADABLE, details={"job_id": job_id})
    return refuse(ErrorCode.FILE_NOT_FOUND, details={"job_id": job_id})


def _edge(text: str) -> int:
    if not text:
        return EDGE_DEFAULT_PX
    whole = text.isascii() and text.isdigit() and len(text) <= 4
    if not whole or not EDGE_MIN_PX <= int(text) <= EDGE_MAX_PX:
        wanted = f"a whole number of pixels from {EDGE_MIN_PX} to {EDGE_MAX_PX}"
        raise InvalidParameterError("edge", text, wanted)
    return int(text)
