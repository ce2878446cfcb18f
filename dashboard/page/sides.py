"""The two sides of a comparison: whose model each is, and the choice of another."""

from dataclasses import dataclass
from html import escape

import streamlit as st

from dashboard.comparison import choose_models
from dashboard.jobs import Job
from dashboard.outputs import ModelOutput
from dashboard.page.address import change_address, go_to_job
from dashboard.page.comparison_address import ComparisonAddress
from dashboard.page.pieces import facts, side_letter
from dashboard.page.wording import model_label, plain
from dashboard.quality import Quality
from dashboard.wording import STATUS_LOOKS, model_text, quality_look


@dataclass(frozen=True)
class Side:
    """One of two; `name` tells it from the other, `parameter` holds its model in the address."""

    letter: str
    parameter: str
    name: str
    job: Job
    model: ModelOutput | None

    @property
    def quality(self) -> Quality | None:
        return self.model.quality if self.model else None


Sides = tuple[Side, Side]


def find_sides(address: ComparisonAddress, jobs: list[Job]) -> Sides:
    """Find the models that the address asks for, or else what compares best."""
    left, right = jobs[0], jobs[-1]
    first, second = (
        {model.name: model.quality for model in job.outputs.models} for job in (left, right)
    )
    chosen = choose_models(first, second, address.models, same_job=left is right)
    names = _names((left, right), chosen)
    return (
        Side("A", "left", names[0], left, _model(left, chosen[0])),
        Side("B", "right", names[1], right, _model(right, chosen[1])),
    )


def _model(job: Job, name: str | None) -> ModelOutput | None:
    return next((model for model in job.outputs.models if model.name == name), None)


def _names(jobs: tuple[Job, Job], models: tuple[str | None, str | None]) -> tuple[str, str]:
    """Name each side by what tells it from the other: its model, its job, or both."""
    ids, texts = [job.job_id for job in jobs], [model_text(name or "no model") for name in models]
    if jobs[0] is jobs[1]:
        return texts[0], texts[1]
    if None in models or models[0] == models[1]:
        return ids[0], ids[1]
    return f"{ids[0]} · {texts[0]}", f"{ids[1]} · {texts[1]}"


def show_sides(sides: Sides) -> None:
    """Show what stands on each side, with the way to its job and to another of its models."""
    with st.grid(2, min_column_width=280, key="sides"):
        for side, other in (sides, sides[::-1]):
            with (
                st.container(border=True, height="stretch"),
                st.container(horizontal=True, vertical_alignment="center", gap="small"),
            ):
                _job(side)
                _choice(side, other)


def _job(side: Side) -> None:
    job = side.job
    st.html(side_letter(side.letter), width="content")
    if job.status is None:
        facts(f"{job.job_id} · not found")
        return
    key = f"job-{side.letter}"
    st.button(plain(job.job_id), key=key, type="tertiary", on_click=go_to_job, args=(job.job_id,))
    look = STATUS_LOOKS[job.status]
    st.badge(look.label, icon=look.icon, color=look.color)
    st.space("stretch")


def _choice(side: Side, other: Side) -> None:
    if side.model is None:
        return
    if len(side.job.outputs.models) > 1:
        _model_choice(side, side.model, other)
    else:
        st.html(f'<p class="facts">{escape(model_text(side.model.name))}</p>', width="content")
    look = quality_look(side.quality.status if side.quality else None)
    st.badge(look.label, icon=look.icon, color=look.color)


def _model_choice(side: Side, model: ModelOutput, other: Side) -> None:
    names = [each.name for each in side.job.outputs.models]
    key = f"model-{side.letter}"
    st.session_state[key] = model.name
    st.selectbox(
        f"Model of {side.letter}",
        names,
        format_func=lambda name: model_label(name, names.index(name)),
        key=key,
        label_visibility="collapsed",
        width=180,
        on_change=_choose,
        args=(key, side, model.name, other),
    )


def _choose(key: str, side: Side, before: str, other: Side) -> None:
    """Put both models into the address; of one job they swap rather than become the same."""
    name = st.session_state[key]
    others = other.model.name if other.model else ""
    if side.job is other.job and others == name:
        others = before
    change_address({side.parameter: name, other.parameter: others})
