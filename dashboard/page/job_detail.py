"""One job: what it is at, what came out, how good it is, and the way to take it home."""

import streamlit as st

from dashboard.errors import ErrorCode, JobStatus
from dashboard.job_ids import is_job_id
from dashboard.jobs import Job, follow_job, get_job
from dashboard.outputs import StorageUnavailableError
from dashboard.page import banner
from dashboard.page.address import back_text, go_back
from dashboard.page.mesh_view import show_meshes
from dashboard.page.model_detail import show_models
from dashboard.page.pieces import base_url, facts, take_along
from dashboard.page.times import Told, changed, facts_in_time, kept_until
from dashboard.page.verdict_panel import may_be_judged, show_verdict
from dashboard.page.wording import plain
from dashboard.settings import read_settings
from dashboard.urls import download_url
from dashboard.wording import STALLED, STATUS_LOOKS, VERDICT_LOOKS, size_text

# How often an open page looks what the catalog says.
FOLLOW_S = 0.5
STORAGE_S = 2.0


def show_job(job_id: str) -> None:
    """Show one job; while it is not final, a fragment follows it."""
    st.button(back_text(), icon=":material/arrow_back:", type="tertiary", on_click=go_back)
    try:
        job = get_job(job_id)
    except StorageUnavailableError:
        st.title(plain(job_id) if is_job_id(job_id) else "Job", anchor=False)
        st.fragment(watch_storage, run_every=STORAGE_S)(job_id)
        return
    _heading(job)
    # A link may be opened a moment before the worker stores the job's first state.
    may_appear = job.status is None and is_job_id(job_id)
    if job.decision.is_final and not may_appear:
        banner.show_refusal(job.decision)
    else:
        st.fragment(_watch, run_every=FOLLOW_S)(job)
    if job.status is JobStatus.READY:
        _curl_line(job)
    if may_be_judged(job) or job.review:
        show_verdict(job)
    if job.outputs.models:
        try:
            show_meshes(job)
            show_models(job)
        except StorageUnavailableError:  # it went a moment ago; the page made anew says so
            st.rerun()


def _heading(job: Job) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="heading"):
        with st.container(width="content", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", width="content"):
                _title(job)
            facts_in_time(_line(job))
        st.space("stretch")
        if job.status is not None:
            is_ready = job.status is JobStatus.READY
            with st.container(width=420 if is_ready else 130, key="download"):
                take_along(job.job_id, size_text(job.size_bytes) if is_ready else None)


def _title(job: Job) -> None:
    if job.status is None:
        st.title("Job not found", anchor=False, width="content")
        return
    st.title(plain(job.job_id), anchor=False, width="content")
    look = STALLED if job.decision.is_stalled else STATUS_LOOKS[job.status]
    st.badge(look.label, icon=look.icon, color=look.color)
    if job.review:
        look = VERDICT_LOOKS[job.review.verdict]
        st.badge(look.label, icon=look.icon, color=look.color)


def _line(job: Job) -> list[Told | str]:
    if job.status is None:
        return [f"Asked for: {job.job_id[:80]}"]
    count = len(job.outputs.models)
    told = [f"{count} model{'s' if count != 1 else ''}"] if count else []
    size = [f"{size_text(job.size_bytes)} of files"] if job.size_bytes else []
    kept = [kept_until(job.available_until, exact=True)] if job.available_until else []
    return [*told, *size, changed(job.updated_at), *kept]


def _curl_line(job: Job) -> None:
    address = st.context.url or "http://localhost:8501/"
    origin = "/".join(address.split("/")[:3])
    url = f"{origin}{download_url(base_url(), job.job_id)}"
    key = ' --header "Authorization: Bearer $TOKEN"' if read_settings().needs_login else ""
    line = f"curl --fail --remote-name --remote-header-name{key} {url}"
    # Wrapped: what scrolls sideways cannot be read by keyboard alone.
    st.code(line, language="bash", wrap_lines=True)


def watch_storage(job_id: str) -> None:
    """Say that the storage is away, until it is back."""
    try:
        get_job(job_id)
    except StorageUnavailableError:
        banner.show_code(ErrorCode.STORAGE_UNAVAILABLE)
    else:
        st.rerun()


def look_again(before: Job) -> Job:
    """Return the job as it is now; if that shows otherwise, the page is made anew."""
    try:
        job = get_job(before.job_id)
    except StorageUnavailableError:
        st.rerun()
    if job.status is not before.status:
        st.rerun()
    return job


def _watch(before: Job) -> None:
    """Show a job's progress; when it has come to another status, show the page anew."""
    try:
        job = follow_job(before.job_id)
    except StorageUnavailableError:
        st.rerun()
    if job.status is not before.status:
        # The catalog may be behind, or cut off from the records: the page was made from these.
        job = look_again(before)
    banner.show_refusal(job.decision)
    if job.status is not JobStatus.RUNNING:
        return
    percent = job.celery.progress or 0.0
    step = job.celery.step or "Running"
    model = f" · {job.celery.model}" if job.celery.model else ""
    facts(f"{step}{model} · {percent:.0f} %")
    st.progress(percent / 100)
    if not job.outputs.models:
        st.skeleton(height=280)
