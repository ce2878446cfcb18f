"""Review: one job of a filtered list at a time, judged by keyboard.

A accepts, W asks for rework, X rejects and goes on; N and P walk, F flips textured and wireframe.
"""

from collections.abc import Iterator
from functools import partial

import streamlit as st

from dashboard.catalog.walking import Stop
from dashboard.errors import JobStatus
from dashboard.job_query import JobQuery
from dashboard.jobs import Job, get_job
from dashboard.list_faults import FAULTS, fault_of
from dashboard.page import banner
from dashboard.page.address import (
    change_address,
    go_to_job,
    go_to_review,
    leave_review,
    note_shown,
    read_address,
)
from dashboard.page.pieces import facts
from dashboard.page.review_pictures import prefetch, show_pictures
from dashboard.page.times import changed, facts_in_time
from dashboard.page.verdict_panel import last_given, show_verdict_keys
from dashboard.page.wording import plain
from dashboard.preview_pairs import TEXTURED, WIREFRAME
from dashboard.review_walk import stop_at
from dashboard.wording import STALLED, STATUS_LOOKS, size_text, verdict_word

TRAIL = "review-trail"
OTHER_KIND = {TEXTURED: WIREFRAME, WIREFRAME: TEXTURED}


def start_review() -> None:
    """Leave the list for a walk along its jobs, from the first on."""
    st.session_state.pop(TRAIL, None)
    go_to_review()


def show_review() -> None:
    """Show the job at which the walk stands, or say why there is none."""
    st.button("All jobs", icon=":material/arrow_back:", type="tertiary", on_click=leave_review)
    note_shown()
    try:
        query = read_address().query
        stop = stop_at(query, st.query_params.get("at"), st.session_state.get(TRAIL))
        if stop is None:
            _nothing()
            return
        st.session_state[TRAIL] = stop.trail
        _show(query, stop, get_job(stop.job_id))
    except FAULTS as exc:
        st.title("Review", anchor=False)
        fault = fault_of(exc)
        banner.show_code(fault.code, fault.reason)


def _show(query: JobQuery, stop: Stop, job: Job) -> None:
    kind = WIREFRAME if st.query_params.get("kind") == WIREFRAME else TEXTURED
    _heading(query, stop, job, kind)
    left, right = st.columns([5, 2], gap="medium")
    with right:
        show_verdict_keys(job, partial(_walk, query, stop.job_id))
        for line in _told(stop):
            facts(line, quiet=True)
        st.button("Open the job", type="tertiary", on_click=go_to_job, args=(job.job_id,))
    with left:
        if job.decision.code:
            banner.show_refusal(job.decision)
        if job.outputs.models:
            show_pictures(job, kind)
    following = get_job(stop.following) if stop.following else None
    prefetch((job, OTHER_KIND[kind]), (following, kind), (following, OTHER_KIND[kind]))


def _heading(query: JobQuery, stop: Stop, job: Job, kind: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="heading"):
        with st.container(width="content", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", width="content"):
                st.title(plain(job.job_id), anchor=False, width="content")
                status = job.status or JobStatus.UNKNOWN
                look = STALLED if job.decision.is_stalled else STATUS_LOOKS[status]
                st.badge(look.label, icon=look.icon, color=look.color)
            size = [size_text(job.size_bytes)] if job.size_bytes else []
            place = f"{stop.number:,} of {stop.total:,}"
            facts_in_time([place, *size, changed(job.updated_at)])
        st.space("stretch")
        with st.container(horizontal=True, width="content", gap="small", key="walk"):
            _walk_buttons(query, stop, kind)


def _walk_buttons(query: JobQuery, stop: Stop, kind: str) -> None:
    """Keys of their own for each job: a press meant for the job before walks no further."""
    other = OTHER_KIND[kind]
    st.button(
        other.capitalize(),
        icon=":material/flip:",
        key=f"flip-{kind}",
        shortcut="F",
        on_click=change_address,
        args=({"kind": "" if other == TEXTURED else other},),
    )
    for label, key, target in (("Previous", "P", stop.previous), ("Next", "N", stop.following)):
        st.button(
            label,
            key=f"{label}-{stop.job_id}",
            shortcut=key,
            disabled=target is None,
            on_click=_walk,
            args=(query, stop.job_id),
            kwargs={"back": label == "Previous"},
        )


def _walk(query: JobQuery, job_id: str, *, back: bool = False) -> None:
    """Go to the next job as of now: what others decided since is passed over."""
    try:
        stop = stop_at(query, job_id, st.session_state.get(TRAIL))
    except FAULTS:
        return  # the page says so by itself
    target = stop and (stop.previous if back else stop.following)
    if stop and target:
        st.session_state[TRAIL] = stop.longer
        change_address({"at": target})


def _told(stop: Stop) -> Iterator[str]:
    given = last_given()
    if given and given[0] == stop.previous:
        yield f"{given[0]}: {verdict_word(given[1])}. P goes back to it."
    if stop.following is None:
        yield "This is the last job of the review."
    else:
        yield "A, W and X decide and go on. N and P walk, F flips."


def _nothing() -> None:
    st.title("Review", anchor=False)
    st.info(
        "No job that this review asks for is left, or its first one is gone.",
        title="Nothing to review",
        icon=":material/task_alt:",
    )
    if "at" in st.query_params:
        st.button("Begin anew", on_click=change_address, args=({"at": ""},))
