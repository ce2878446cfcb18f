"""The verdict on a job: what was decided, by whom and why, and the buttons to decide."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.catalog.database import CatalogUnavailableError
from dashboard.catalog.verdicts import OvertakenError
from dashboard.errors import ErrorCode, JobStatus
from dashboard.jobs import Job
from dashboard.page import banner
from dashboard.page.pieces import facts, history, remark
from dashboard.page.reviewer import show_reviewer
from dashboard.page.times import age, facts_in_time, moment_text
from dashboard.verdict import NOTE_MAX_CHARS, Review, Verdict
from dashboard.verdicts import give_verdict, read_history
from dashboard.wording import VERDICT_ACTIONS, VERDICT_LOOKS

# R is Streamlit's own (run again).
KEYS = {Verdict.ACCEPTED: "A", Verdict.REWORK: "W", Verdict.REJECTED: "X"}
REFUSED, GIVEN = "verdict-refused", "verdict-given"


@dataclass(frozen=True)
class Wanted:
    """A verdict as it is to be given; `upon` is the id of the review that was shown with it."""

    job_id: str
    verdict: Verdict
    reviewer: str
    upon: str | None


@dataclass(frozen=True)
class Refused:
    """A verdict that was not written: somebody was faster with `review`, or `reason` says why."""

    wanted: Wanted
    note: str
    review: Review | None = None
    reason: str = ""


class Places(NamedTuple):
    """Where the parts of a decision are shown: who decides, why, and the buttons."""

    reviewer: DeltaGenerator
    note: DeltaGenerator
    buttons: DeltaGenerator


Then = Callable[[], None]


def may_be_judged(job: Job) -> bool:
    """Tell whether there are results to decide about."""
    return bool(job.outputs.models) and job.status not in {JobStatus.QUEUED, JobStatus.RUNNING}


def show_verdict(job: Job) -> None:
    """Show the verdict, and beside it let the reviewer decide."""
    with st.container(border=True, key="verdict"):
        left, middle, right = st.columns([4, 5, 5], gap="medium", vertical_alignment="center")
        with left.container(gap="small"):
            _current(job)
        _next(job, None, Places(left.container(gap="small"), middle, right), with_keys=False)
        with left:
            _history(job)


def show_verdict_keys(job: Job, then: Then) -> None:
    """Show all of it in a narrow place, with keys; `then` is called when a verdict is written."""
    place = st.container(border=True, gap="small", key="verdict")
    with place:
        _current(job)
        _next(job, then, Places(place, place, place), with_keys=True)
        _history(job)


def last_given() -> tuple[str, Verdict] | None:
    """The job that the reviewer has decided about last, and how."""
    given: tuple[str, Verdict] | None = st.session_state.get(GIVEN)
    return given


def _next(job: Job, then: Then | None, places: Places, *, with_keys: bool) -> None:
    refused = st.session_state.get(REFUSED)
    if refused and refused.wanted.job_id == job.job_id:
        with places.note:
            _refusal(refused, then)
    elif may_be_judged(job):
        with places.reviewer:
            reviewer = show_reviewer()
        with places.note:
            _note(job)
        with places.buttons:
            _buttons(job, then, reviewer, with_keys=with_keys)


def _current(job: Job) -> None:
    review = job.review
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("Verdict", anchor=False, width="content")
        if review is None:
            st.badge("Unreviewed", color="gray")
            return
        look = VERDICT_LOOKS[review.verdict]
        st.badge(look.label, icon=look.icon, color=look.color)
        facts_in_time([review.reviewer, age(review.decided_at)], quiet=True)
    if review.note:
        remark(review.note)
    if job.outputs.changed_at and job.outputs.changed_at > review.decided_at:
        facts("The job's files have changed since.", quiet=True)


def _note(job: Job) -> None:
    st.text_area(
        "Note",
        key=_note_key(job.job_id),
        placeholder="Why? A note is optional.",
        max_chars=NOTE_MAX_CHARS,
        height=68,
        label_visibility="collapsed",
    )


def _buttons(job: Job, then: Then | None, reviewer: str, *, with_keys: bool) -> None:
    given = job.review.verdict if job.review else None
    with st.container(horizontal=True, gap="xsmall", key="verdict-buttons"):
        for verdict, label in VERDICT_ACTIONS.items():
            wanted = Wanted(job.job_id, verdict, reviewer, _id(job.review))
            st.button(
                label,
                icon=VERDICT_LOOKS[verdict].icon,
                # The job's own: who presses twice never decides about the next one unseen.
                key=f"{verdict}-{job.job_id}",
                type="primary" if verdict is given else "secondary",
                shortcut=KEYS[verdict] if with_keys else None,
                disabled=not reviewer,
                on_click=_give,
                args=(wanted, then),
            )
    if not reviewer:
        facts("Type your name to decide.", quiet=True)


def _give(wanted: Wanted, then: Then | None) -> None:
    _write(wanted, st.session_state.get(_note_key(wanted.job_id), ""), then)


def _write(wanted: Wanted, note: str, then: Then | None) -> None:
    st.session_state.pop(REFUSED, None)
    job_id, verdict = wanted.job_id, wanted.verdict
    try:
        give_verdict(job_id, verdict, note, wanted.reviewer, upon=wanted.upon)
    except OvertakenError as exc:
        st.session_state[REFUSED] = Refused(wanted, note, exc.review)
        return
    except CatalogUnavailableError as exc:
        st.session_state[REFUSED] = Refused(wanted, note, reason=str(exc))
        return
    st.session_state[_note_key(job_id)] = ""
    st.session_state[GIVEN] = (job_id, verdict)
    if then:
        then()


def _refusal(refused: Refused, then: Then | None) -> None:
    """Say why the verdict was not written, and ask what to do with it."""
    label = VERDICT_ACTIONS[refused.wanted.verdict]
    if refused.reason:
        banner.show_code(ErrorCode.CATALOG_UNAVAILABLE, refused.reason)
        again, label, leave = refused.wanted, f"{label}, once more", "Give up"
    else:
        banner.show_code(ErrorCode.VERDICT_OVERTAKEN)
        again = Wanted(
            refused.wanted.job_id,
            refused.wanted.verdict,
            refused.wanted.reviewer,
            _id(refused.review),
        )
        label, leave = f"{label} all the same", "Leave it as it is"
    if refused.note:
        facts(f"Your note: {refused.note}", quiet=True)
    with st.container(horizontal=True, gap="small"):
        args = (again, refused.note, then)
        st.button(label, key="verdict-again", type="primary", on_click=_write, args=args)
        st.button(leave, key="verdict-leave", on_click=st.session_state.pop, args=(REFUSED,))


def _history(job: Job) -> None:
    if job.review is None:
        return
    try:
        reviews = read_history(job.job_id)
    except CatalogUnavailableError:
        return
    if len(reviews) > 1:
        with st.expander(f"All {len(reviews)} verdicts"):
            history(
                (
                    moment_text(review.decided_at),
                    VERDICT_LOOKS[review.verdict].label,
                    review.reviewer,
                    review.note,
                )
                for review in reviews
            )


def _id(review: Review | None) -> str | None:
    return review.id if review else None


def _note_key(job_id: str) -> str:
    return f"note-{job_id}"
