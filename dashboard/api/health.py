"""GET /health: whether the dashboard can do its work, and what keeps it from doing so."""

import os
from tempfile import TemporaryFile

from starlette.requests import Request
from starlette.responses import Response

from dashboard import __version__
from dashboard.api.answers import answer
from dashboard.api.threads import run
from dashboard.catalog.database import CatalogUnavailableError
from dashboard.job_pages import read_pulse
from dashboard.live import live
from dashboard.records import StateUnavailableError, record_reader
from dashboard.settings import read_settings


async def health(_request: Request) -> Response:
    """Answer 200 when Redis, storage and catalog are there, else 503; both with reasons.

    A cache that cannot be written costs time, but no answer: it is told, and no reason for 503.
    """
    redis, storage, catalog = await run(_redis), await run(_storage), await run(_catalog)
    well = redis == storage == catalog == "ok"
    content = {
        "status": "ok" if well else "degraded",
        "redis": redis,
        "storage": storage,
        "catalog": catalog,
        "catalog_lag_s": round(live().lag_s, 1),
        "cache": await run(_cache),
        "version": __version__,
    }
    response = answer(content, 200 if well else 503)
    if not well:
        response.headers["Retry-After"] = "5"
    return response


def _redis() -> str:
    try:
        record_reader(read_settings().result_backend_url).ping()
    except StateUnavailableError as exc:
        return f"unavailable: {exc}"
    return "ok"


def _storage() -> str:
    try:
        os.scandir(read_settings().job_storage_path).close()
    except OSError as exc:
        return f"unavailable: {exc.strerror}"
    return "ok"


def _catalog() -> str:
    try:
        read_pulse()
        fault = live().catalog_fault
    except CatalogUnavailableError as exc:
        fault = str(exc)
    return f"unavailable: {fault}" if fault else "ok"


def _cache() -> str:
    directory = read_settings().cache_path
    try:
        directory.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=directory).close()
    except OSError as exc:
        return f"unavailable: {exc.strerror}"
    return "ok"
