"""Two models beside each other, of one job or of two: previews by angle, figures, who is ahead."""

from pathlib import Path

import streamlit as st

from dashboard.comparison import Comparison, compare
from dashboard.errors import ErrorCode
from dashboard.job_query import InvalidParameterError
from dashboard.jobs import Job, get_job
from dashboard.outputs import StorageUnavailableError
from dashboard.page import banner
from dashboard.page.address import back_text, go_back, go_to_job, note_shown
from dashboard.page.comparison_address import ComparisonAddress, read_comparison
from dashboard.page.job_detail import STORAGE_S, look_again, watch_storage
from dashboard.page.pieces import facts
from dashboard.page.preview_panel import show_previews
from dashboard.page.sides import find_sides, show_sides
from dashboard.page.versus_table import show_verdict, show_versus
from dashboard.wording import model_text

STYLE = Path(__file__).with_name("compare.css")


def show_comparison() -> None:
    """Show the comparison that the address names, or say why there is none."""
    st.html(STYLE)
    st.button(back_text(), icon=":material/arrow_back:", type="tertiary", on_click=go_back)
    note_shown()
    try:
        address = read_comparison()
    except InvalidParameterError as exc:
        st.title("Compare", anchor=False)
        banner.show_code(ErrorCode.INVALID_PARAMETER)
        st.text(str(exc))
        return
    try:
        jobs = [get_job(job_id) for job_id in address.job_ids]
    except StorageUnavailableError:
        st.title("Compare", anchor=False)
        st.fragment(watch_storage, run_every=STORAGE_S)(address.job_ids[0])
        return
    if len(jobs) == 1 and len(jobs[0].outputs.models) < 2:
        st.title("Compare models", anchor=False)
        _refusals(jobs)
        _nothing_to_compare(jobs[0])
    else:
        _compare(address, jobs)


def _compare(address: ComparisonAddress, jobs: list[Job]) -> None:
    sides = find_sides(address, jobs)
    comparison = compare(sides[0].quality, sides[1].quality)
    with st.container(gap="xxsmall"):
        st.title("Compare jobs" if len(jobs) > 1 else "Compare models", anchor=False)
        show_verdict(comparison, sides)
    _refusals(jobs)
    show_sides(sides)
    _warn(comparison)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show_previews(address, sides)
    with right:
        show_versus(comparison, sides)


def _warn(comparison: Comparison) -> None:
    if comparison.differing:
        names = " and ".join(setting.name.lower() for setting in comparison.differing)
        st.warning(
            f"The sides differ in {names}, so their figures do not compare and nobody is ahead.",
            title="Measured under different settings",
            icon=":material/balance:",
        )


def _nothing_to_compare(job: Job) -> None:
    if job.status is None:
        return
    models = job.outputs.models
    has = f"only {model_text(models[0].name)}" if models else "none"
    facts(f"Two models are needed for a comparison; job {job.job_id} has {has}.")
    facts("To compare it with another job, tick both in the list's table.", quiet=True)
    st.button("Open the job", on_click=go_to_job, args=(job.job_id,))


def _refusals(jobs: list[Job]) -> None:
    """Say of each job why it is not ready; once for both while nobody knows the states."""
    if all(job.decision.code is ErrorCode.STATE_UNAVAILABLE for job in jobs):
        st.fragment(_state_away, run_every=STORAGE_S)(jobs[0])
        return
    for job in (job for job in jobs if job.decision.code):
        every = None if job.decision.is_final else STORAGE_S
        st.fragment(_refusal, run_every=every)(job)


def _state_away(before: Job) -> None:
    look_again(before)
    banner.show_code(ErrorCode.STATE_UNAVAILABLE)


def _refusal(before: Job) -> None:
    banner.show_refusal(look_again(before).decision)
