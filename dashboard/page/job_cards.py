"""The list as cards: a picture, the id and its badge, progress, quality at a glance."""

from collections.abc import Sequence

import streamlit as st

from dashboard.errors import JobStatus
from dashboard.jobs import Job
from dashboard.outputs import ModelOutput
from dashboard.page.address import go_to_job
from dashboard.page.pieces import card_picture, facts
from dashboard.page.times import age, facts_in_time, kept_until
from dashboard.page.wording import NO_PICTURE, plain
from dashboard.quality import METRICS
from dashboard.wording import (
    STALLED,
    STATUS_LOOKS,
    VERDICT_LOOKS,
    model_text,
    quality_look,
    size_text,
)


def show_cards(jobs: Sequence[Job]) -> None:
    """Show a grid of cards of equal height."""
    grid = st.grid(4, min_column_width=250)
    for job in jobs:
        with grid.container(border=True, height="stretch", gap="xsmall", key=f"card-{job.job_id}"):
            _card(job)


def _card(job: Job) -> None:
    status = job.status or JobStatus.UNKNOWN
    card_picture(job, NO_PICTURE.get(status, "No preview"))
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        _open_button(job.job_id)
        st.space("stretch")
        look = STALLED if job.decision.is_stalled else STATUS_LOOKS[status]
        st.badge(look.label, icon=look.icon, color=look.color)
    if status is JobStatus.RUNNING:
        _progress(job)
    for model in job.outputs.models:
        _quality(model)
    size = [size_text(job.size_bytes)] if job.size_bytes else []
    kept = [kept_until(job.available_until)] if job.available_until else []
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        facts_in_time([age(job.updated_at), *size, *kept], quiet=True)
        if job.review:
            st.space("stretch")
            verdict = VERDICT_LOOKS[job.review.verdict]
            st.badge(verdict.label, icon=verdict.icon, color=verdict.color)


def _open_button(job_id: str) -> None:
    key = f"open-{job_id}"
    st.button(plain(job_id), key=key, type="tertiary", on_click=go_to_job, args=(job_id,))


def _progress(job: Job) -> None:
    percent = job.celery.progress or 0.0
    facts(f"{job.celery.step or 'Running'} · {percent:.0f} %")
    st.progress(percent / 100)


def _quality(model: ModelOutput) -> None:
    """One line a model: its figures, coloured by the pipeline's own judgement."""
    quality = model.quality
    name = model_text(model.name)
    if quality is None:
        facts(f"{name} · no quality figures", quiet=True)
        return
    found = [
        f"{metric.text(value)}{'' if metric.unit else f' {metric.name}'}"
        for metric in METRICS[:2]
        if (value := quality.metrics[metric.key]) is not None
    ]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        look = quality_look(quality.status)
        facts(f"{name} {' · '.join(found) or 'no figures'}")
        st.space("stretch")
        st.badge(look.label, color=look.color)
