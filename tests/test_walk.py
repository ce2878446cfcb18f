"""A whole list, walked a step at a time while jobs come, go and move: none unchanged is lost."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from dashboard import job_pages
from dashboard.job_pages import list_jobs, measure_ready, walk_jobs, walk_ready
from dashboard.job_query import SORTS, JobQuery, parse_filter
from dashboard.outputs import StorageUnavailableError

DONE = {"status": "completed"}
STEP = 3

pytestmark = pytest.mark.usefixtures("backend", "storage")


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_pages, "WALKED_AT_ONCE", STEP)


@pytest.fixture
def catalogued(until: Callable[..., None]) -> Callable[[int], None]:
    """Wait until so many jobs pass a filter."""

    def wait(total: int, query: JobQuery | None = None) -> None:
        until(lambda: list_jobs(query or JobQuery()).total == total)

    return wait


def day(number: int) -> str:
    return f"2026-02-{number:02}T10:00:00+00:00"


@pytest.fixture
def steady(
    put_outputs: Callable[..., Path], put_record: Callable[..., None], catalogued: Any
) -> set[str]:
    """Jobs of every sort key, with and without figures; between them, jobs that will not stay."""
    for number in range(6):
        quality = {"metrics": {"psnr": 20.0 + number % 4, "ssim": 0.9}} if number % 2 else None
        put_outputs(f"stay{number}", quality=quality)
        put_record(f"stay{number}", "SUCCESS", DONE, date_done=day(10 + number % 4))
        put_record(f"lost{number}", "FAILURE", date_done=day(10 + number))
        put_record(f"mover{number}", "FAILURE", date_done=day(10 + number))
        put_record(f"goer{number}", "FAILURE", date_done=day(10 + number))
    catalogued(24)
    return {f"{name}{number}" for name in ("stay", "lost") for number in range(6)}


@pytest.mark.parametrize("sort", sorted(SORTS))
@pytest.mark.usefixtures("small_steps")
def test_each_job_that_stays_comes_once_while_others_come_go_and_move(
    sort: str,
    steady: set[str],
    put_record: Callable[..., None],
    until: Callable[..., None],
) -> None:
    query = parse_filter({"status": ["ready,failed"], "sort": [sort]})
    whole = JobQuery(statuses=query.statuses, sort=sort, limit=200)
    expected = [job.job_id for job in list_jobs(whole).jobs if job.job_id in steady]
    assert set(expected) == steady
    found, total = list[str](), 24
    for step, jobs in enumerate(walk_jobs(query)):
        assert len(jobs) <= STEP
        found += [job.job_id for job in jobs]
        number = step % 6
        put_record(f"mover{number}", "FAILURE", date_done=day(28 if step % 2 else 1))
        put_record(f"goer{number}", "STARTED")
        put_record(f"a-new{step}", "FAILURE", date_done=day(1))
        put_record(f"z-new{step}", "FAILURE", date_done=day(28))
        total += 2 - (step < 6)
        until(lambda now=total: list_jobs(whole).total == now)
    assert [job_id for job_id in found if job_id in steady] == expected


@pytest.mark.usefixtures("small_steps")
def test_only_ready_jobs_that_pass_are_walked_and_measured(
    steady: set[str], put_outputs: Callable[..., Path], put_record: Callable[..., None],
    catalogued: Any,
) -> None:  # fmt: skip
    put_outputs("other1", "nvdiffrec")
    put_record("other1", "SUCCESS", DONE)
    catalogued(25)
    by_id = {"sort": ["job_id"]}
    ready = ["other1", *(f"stay{number}" for number in range(6))]
    assert list(walk_ready(parse_filter(by_id))) == ready
    assert list(walk_ready(parse_filter(by_id | {"model": ["nvdiffrec"]}))) == ["other1"]
    assert list(walk_ready(parse_filter(by_id | {"q": ["STAY1"]}))) == ["stay1"]
    assert list(walk_ready(parse_filter(by_id | {"status": ["failed"]}))) == []
    sizes = {job.job_id: job.size_bytes for job in list_jobs(JobQuery(limit=200)).jobs}
    assert measure_ready(JobQuery()) == (7, sum(sizes[job_id] for job_id in ready))
    assert measure_ready(JobQuery(models=frozenset({"nvdiffrec"}))) == (1, sizes["other1"])
    assert measure_ready(JobQuery(text="STAY1")) == (1, sizes["stay1"])
    assert measure_ready(parse_filter({"status": ["failed"]})) == (0, 0)


@pytest.mark.usefixtures("small_steps")
def test_a_storage_that_goes_away_ends_a_walk(steady: set[str], storage: Path) -> None:
    steps = walk_jobs(parse_filter({"q": ["stay"]}))
    next(steps)
    storage.rename(storage.with_name("away"))
    with pytest.raises(StorageUnavailableError):
        next(steps)


def peak_of_walk(query: JobQuery, count: int) -> int:
    tracemalloc.start()
    assert sum(len(jobs) for jobs in walk_jobs(query)) == count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_jobs(
    backend: redis.Redis, put_record: Callable[..., None], catalogued: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(job_pages, "WALKED_AT_ONCE", 100)
    for number in range(2000):
        put_record(f"{'few' if number < 200 else 'many'}{number}", "FAILURE")
    catalogued(2000)
    peaks = {}
    for name, count in {"few": 200, "many": 1800}.items():
        query = parse_filter({"q": [name]})
        next(walk_jobs(query))  # what is kept anyway
        # The least of some walks: what else the process does meanwhile is counted as well.
        peaks[name] = min(peak_of_walk(query, count) for _ in range(3))
    # All jobs at once are some 4 MB; what waits for the garbage collector is below one.
    assert peaks["many"] < peaks["few"] + 1_000_000
