"""Taking a list along: links, so that the page stays as it is and the browser does the rest."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import streamlit as st

from dashboard.bulk_zip import GB, MAX_JOBS
from dashboard.catalog.database import CatalogUnavailableError
from dashboard.errors import JobStatus
from dashboard.job_pages import measure_ready
from dashboard.job_query import FILTERS, JobQuery
from dashboard.page.pieces import base_url, facts
from dashboard.settings import read_settings
from dashboard.urls import bulk_download_url, export_url
from dashboard.wording import size_text


def show_take_along(query: JobQuery, total: int) -> None:
    """Offer all jobs that pass the list's filter, whatever page is shown."""
    with st.popover("Take along", icon=":material/download:", key="take-along"):
        facts("All jobs that pass the filters, in this order.", quiet=True)
        ready, size_bytes = _measure(query)
        asked, jobs = _asked(), _jobs(total)
        csv, as_json = (export_url(base_url(), suffix, asked) for suffix in ("csv", "json"))
        links = [
            _link(csv, "CSV", f"{jobs}, a row for each model: for a spreadsheet"),
            _link(as_json, "JSON", f"{jobs}, as GET /jobs tells them: for a script"),
        ]
        if ready:
            url = bulk_download_url(base_url(), {**asked, "status": [JobStatus.READY]})
            files = f"{size_text(size_bytes)} of files, a folder for each job"
            links.insert(0, _link(url, f"ZIP of {_jobs(ready, 'ready ')}", files))
        st.html(f'<div class="take-list">{"".join(links)}</div>')
        if not ready:
            facts("None of them is ready, so there is no ZIP.", quiet=True)
        elif ready > MAX_JOBS or size_bytes > read_settings().max_bulk_gb * GB:
            facts(_limit(), quiet=True)


def show_ticked_link(job_ids: Sequence[str]) -> None:
    """Offer the ticked jobs as one ZIP."""
    url = escape(bulk_download_url(base_url(), {"job": job_ids}))
    label = f"ZIP of {_jobs(len(job_ids), 'ticked ')}"
    st.html(f'<a class="secondary-link zip" href="{url}" download>{label}</a>', width="content")


def _measure(query: JobQuery) -> tuple[int, int]:
    """A catalog that has just gone away is told by the page's next run."""
    try:
        return measure_ready(query)
    except CatalogUnavailableError:
        return 0, 0


def _asked() -> Mapping[str, Iterable[str]]:
    return {name: st.query_params.get_all(name) for name in (*FILTERS, "sort")}


def _jobs(count: int, which: str = "") -> str:
    return f"{count:,} {which}job{'s' if count != 1 else ''}"


def _link(url: str, name: str, told: str) -> str:
    return f'<a href="{escape(url)}" download><b>{escape(name)}</b><span>{escape(told)}</span></a>'


def _limit() -> str:
    most = f"{read_settings().max_bulk_gb} GB or {MAX_JOBS:,} jobs"
    return f"One ZIP holds {most}: its report.csv names what is left out."
