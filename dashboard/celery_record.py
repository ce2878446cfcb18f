"""Celery's record of one job, read as plain JSON: nothing is imported or rebuilt from it."""

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

# A real record is below 100 kB even with a long traceback.
RECORD_MAX_BYTES = 1 << 20
TEXT_MAX_CHARS = 500

SEARCHED_CHARS = 20_000
# The directories of an absolute path, in POSIX or Windows style; addresses of the web are none.
PATH = re.compile(r"(?<![\w:/.])(?:/(?:[\w.@+~-]+/)+|[A-Za-z]:\\(?:[^\\\s:\"']+\\)+)")

SUCCESS, FAILURE, REVOKED, PENDING = "SUCCESS", "FAILURE", "REVOKED", "PENDING"
FINAL_STATES = frozenset({SUCCESS, FAILURE, REVOKED})


class UnreadableRecordError(ValueError):
    """The bytes are not a record as Celery's JSON backend writes them."""


class RecordFault(StrEnum):
    """Why there is no record to decide by."""

    UNAVAILABLE = "unavailable"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class CeleryRecord:
    """What a record says; every text is capped and may come from anybody.

    `progress` is 0 to 100; `outcome` is the `status` of the returned dict, in state SUCCESS only.
    """

    state: str = PENDING
    outcome: str | None = None
    progress: float | None = None
    step: str | None = None
    model: str | None = None
    error_type: str | None = None
    error_text: str | None = None
    error_code: str | None = None
    finished_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES


NO_RECORD = CeleryRecord()


def clean_text(value: object, limit: int = TEXT_MAX_CHARS) -> str | None:
    """Return a text that can be encoded and shown, at most `limit` characters; else None.

    JSON may carry lone surrogates, which no UTF-8 channel takes, and NUL, which no PostgreSQL
    text holds: they become question marks.
    """
    if not isinstance(value, str) or not value:
        return None
    return value[:limit].replace("\0", "?").encode("utf-8", "replace").decode("utf-8")


def number(value: object) -> float | None:
    """Return a finite number as a float, and None for everything else (booleans too)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def parse_record(raw: bytes | None) -> CeleryRecord:
    """Read one record's bytes; None is what Redis has of a job that Celery does not know.

    Raises UnreadableRecordError for what is not JSON, too large, or of another shape.
    """
    if raw is None:
        return NO_RECORD
    if len(raw) > RECORD_MAX_BYTES:
        raise UnreadableRecordError(f"a record of {len(raw)} bytes")
    try:
        record = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise UnreadableRecordError("not JSON") from exc
    state = clean_text(record.get("status"), 40) if isinstance(record, dict) else None
    if state is None:
        raise UnreadableRecordError("no state")
    result = record.get("result")
    return _read_result(state, result if isinstance(result, dict) else {}, record)


def _read_result(state: str, result: dict[str, Any], record: dict[str, Any]) -> CeleryRecord:
    is_success = state == SUCCESS
    finished_at = _moment(record.get("date_done")) if state in FINAL_STATES else None
    outcome = clean_text(result.get("status"), 40) if is_success else None
    if is_success and outcome == "completed":
        return CeleryRecord(state=state, outcome=outcome, finished_at=finished_at)
    return CeleryRecord(
        state=state,
        outcome=outcome,
        progress=_percent(result.get("progress")),
        step=clean_text(result.get("step"), 120),
        model=clean_text(result.get("model"), 120),
        error_type=clean_text(result.get("exc_type"), 120),
        error_text=_error_text(result),
        error_code=clean_text(result.get("error_code"), 120),
        finished_at=finished_at,
    )


def _error_text(result: dict[str, Any]) -> str | None:
    """Take the pipeline's `error`, or Celery's `exc_message` (the exception's arguments)."""
    message = result.get("error", result.get("exc_message"))
    if isinstance(message, list):
        message = " ".join(part for part in message if isinstance(part, str))
    return clean_text(_told_outside(message) if isinstance(message, str) else None)


def _told_outside(message: str) -> str:
    """Keep the server's paths and tracebacks to the server's log.

    Of a traceback its last line is left, which names the error; of a path its last part.
    """
    lines = message[:SEARCHED_CHARS].strip().splitlines() or [""]
    text = lines[-1] if lines[0].startswith("Traceback (most recent call last)") else message
    return PATH.sub("…/", text[:SEARCHED_CHARS])


def _percent(value: object) -> float | None:
    found = number(value)
    return None if found is None else min(max(found, 0.0), 100.0)


def _moment(value: object) -> datetime | None:
    """Celery writes ISO 8601 in UTC, with or without an offset."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
