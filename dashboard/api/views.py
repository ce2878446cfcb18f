"""GET|HEAD /jobs/{job_id}/view/{model}.glb: a mesh as the page's viewer draws it."""

from starlette.requests import Request
from starlette.responses import Response

from dashboard.api.answers import refuse
from dashboard.api.files import KEEP, MEDIA_TYPES, REVALIDATE, refuse_file
from dashboard.api.sending import FileBody
from dashboard.api.threads import CONVERTING, run
from dashboard.errors import ErrorCode
from dashboard.job_ids import NotAJobIdError
from dashboard.mesh_counts import UnreadableMeshError
from dashboard.mesh_views import MeshView, open_view
from result_packager import ResultsUnreadableError


async def send_view(request: Request) -> Response:
    """Send a model's mesh as one GLB; where it must be made first, that is waited for."""
    job_id, model = request.path_params["job_id"], request.path_params["model"]
    try:
        view = await _open(job_id, model)
    except UnreadableMeshError as exc:
        details = {"job_id": job_id, "model": model, "reason": str(exc)}
        return refuse(ErrorCode.MESH_NOT_DRAWABLE, f"The mesh cannot be drawn: {exc}.", details)
    except (NotAJobIdError, FileNotFoundError, ResultsUnreadableError) as exc:
        return refuse_file(exc, job_id)
    headers = {
        "Content-Type": MEDIA_TYPES["glb"],
        "ETag": f'"{view.version}"',
        "Cache-Control": KEEP if request.query_params.get("v") == view.version else REVALIDATE,
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
    }
    return FileBody(view.file, view.size_bytes, headers)


async def _open(job_id: str, model: str) -> MeshView:
    """Take what is there at once; only what must be made waits its turn."""
    view = await run(open_view, job_id, model)
    while view is None:
        view = await run(_wait, job_id, model, limiter=CONVERTING)
    return view


def _wait(job_id: str, model: str) -> MeshView | None:
    return open_view(job_id, model, wait=True)
