"""Addresses of what the dashboard serves, as pages and answers link to it."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode


def job_url(base: str, job_id: str) -> str:
    """Where scripts read a job's state. `base` is the server's path prefix, "" or "/name"."""
    return f"{base}/jobs/{quote(job_id, safe='')}"


def download_url(base: str, job_id: str) -> str:
    return f"{job_url(base, job_id)}/download"


def bulk_download_url(base: str, asked: Mapping[str, Iterable[str]]) -> str:
    """Where several jobs are one ZIP: those of `job`, or the ready ones that pass a filter."""
    return f"{base}/jobs/download?{urlencode(_given(asked), doseq=True)}"


def export_url(base: str, suffix: str, asked: Mapping[str, Iterable[str]]) -> str:
    """Where a filtered list is a file; `suffix` is "csv" or "json"."""
    query = urlencode(_given(asked), doseq=True)
    return f"{base}/jobs/export.{suffix}{'?' if query else ''}{query}"


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


def _given(asked: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    return {name: given for name, values in asked.items() if (given := list(filter(None, values)))}
