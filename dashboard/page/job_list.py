"""The list of jobs: counts, filters, cards or a table, live while something on it moves."""

import math
from dataclasses import dataclass

import streamlit as st

from dashboard.errors import ErrorCode, JobStatus
from dashboard.job_query import DEFAULT_SORT, InvalidParameterError
from dashboard.jobs import JobPage, list_jobs
from dashboard.outputs import StorageUnavailableError
from dashboard.page import banner
from dashboard.page.address import (
    CARDS,
    JOBS_PER_PAGE,
    TABLE,
    ListAddress,
    go_to_list,
    note_shown,
    read_address,
)
from dashboard.page.job_cards import show_cards
from dashboard.page.job_table import show_table
from dashboard.page.pieces import facts
from dashboard.page.wording import STATUS_LOOKS, model_label
from dashboard.settings import read_settings

REFRESH_S = 2.0

SORTS = {
    "-created_at": "Newest first",
    "created_at": "Oldest first",
    "-updated_at": "Last changed",
    "-psnr": "PSNR, best first",
    "psnr": "PSNR, worst first",
    "-ssim": "SSIM, best first",
    "ssim": "SSIM, worst first",
    "-size_bytes": "Largest first",
    "size_bytes": "Smallest first",
    "job_id": "Job id, A to Z",
    "-job_id": "Job id, Z to A",
}
IN_PROGRESS = (JobStatus.QUEUED, JobStatus.RUNNING)
# Every status stands in one of the tiles, so that they add up to all jobs.
REST = tuple(s for s in JobStatus if s not in {*IN_PROGRESS, JobStatus.READY})


@dataclass(frozen=True)
class Loaded:
    """What one run of the list shows: its address and jobs, or why there are none."""

    address: ListAddress | None = None
    page: JobPage | None = None
    fault: ErrorCode | None = None
    reason: str = ""

    @property
    def is_live(self) -> bool:
        """Tell whether something shown may change by itself."""
        if self.page is None:
            return self.fault is ErrorCode.STORAGE_UNAVAILABLE
        moving = (not job.decision.is_final for job in self.page.jobs)
        return self.page.backend_away or not self.page.by_status or any(moving)


def show_list() -> None:
    """Show the list; while it is live, its fragment alone is run again every 2 s."""
    loaded = _load()
    every = REFRESH_S if loaded.is_live else None
    st.fragment(_list, run_every=every)([loaded], live=loaded.is_live)


def _load() -> Loaded:
    try:
        address = read_address()
        return Loaded(address, list_jobs(address.query))
    except InvalidParameterError as exc:
        return Loaded(fault=ErrorCode.INVALID_PARAMETER, reason=str(exc))
    except StorageUnavailableError:
        return Loaded(fault=ErrorCode.STORAGE_UNAVAILABLE)


def _list(first: list[Loaded], *, live: bool) -> None:
    """Lay out the list: what was loaded with the page first, what is found anew afterwards."""
    if not st.query_params.keys().isdisjoint({"job", "compare"}):
        st.rerun()  # another page was opened: out of the list's fragment
    loaded = first.pop() if first else _load()
    note_shown()
    if loaded.is_live != live:
        st.rerun()
    _heading(live=live)
    if loaded.fault:
        banner.show_code(loaded.fault)
    if loaded.fault is ErrorCode.INVALID_PARAMETER:
        st.text(loaded.reason)
        st.button("Show all jobs", on_click=st.query_params.clear)
    if loaded.address and loaded.page:
        _found(loaded.address, loaded.page)


def _found(address: ListAddress, page: JobPage) -> None:
    if page.backend_away:
        banner.show_code(ErrorCode.STATE_UNAVAILABLE)
    _counts(page)
    _toolbar(address, page)
    _jobs(address, page)


