"""The list of jobs: counts, filters, cards or a table; it follows what happens by itself."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from dashboard.catalog.database import CatalogUnavailableError
from dashboard.errors import ErrorCode, JobStatus
from dashboard.job_pages import JobPage, list_jobs, read_pulse
from dashboard.job_query import FILTERS, QUALITIES
from dashboard.list_faults import FAULTS, ListFault, fault_of
from dashboard.page import banner
from dashboard.page.address import (
    JOBS_PER_PAGE,
    TABLE,
    ListAddress,
    go_to_list,
    has_moved,
    note_shown,
    read_address,
)
from dashboard.page.job_cards import show_cards
from dashboard.page.job_table import show_table
from dashboard.page.list_filters import show_filters, show_page_size
from dashboard.page.pieces import facts
from dashboard.page.quality_address import go_to_quality
from dashboard.page.review import start_review
from dashboard.page.take_along import show_take_along
from dashboard.settings import read_settings
from dashboard.verdict import VERDICTS
from dashboard.wording import STATUS_LOOKS, model_text, quality_word, verdict_word

# How often an open page asks the catalog whether anything is new: one number, no Redis.
WATCH_S = 0.5
# What no change of the catalog tells of is looked for this often: files, and the time itself.
LOOK_ANYWAY_S = 10
AGES_S = 60

# Unknown are, while Redis is away, jobs that had not ended before.
IN_PROGRESS = (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.UNKNOWN)
# Every status stands in one of the tiles, so that they add up to all jobs.
REST = tuple(s for s in JobStatus if s not in {*IN_PROGRESS, JobStatus.READY})


@dataclass(frozen=True)
class Loaded:
    """What one run of the list shows: its address and jobs, or why there are none.

    `minute` is part of it because ages are.
    """

    address: ListAddress | None = None
    page: JobPage | None = None
    fault: ListFault | None = None
    minute: int = 0


def show_list() -> None:
    """Show the list, and show it anew whenever something on it has changed."""
    st.session_state["pulse"] = _pulse()
    loaded = _load()
    note_shown()
    _heading(loaded)
    if loaded.fault:
        banner.show_code(loaded.fault.code, loaded.fault.reason)
    if loaded.fault and loaded.fault.code is ErrorCode.INVALID_PARAMETER:
        st.button("Show all jobs", on_click=st.query_params.clear)
    if loaded.address and loaded.page:
        _found(loaded.address, loaded.page)
    st.fragment(_watch, run_every=WATCH_S)(loaded)


def _watch(shown: Loaded) -> None:
    """Look again if something has changed anywhere, and show the page anew if it did here."""
    if has_moved():
        st.rerun()
    pulse = _pulse()
    if pulse == st.session_state.get("pulse"):
        return
    st.session_state["pulse"] = pulse
    if _load() != shown:
        st.rerun()


def _pulse() -> object:
    now = int(time.time() / LOOK_ANYWAY_S)
    try:
        return now, read_pulse()
    except CatalogUnavailableError as exc:
        return now, str(exc)


def _load() -> Loaded:
    try:
        address = read_address()
        return Loaded(address, list_jobs(address.query), minute=int(time.time() / AGES_S))
    except FAULTS as exc:
        return Loaded(fault=fault_of(exc))


def _found(address: ListAddress, page: JobPage) -> None:
    if page.backend_away:
        banner.show_code(ErrorCode.STATE_UNAVAILABLE)
    elif page.catalog_fault:
        banner.show_code(ErrorCode.CATALOG_UNAVAILABLE)
        st.text(page.catalog_fault)
    _counts(page)
    show_filters(address, page.by_model)
    _jobs(address, page)


def _heading(loaded: Loaded) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="heading"):
        st.title("Reconstructions", anchor=False, width="content")
        st.space("stretch")
        if loaded.page and loaded.page.by_model:
            st.button("Quality", icon=":material/scatter_plot:", on_click=go_to_quality)
        if read_settings().demo:
            st.button("Submit a sample job", icon=":material/add:", on_click=_submit_sample)
        if loaded.page and loaded.page.by_status:
            st.button("Review", icon=":material/rate_review:", key="review", on_click=start_review)
        if loaded.address and loaded.page and loaded.page.total:
            show_take_along(loaded.address.query, loaded.page.total)
        if loaded.page and not loaded.page.backend_away:
            st.badge("Live", icon=":material/sensors:", color="green")


def _submit_sample() -> None:
    # Celery is the demo's alone, so nobody else loads it.
    from dashboard.demo.submit import BrokerAwayError, submit_sample_job  # noqa: PLC0415

    try:
        job_id = submit_sample_job()
    except BrokerAwayError:
        st.toast(
            "The demo's broker does not answer; nothing was submitted", icon=":material/error:"
        )
        return
    st.toast(f"Submitted job {job_id}", icon=":material/add_task:")


def _counts(page: JobPage) -> None:
    tiles = {
        ("All jobs", ":material/view_in_ar:"): tuple(JobStatus),
        ("In progress", ":material/sync:"): IN_PROGRESS,
        ("Ready", ":material/check_circle:"): (JobStatus.READY,),
        ("Failed or gone", ":material/error:"): REST,
    }
    with st.grid(4, min_column_width=140, key="counts"):
        for (label, icon), statuses in tiles.items():
            count = sum(page.by_status.get(status, 0) for status in statuses)
            st.metric(label, f"{count:,}", icon=icon, border=True, height="stretch")
    numbers = (
        {STATUS_LOOKS[s].label.lower(): page.by_status.get(s, 0) for s in JobStatus},
        {model_text(name): count for name, count in sorted(page.by_model.items())},
        {quality_word(name): page.by_quality.get(name, 0) for name in QUALITIES},
        {verdict_word(name): page.by_verdict.get(name, 0) for name in VERDICTS},
    )
    with st.container(key="numbers"):
        facts(" — ".join(filter(None, map(_numbers, numbers))), quiet=True)
    if page.unsurveyed:
        facts(f"Still looking into the files of {page.unsurveyed:,} jobs.", quiet=True)


def _numbers(counted: Mapping[str, int]) -> str:
    return " · ".join(f"{count:,} {name}" for name, count in counted.items() if count)


def _jobs(address: ListAddress, page: JobPage) -> None:
    if not page.jobs:
        _nothing(page)
        return
    if address.query.is_narrowed:
        _passed(page)
    with st.container(key="jobs"):
        (show_table if address.view == TABLE else show_cards)(page.jobs)
    pages = math.ceil(page.total / address.query.limit)
    if page.total <= JOBS_PER_PAGE[0]:
        return
    with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center"):
        if pages > 1:
            # A key of its own for each page: the widget then always shows the address's page.
            key = f"page-{address.page}-of-{pages}"
            number = min(address.page, pages)
            st.pagination(pages, default=number, key=key, on_change=_turn_page, args=(key,))
        show_page_size(address.query.limit)


def _passed(page: JobPage) -> None:
    """Say how many jobs pass the filters, and offer all others."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="passed"):
        st.html(
            f'<p class="facts"><b>{page.total:,}</b> of {sum(page.by_status.values()):,} jobs</p>',
            width="content",
        )
        cleared = dict.fromkeys((*FILTERS, "page"), "")
        st.button("Clear filters", type="tertiary", on_click=go_to_list, kwargs=cleared)


def _turn_page(key: str) -> None:
    go_to_list(page=str(st.session_state[key]))


def _nothing(page: JobPage) -> None:
    """Say why the list is empty, and what to do next."""
    if not page.by_status:
        st.info(
            "Submit a job to the pipeline: it appears here by itself. If there should be jobs, "
            "check that JOB_STORAGE_PATH and CELERY_RESULT_BACKEND are the pipeline's own.",
            title="No jobs yet",
            icon=":material/inbox:",
        )
    elif page.total:
        _empty("This page is empty", "There are fewer pages now.", "Show the first page", "page")
    else:
        hint = "Take a filter back, search for less of the id, or see every job."
        _empty("No job matches these filters", hint, "Show all jobs", *FILTERS, "page")


def _empty(title: str, hint: str, label: str, *cleared: str) -> None:
    with st.container(horizontal_alignment="center", gap="small"):
        st.space("medium")
        st.subheader(title, anchor=False, width="content")
        st.text(hint, width="content")
        st.button(label, on_click=go_to_list, kwargs=dict.fromkeys(cleared, ""))
