"""The list's links to ZIP, CSV and JSON: they take what the filters show."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from dashboard.job_pages import list_jobs
from dashboard.job_query import JobQuery
from dashboard.page import take_along, ticked_jobs
from dashboard.wording import size_text
from tests.pages import open_page, words

DONE = {"status": "completed"}

pytestmark = pytest.mark.usefixtures("backend", "storage")


@pytest.fixture
def jobs(
    put_outputs: Callable[..., Path],
    put_record: Callable[..., None],
    until: Callable[..., None],
) -> None:
    """Two ready jobs and a failed one."""
    for job_id, model in {"one1": "reconviagen", "two2": "a [model](x) & more"}.items():
        put_outputs(job_id, model)
        put_record(job_id, "SUCCESS", DONE)
    put_record("fail3", "FAILURE")
    until(lambda: list_jobs(JobQuery()).total == 3)


def links(page: AppTest) -> dict[str, str]:
    """Each link that downloads, by its first words."""
    found = re.findall(r'<a [^>]*href="([^"]*)" download>(?:<b>)?([^<]*)', words(page))
    return {label: unescape(url) for url, label in found}


def asked(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


@pytest.mark.usefixtures("jobs")
def test_without_filters_all_jobs_are_taken_in_the_lists_order() -> None:
    page = open_page(sort="job_id")
    assert links(page) == {
        "ZIP of 2 ready jobs": "/jobs/download?status=ready&sort=job_id",
        "CSV": "/jobs/export.csv?sort=job_id",
        "JSON": "/jobs/export.json?sort=job_id",
    }
    assert "3 jobs, a row for each model" in words(page)


@pytest.mark.usefixtures("jobs")
def test_links_carry_every_filter_and_take_what_they_say(http: TestClient) -> None:
    model = "a [model](x) & more"
    page = open_page(model=model, status=["ready", "failed"], page="1", view="table")
    found = links(page)
    assert asked(found["CSV"]) == {"model": [model], "status": ["ready", "failed"]}
    assert asked(found["ZIP of 1 ready job"]) == {"model": [model], "status": ["ready"]}
    assert [job["job_id"] for job in http.get(found["JSON"]).json()] == ["two2"]
    assert http.head(found["ZIP of 1 ready job"]).status_code == 200
    size = list_jobs(JobQuery(text="two2")).jobs[0].size_bytes
    assert f"{size_text(size)} of files" in words(page)


@pytest.mark.usefixtures("jobs")
def test_without_a_ready_job_there_is_no_zip() -> None:
    page = open_page(status="failed")
    assert set(links(page)) == {"CSV", "JSON"}
    assert "None of them is ready, so there is no ZIP." in words(page)


@pytest.mark.usefixtures("jobs")
def test_an_empty_list_has_nothing_to_take_along() -> None:
    assert links(open_page(q="nobody")) == {}


@pytest.mark.usefixtures("jobs")
def test_what_one_zip_cannot_hold_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "One ZIP holds 50 GB or 1 jobs: its report.csv names what is left out."
    assert told not in words(open_page())
    monkeypatch.setattr(take_along, "MAX_JOBS", 1)
    assert told in words(open_page())


@pytest.mark.usefixtures("jobs")
def test_below_a_path_prefix_links_carry_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_along, "base_url", lambda: "/recon")
    assert links(open_page())["CSV"] == "/recon/jobs/export.csv"


@pytest.mark.usefixtures("jobs")
def test_ticked_rows_are_one_zip(http: TestClient) -> None:
    page = open_page(view="table")
    assert not any("ticked" in label for label in links(page))
    page.session_state[ticked_jobs.TICKED] = ("one1", "two2", "fail3")
    page.run()
    url = links(page)["ZIP of 3 ticked jobs"]
    assert url == "/jobs/download?job=one1&job=two2&job=fail3"
    assert http.head(url).status_code == 200


def test_nothing_is_handed_over_by_streamlits_own_button() -> None:
    for file in Path(take_along.__file__).parent.glob("*.py"):
        assert "download_button" not in file.read_text()