def _heading(*, live: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="heading"):
        st.title("Reconstructions", anchor=False, width="content")
        st.space("stretch")
        if read_settings().demo:
            st.button("Submit a sample job", icon=":material/add:", on_click=_submit_sample)
        if live:
            text = f"Live · every {REFRESH_S:.0f} s"
            st.badge(text, icon=":material/sensors:", color="green")
        else:
            st.button("Refresh", icon=":material/refresh:", type="tertiary", key="refresh")


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
    st.rerun()


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
    each = (f"{n:,} {status}" for status in JobStatus if (n := page.by_status.get(status, 0)))
    facts(" · ".join(each), quiet=True)


def _toolbar(address: ListAddress, page: JobPage) -> None:
    """Show the filters as the address has them; a change goes into the address first."""
    query = address.query
    _set("q", query.text)
    _set("statuses", [s for s in JobStatus if s in query.statuses])
    _set("models", next(iter(sorted(query.models)), None))
    _set("sort", query.sort if query.sort in SORTS else DEFAULT_SORT)
    _set("view", address.view)
    with st.container(horizontal=True, vertical_alignment="center", key="toolbar"):
        st.text_input(
            "Search job ids",
            key="q",
            placeholder="Job id",
            icon=":material/search:",
            label_visibility="collapsed",
            width=240,
            on_change=_changed,
            args=("q", "q"),
        )
        _model_filter(page.models, query.models)
        st.selectbox(
            "Sort by",
            list(SORTS),
            format_func=SORTS.__getitem__,
            key="sort",
            label_visibility="collapsed",
            width=175,
            on_change=_changed,
            args=("sort", "sort"),
        )
        st.space("stretch")
        st.segmented_control(
            "View",
            [CARDS, TABLE],
            format_func={
                CARDS: ":material/grid_view: Cards",
                TABLE: ":material/table_rows: Table",
            }.__getitem__,
            key="view",
            required=True,
            label_visibility="collapsed",
            on_change=_changed,
            args=("view", "view"),
        )
    st.pills(
        "Status",
        list(JobStatus),
        format_func=lambda status: STATUS_LOOKS[status].label,
        selection_mode="multi",
        key="statuses",
        label_visibility="collapsed",
        on_change=_changed,
        args=("statuses", "status"),
    )


def _model_filter(names: tuple[str, ...], chosen: frozenset[str]) -> None:
    options = sorted({*names, *chosen})
    st.selectbox(
        "Model",
        options,
        index=None,
        format_func=lambda name: model_label(name, options.index(name)),
        key="models",
        placeholder="Every model",
        label_visibility="collapsed",
        width=160,
        on_change=_changed,
        args=("models", "model"),
    )


def _set(key: str, value: object) -> None:
    """Bring a widget to the address's value, but leave alone what is being typed."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def _changed(key: str, parameter: str) -> None:
    value = st.session_state[key] or ""
    go_to_list(**{parameter: value, "page": ""})


def _turn_page(key: str) -> None:
    go_to_list(page=str(st.session_state[key]))


def _jobs(address: ListAddress, page: JobPage) -> None:
    if not page.jobs:
        _nothing(address, page)
        return
    with st.container(key="jobs"):
        (show_table if address.view == TABLE else show_cards)(page.jobs)
    pages = math.ceil(page.total / JOBS_PER_PAGE)
    if pages > 1:
        # A key of its own for each page: the widget then always shows the address's page.
        key = f"page-{address.page}-of-{pages}"
        number = min(address.page, pages)
        with st.container(horizontal_alignment="center"):
            st.pagination(pages, default=number, key=key, on_change=_turn_page, args=(key,))


def _nothing(address: ListAddress, page: JobPage) -> None:
    if not page.by_status:
        st.info(
            "Jobs appear here as soon as the pipeline creates their directory or record.",
            title="No jobs yet",
            icon=":material/inbox:",
        )
        return
    query = address.query
    filtered = query.text or query.statuses or query.models
    with st.container(horizontal_alignment="center", gap="small"):
        st.space("medium")
        st.subheader(
            "No job matches these filters" if filtered else "This page is empty", anchor=False
        )
        st.button("Show all jobs", on_click=go_to_list, kwargs=_cleared())


def _cleared() -> dict[str, str]:
    return dict.fromkeys(("q", "status", "model", "page"), "")
