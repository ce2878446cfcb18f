"""The one package that talks to Redis: Celery's records, read or followed."""

from dashboard.records.feed import Feed
from dashboard.records.reader import (
    READERS,
    RecordReader,
    Records,
    StateUnavailableError,
    record_reader,
)

__all__ = [
    "READERS",
    "Feed",
    "RecordReader",
    "Records",
    "StateUnavailableError",
    "record_reader",
]
