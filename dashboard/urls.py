"""Addresses of what the dashboard serves, as pages and answers link to it."""

from urllib.parse import quote, urlencode


def job_url(base: str, job_id: str) -> str:
    """Where scripts read a job's state. `base` is the server's path prefix, "" or "/name"."""
    return f"{base}/jobs/{quote(job_id, safe='')}"


def download_url(base: str, job_id: str) -> str:
    return f"{job_url(base, job_id)}/download"


def report_url(base: str, job_id: str) -> str:
    return f"{job_url(base, job_id)}/report"


def file_url(base: str, job_id: str, model: str, name: str) -> str:
    return f"{job_url(base, job_id)}/files/{quote(model, safe='')}/{quote(name)}"


def thumbnail_url(
    base: str, job_id: str, model: str, name: str, *, edge_px: int, version: int
) -> str:
    """`version` is the file's mtime in ns: a picture that changes gets a new address."""
    query = urlencode({"edge": edge_px, "v": f"{version:x}"})
    return f"{job_url(base, job_id)}/thumbnails/{quote(model, safe='')}/{quote(name)}?{query}"


def view_url(base: str, job_id: str, model: str, *, version: str) -> str:
    """Where a browser gets a mesh to draw; `version` is that of the files it is made from."""
    query = urlencode({"v": version})
    return f"{job_url(base, job_id)}/view/{quote(model, safe='')}.glb?{query}"
