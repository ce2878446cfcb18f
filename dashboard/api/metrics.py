"""GET /metrics: what is counted, and how things stand right now."""

import math

from starlette.requests import Request
from starlette.responses import Response

from dashboard import __version__, metrics
from dashboard.api.answers import NO_STORE
from dashboard.api.threads import run
from dashboard.api.zip_builds import SLOTS
from dashboard.catalog.database import CatalogUnavailableError
from dashboard.errors import JobStatus
from dashboard.job_pages import count_jobs
from dashboard.live import live
from dashboard.records import record_reader
from dashboard.settings import read_settings
from dashboard.zip_cache import kept_bytes


async def send_metrics(_request: Request) -> Response:
    """Send the figures of this process; each of several dashboards has its own."""
    _look_at_builds()
    await run(_look_around)
    return Response(metrics.exposition(), media_type=metrics.MEDIA_TYPE, headers=NO_STORE)


def _look_at_builds() -> None:
    metrics.BUILDS_RUNNING.set(SLOTS.borrowed_tokens)
    metrics.BUILD_SLOTS.set(SLOTS.total_tokens)


def _look_around() -> None:
    settings, keeper = read_settings(), live()
    metrics.INFO.labels(__version__).set(1)
    metrics.BREAKER.set(record_reader(settings.result_backend_url).is_away)
    metrics.FEED_UP.set(not keeper.backend_away)
    metrics.CATALOG_LAG.set(keeper.lag_s)
    metrics.RECONCILING.set(keeper.is_reconciling)
    metrics.ZIP_CACHE_LIMIT.set(settings.zip_cache_mb * 1_000_000)
    try:
        metrics.ZIP_CACHE_BYTES.set(kept_bytes())
    except OSError:
        metrics.ZIP_CACHE_BYTES.set(math.nan)
    try:
        by_status, unsurveyed = count_jobs()
    except CatalogUnavailableError:
        metrics.CATALOG_UP.set(0)
        metrics.UNSURVEYED.set(math.nan)
        metrics.JOBS.clear()
        return
    metrics.CATALOG_UP.set(1)
    metrics.UNSURVEYED.set(unsurveyed)
    for status in JobStatus:
        metrics.JOBS.labels(status.value).set(by_status.get(status, 0))
