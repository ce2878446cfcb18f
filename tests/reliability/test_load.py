"""Load, in short (`make load` is the long form, with browsers): two archives are packed at once and
the rest are told BUSY at once; many downloads are all whole, and health answers meanwhile; a
download in memory takes little more than its ZIP; jobs that come and go leave nothing.
"""

from collections.abc import Callable

import pytest

from benchmarks.load import download_many, growth, jobs_moving, meet_the_limit, memory_per_download
from benchmarks.load import soak as let_jobs_come_and_go
from benchmarks.served import Served

# The machine is shared: what it does beside this is no part of what is promised.
SLACK_S = 0.25


@pytest.fixture(scope="module")
def served(serve: Callable[..., Served]) -> Served:
    return serve()


def test_two_archives_are_packed_at_once_and_the_rest_are_told_so(served: Served) -> None:
    answers = meet_the_limit(served, megabytes=40, requests=6)
    refused = [answer for answer in answers if answer.status == 503]
    assert 2 <= sum(answer.status == 200 for answer in answers) == len(answers) - len(refused)
    assert refused
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert min(answer.first_s for answer in refused) < 0.1
    assert max(answer.first_s for answer in refused) < 0.1 + SLACK_S


def test_many_downloads_are_whole_and_health_answers_meanwhile(served: Served) -> None:
    with jobs_moving(served):
        found = download_many(served, megabytes=10, downloads=40)
    assert found.are_whole == [True] * 40
    assert found.health_p99_s < 0.15 + SLACK_S


def test_jobs_that_come_and_go_leave_nothing(served: Served) -> None:
    samples = let_jobs_come_and_go(served, seconds=5, kept=5)
    assert len(samples) > 4
    assert growth(samples, "memory_mb") < 20
    for name in ("descriptors", "connections", "threads"):
        assert growth(samples, name) <= 4, name


@pytest.mark.slow
def test_an_hour_of_jobs_leaves_nothing(served: Served) -> None:
    samples = let_jobs_come_and_go(served, seconds=3600)
    assert growth(samples, "memory_mb") < 20
    for name in ("descriptors", "connections", "threads"):
        assert growth(samples, name) <= 3, name


def test_a_download_in_memory_takes_little_more_than_its_zip(serve: Callable[..., Served]) -> None:
    uncached = serve(ZIP_CACHE_MB="0")
    assert memory_per_download(uncached, megabytes=120) <= 1.3
