"""Every figure that an operator can watch, in one table; each is kept where things happen.

What is counted is counted here at once. What is a state of its own elsewhere is looked up when
somebody asks (api/metrics.py). No label ever holds a job's id: each of its values is kept for good.
"""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

REGISTRY = CollectorRegistry()
PREFIX = "recon_dashboard_"
MEDIA_TYPE = CONTENT_TYPE_LATEST
# From an answer out of memory to a ZIP over a slow line, in seconds.
ANSWER_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600)
BUILD_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(PREFIX + name, meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(PREFIX + name, meaning, labels, registry=REGISTRY)


INFO = _gauge("info", "1, with the dashboard's version.", "version")
REQUESTS = _counter("requests_total", "Requests that were answered.", "method", "route", "status")
REFUSALS = _counter("refusals_total", "Requests that were refused, by error code.", "code")
CUT = _counter("answers_cut_total", "Answers that were broken off or left by the client.", "route")
ANSWER_SECONDS = Histogram(
    PREFIX + "request_duration_seconds",
    "Time until the whole answer was sent; of a download, at the client's pace.",
    ("route",),
    registry=REGISTRY,
    buckets=ANSWER_BUCKETS_S,
)
SENT_BYTES = _counter("response_bytes_total", "Bytes of answers that were sent.", "route")
BUILD_SECONDS = Histogram(
    PREFIX + "build_duration_seconds",
    "Time to pack a job's ZIP into cache or memory, by outcome (ok, failed, abandoned).",
    ("outcome",),
    registry=REGISTRY,
    buckets=BUILD_BUCKETS_S,
)
BUILDS_RUNNING = _gauge("builds_running", "Build slots that are taken right now.")
BUILD_SLOTS = _gauge("build_slots", "Build slots that there are (MAX_BUILDS).")
ZIP_CACHE = _counter(
    "zip_cache_requests_total", "Downloads by whether their ZIP was kept (hit, miss).", "result"
)
ZIP_CACHE_BYTES = _gauge("zip_cache_bytes", "Size of the ZIPs that are kept.")
ZIP_CACHE_LIMIT = _gauge("zip_cache_limit_bytes", "Size up to which ZIPs are kept (ZIP_CACHE_MB).")
THUMBNAIL_CACHE = _counter(
    "thumbnail_cache_requests_total", "Thumbnails by whether they were kept (hit, miss).", "result"
)
JOBS = _gauge("jobs", "Jobs in the catalog, by status.", "status")
UNSURVEYED = _gauge("unsurveyed_jobs", "Jobs whose files nobody has looked into yet.")
CATALOG_UP = _gauge("catalog_up", "1 where the catalog can be read, else 0.")
CATALOG_LAG = _gauge(
    "catalog_lag_seconds",
    "Time since this dashboard last looked around, or saw that another one does.",
)
RECONCILING = _gauge("reconciling", "1 where this dashboard keeps the catalog up to date.")
FEED_UP = _gauge("record_feed_up", "1 where changes of records are followed as they are pushed.")
BREAKER = _gauge("redis_breaker_open", "1 where Redis failed a moment ago and is not asked now.")

# Memory, CPU time and open files of the process, under Prometheus' own names.
ProcessCollector(registry=REGISTRY)


def names() -> list[str]:
    """Every metric of ours, as it is exposed."""
    return sorted(
        family.name + ("_total" if family.type == "counter" else "")
        for family in REGISTRY.collect()
        if family.name.startswith(PREFIX)
    )


def exposition() -> bytes:
    """All figures in Prometheus' text format."""
    return generate_latest(REGISTRY)
