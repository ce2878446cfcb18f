"""Records as raw JSON: what is read of what Celery writes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dashboard.celery_record import NO_RECORD, parse_record


def record(status: object, result: object = None, **more: Any) -> bytes:
    return json.dumps({"status": status, "result": result} | more).encode()


def test_a_job_without_record_is_pending() -> None:
    assert parse_record(None) == NO_RECORD
    assert parse_record(None).state == "PENDING"


def test_progress_is_read_with_its_step_and_model() -> None:
    found = parse_record(
        record("PROGRESS", {"progress": 45, "step": "Texturing", "model": "nvdiffrec"})
    )
    assert (found.state, found.progress, found.step, found.model) == (
        "PROGRESS",
        45.0,
        "Texturing",
        "nvdiffrec",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-5, 0.0), (250, 100.0), ("45", None), (True, None), (None, None), ([], None)],
)
def test_progress_is_a_percentage_or_nothing(value: object, expected: float | None) -> None:
    assert parse_record(record("PROGRESS", {"progress": value})).progress == expected


def test_progress_that_is_not_a_finite_number_is_nothing() -> None:
    raw = b'{"status": "PROGRESS", "result": {"progress": NaN}}'
    assert parse_record(raw).progress is None
    raw = b'{"status": "PROGRESS", "result": {"progress": 1' + b"0" * 400 + b"}}"
    assert parse_record(raw).progress is None


def test_an_exception_is_told_by_its_name_and_those_arguments_that_are_texts() -> None:
    error = {"exc_type": "system", "exc_module": "os", "exc_message": ["rm -r", 3, "now"]}
    found = parse_record(record("FAILURE", error))
    assert (found.error_type, found.error_text) == ("system", "rm -r now")


def test_error_texts_are_capped() -> None:
    found = parse_record(record("FAILURE", {"exc_type": "E", "exc_message": "x" * 10_000}))
    assert found.error_text == "x" * 500


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("cannot open /srv/jobs/x1/output/mesh.obj", "cannot open …/mesh.obj"),
        (
            "[Errno 2] No such file: '/srv/jobs/x1/a b/c.png'",
            "[Errno 2] No such file: '…/a b/c.png'",
        ),
        ("C:\\jobs\\x1\\mesh.obj is missing", "…/mesh.obj is missing"),
        (
            "see https://example.org/a/b/c and 3/4/5 of it",
            "see https://example.org/a/b/c and 3/4/5 of it",
        ),
        (
            'Traceback (most recent call last):\n  File "/srv/app/run.py", line 3\nValueError: no',
            "ValueError: no",
        ),
        ("two\nlines", "two\nlines"),
    ],
)
def test_the_servers_paths_and_tracebacks_stay_there(error: str, told: str) -> None:
    found = parse_record(record("SUCCESS", {"status": "failed", "error": error}))
    assert found.error_text == told


def test_a_long_text_of_slashes_is_read_once() -> None:
    assert parse_record(record("FAILURE", {"exc_message": "/a" * 200_000})).error_text


def test_lone_surrogates_become_text_that_can_be_sent() -> None:
    raw = b'{"status": "PROGRESS", "result": {"step": "a\\ud800b"}}'
    assert parse_record(raw).step == "a?b"


@pytest.mark.parametrize("result", [None, "text", 5, ["a"]])
def test_a_result_of_another_type_says_nothing(result: object) -> None:
    assert parse_record(record("SUCCESS", result)).outcome is None


@pytest.mark.parametrize("text", ["2026-02-01T10:00:00", "2026-02-01T12:00:00+02:00"])
def test_the_end_is_an_aware_time_in_utc(text: str) -> None:
    moment = parse_record(record("SUCCESS", {}, date_done=text)).finished_at
    assert moment == datetime(2026, 2, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "", 5, None, "0001-01-01T00:00:00+23:00"])
def test_an_end_that_is_no_time_is_not_known(text: object) -> None:
    assert parse_record(record("SUCCESS", {}, date_done=text)).finished_at is None
