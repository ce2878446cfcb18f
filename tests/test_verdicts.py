"""Verdicts over HTTP and as a service: told, filtered by, cleaned."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from starlette.testclient import TestClient

from dashboard import verdicts
from dashboard.job_query import parse_query
from dashboard.jobs import get_job
from dashboard.verdict import Review, Verdict

ACCEPTED, REWORK, REJECTED = Verdict


@pytest.fixture
def judged(
    put_outputs: Callable[..., Path], put_record: Callable[..., None], backend: redis.Redis
) -> Review:
    """Two jobs that are ready, one of them accepted."""
    for job_id in ("seen1", "unseen1"):
        put_outputs(job_id)
        put_record(job_id, "SUCCESS", {"status": "completed"})
    return verdicts.give_verdict("seen1", ACCEPTED, "Fine", "Ada", upon=None)


def test_lists_and_jobs_tell_the_verdict_over_http(http: TestClient, judged: Review) -> None:
    told = {
        "verdict": "accepted",
        "note": "Fine",
        "reviewer": "Ada",
        "decided_at": judged.decided_at.isoformat(),
    }
    assert http.get("/jobs/seen1").json()["verdict"] == told
    assert http.get("/jobs/unseen1").json()["verdict"] is None
    listed = {job["job_id"]: job["verdict"] for job in http.get("/jobs").json()["jobs"]}
    assert listed == {"seen1": told, "unseen1": None}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("verdict=accepted", {"seen1"}),
        ("verdict=unreviewed", {"unseen1"}),
        ("verdict=unreviewed&verdict=accepted", {"seen1", "unseen1"}),
        ("verdict=rework,rejected", set()),
        ("verdict=accepted&status=failed", set()),
    ],
)
def test_lists_are_filtered_by_verdict(
    http: TestClient, judged: Review, asked: str, found: set[str]
) -> None:
    page = http.get(f"/jobs?{asked}").json()
    assert {job["job_id"] for job in page["jobs"]} == found
    assert page["total"] == len(found)


def test_an_unknown_verdict_is_an_invalid_parameter(http: TestClient) -> None:
    answer = http.get("/jobs?verdict=fine")
    assert answer.status_code == 422
    wanted = "one of unreviewed, accepted, rework, rejected"
    assert answer.json()["error"]["details"]["allowed"] == wanted


def test_a_query_names_its_verdicts() -> None:
    query = parse_query({"verdict": ["unreviewed", "rework,rejected"]})
    assert query.verdicts == {"unreviewed", "rework", "rejected"}


def test_a_job_that_is_gone_still_tells_its_verdict(storage: Path, backend: redis.Redis) -> None:
    review = verdicts.give_verdict("gone1", REJECTED, "", "Ada", upon=None)
    job = get_job("gone1")
    assert job.status is None
    assert job.review == review


def test_a_verdict_needs_a_name(storage: Path, backend: redis.Redis) -> None:
    with pytest.raises(ValueError, match="name"):
        verdicts.give_verdict("job1", ACCEPTED, "", " \t", upon=None)
    assert verdicts.read_history("job1") == []


def test_texts_are_cleaned_on_their_way_in(
    storage: Path, backend: redis.Redis, http: TestClient
) -> None:
    review: Any = verdicts.give_verdict(
        "job1", ACCEPTED, "a\0b\ud800\x1b" + "x" * 9000, "Ada\n", upon=None
    )
    assert review.note.startswith("a?b? x")
    assert len(review.note) == 2000
    assert review.reviewer == "Ada"
    assert verdicts.read_history("job1") == [review]
