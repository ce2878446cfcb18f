"""A reviewer's walk as the page asks for it."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from dashboard import verdicts
from dashboard.errors import JobStatus
from dashboard.job_query import JobQuery
from dashboard.review_walk import stop_at
from dashboard.verdict import Verdict


@pytest.fixture
def ready(
    put_outputs: Callable[..., Path], put_record: Callable[..., None], backend: redis.Redis
) -> list[str]:
    """Three jobs that are ready, and one that failed."""
    for job_id in ("one", "three", "two"):
        put_outputs(job_id)
        put_record(job_id, "SUCCESS", {"status": "completed"})
    put_record("zero", "FAILURE")
    return ["one", "three", "two"]


UNREVIEWED = JobQuery(sort="job_id", verdicts=frozenset({"unreviewed"}))


def test_the_service_walks_what_the_filter_asks_for(ready: list[str]) -> None:
    query = JobQuery(sort="job_id", statuses=frozenset({JobStatus.READY}))
    trail, job_id, found = None, None, []
    for _ in itertools.count():
        here = stop_at(query, job_id, trail)
        assert here
        found.append(here.job_id)
        if here.following is None:
            break
        trail, job_id = here.longer, here.following
    assert found == ready


def test_without_an_address_a_walk_goes_on_from_its_first_job(ready: list[str]) -> None:
    here = stop_at(UNREVIEWED, None, None)
    assert here
    verdicts.give_verdict(here.job_id, Verdict.ACCEPTED, "", "Ada", upon=None)
    again = stop_at(UNREVIEWED, None, here.longer)
    assert again
    assert again.job_id == here.job_id == "one"
    anew = stop_at(UNREVIEWED, None, None)
    assert anew
    assert anew.job_id == "three"


def test_a_trail_of_another_list_is_left(ready: list[str]) -> None:
    here = stop_at(UNREVIEWED, "three", None)
    assert here
    other = stop_at(JobQuery(sort="-job_id"), "two", here.longer)
    assert other
    assert (other.number, other.previous, other.following) == (2, "zero", "three")


def test_there_is_no_stop_at_a_job_that_is_not_there(ready: list[str]) -> None:
    assert stop_at(UNREVIEWED, "nothing", None) is None
    assert stop_at(UNREVIEWED, "../../etc", None) is None
    assert stop_at(JobQuery(text="nothing"), None, None) is None
