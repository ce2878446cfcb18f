"""A job's pictures for a review: every model's beside the others, and the next ones ahead."""

from html import escape

import streamlit as st

from dashboard.jobs import Job
from dashboard.outputs import ModelOutput
from dashboard.page.pieces import (
    LARGE_EDGE_PX,
    STRIP_EDGE_PX,
    enlargeable,
    facts,
    picture,
    picture_url,
)
from dashboard.page.quality_panel import quality_gap
from dashboard.quality import METRICS
from dashboard.wording import model_text, no_previews_text, quality_look
from result_packager import Member

# So many models stand beside each other; a browser fetches no more than their pictures ahead.
BESIDE_MAX = 3
PREVIEWS_MAX = 12


def show_pictures(job: Job, kind: str) -> None:
    """Show each model's first preview of a kind large and all small, with its figures."""
    models = job.outputs.models
    with st.grid(min(len(models), BESIDE_MAX), min_column_width=300):
        for number, model in enumerate(models):
            with st.container(gap="xsmall"):
                _model(job, model, kind, f"{kind}-{number}")


def _model(job: Job, model: ModelOutput, kind: str, anchor: str) -> None:
    quality = model.quality
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        facts(model_text(model.name))
        look = quality_look(quality.status if quality else None)
        st.badge(look.label, icon=look.icon, color=look.color)
    previews = model.previews(kind)[:PREVIEWS_MAX]
    if not previews:
        left = no_previews_text(kind, may_come=job.is_under_way)
        st.html(picture(escape(left), "beside"))
    else:
        st.html(enlargeable(job.job_id, previews[0], f"{anchor}-large", LARGE_EDGE_PX, "beside"))
    facts(_figures(model, may_come=job.is_under_way))
    cells = [
        enlargeable(job.job_id, preview, f"{anchor}-{position}", STRIP_EDGE_PX)
        for position, preview in enumerate(previews)
    ]
    if cells:
        st.html(f'<div class="strip">{"".join(f"<div>{cell}</div>" for cell in cells)}</div>')


def _figures(model: ModelOutput, *, may_come: bool) -> str:
    if model.quality is None:
        return quality_gap(model, may_come=may_come)
    found = (
        f"{metric.name} {metric.text(value)}"
        for metric in METRICS
        if (value := model.quality.metrics[metric.key]) is not None
    )
    return " · ".join(found) or "No figures"


def prefetch(*wanted: tuple[Job | None, str]) -> None:
    """Let the browser fetch the pictures of jobs and kinds that are likely to be shown next."""
    urls = [
        picture_url(job.job_id, preview, edge_px)
        for job, kind in wanted
        if job
        for model in job.outputs.models[:BESIDE_MAX]
        for preview, edge_px in _sizes(model.previews(kind))
    ]
    images = (f'<img src="{escape(url)}" alt="" fetchpriority="low">' for url in urls)
    st.html(f'<div class="prefetched" aria-hidden="true">{"".join(images)}</div>')


def _sizes(previews: tuple[Member, ...]) -> list[tuple[Member, int]]:
    small = ((preview, STRIP_EDGE_PX) for preview in previews[:PREVIEWS_MAX])
    return [*((preview, LARGE_EDGE_PX) for preview in previews[:1]), *small]
