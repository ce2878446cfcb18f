"""What is beyond the limits of one ZIP is left out and told, and nothing is held for long."""

import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from dashboard import bulk_zip
from dashboard.bulk_zip import BulkZip
from tests.bulk.archives import address_of, opened, results_of
from tests.refusals import error_of


@pytest.mark.usefixtures("small_limit")
def test_jobs_beyond_the_limit_are_left_out_and_told(
    http: TestClient, put_sized: Callable[[str, int], None]
) -> None:
    for job_id, size_mb in {"a": 4, "huge": 11, "b": 4, "c": 3, "d": 1}.items():
        put_sized(job_id, size_mb)
    response = http.get(address_of(["a", "huge", "b", "c", "d"]))
    # After the first that no longer fits nothing comes: what is left is the list's end.
    assert results_of(response.content) == {
        "a": "included",
        "huge": "BULK_LIMIT",
        "b": "included",
        "c": "BULK_LIMIT",
        "d": "BULK_LIMIT",
    }
    assert response.headers["bulk-limit"].startswith("10 GB, 10000 jobs")
    assert error_of(http.get(address_of(["huge"]))) == (413, "BULK_LIMIT")


def test_the_number_of_jobs_is_limited_too(
    http: TestClient, jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_zip, "MAX_JOBS", 1)
    results = results_of(http.get(address_of(jobs)).content)
    assert results == {"first1": "included", "second2": "JOB_FAILED", "third3": "BULK_LIMIT"}


def test_the_report_names_no_more_than_it_may(
    http: TestClient, jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_zip, "MAX_JOBS", 1)
    monkeypatch.setattr(bulk_zip, "REPORTED_BEYOND", 2)
    archive = BulkZip(["first1", "third3", *(f"third{number}" for number in range(10, 30))])
    content = b""
    while not archive.is_done:
        if part := archive.step():
            content += part.read()
    report = opened(content).read("report.csv").decode().splitlines()
    assert [line.split(",")[0] for line in report[1:]] == [
        "first1",
        "third3",
        "third10",
        "third11",
        "",
    ]
    assert "So are 18 more jobs, which are not named here." in report[-1]
    assert archive.left_out.total() == 21


def test_ids_are_taken_one_by_one(http: TestClient, jobs: list[str]) -> None:
    taken: list[str] = []

    def endless() -> Iterator[str]:
        for job_id in ["second2", "first1"]:
            taken.append(job_id)
            yield job_id
        while True:
            taken.append("nobody")
            yield "nobody"

    archive = BulkZip(endless())
    while archive.step() is None:
        pass
    assert taken == ["second2", "first1"]
    archive.close()


def test_memory_does_not_grow_with_the_jobs(
    http: TestClient, put_sized: Callable[[str, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_zip, "HELD_IN_MEMORY_BYTES", 1 << 20)
    for number in range(12):
        put_sized(f"job{number}", 12)
    archive = BulkZip(f"job{number}" for number in range(12))
    held = []
    tracemalloc.start()
    while not archive.is_done:
        if part := archive.step():
            while part.read(1 << 20):
                pass
            held.append(tracemalloc.get_traced_memory()[0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert archive.included == 12
    # While packing, a few of a mesh's blocks are in work at once, more or fewer each time.
    assert held[11] < held[1] + 2_000_000
    assert peak < 40_000_000
