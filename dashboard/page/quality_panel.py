"""Quality on the job's page: figures with unit, thresholds, and the lead over the other model."""

import streamlit as st

from dashboard.outputs import ModelOutput
from dashboard.page.pieces import facts
from dashboard.quality import METRICS, Metric, Quality, difference, find_lead
from dashboard.wording import (
    comparison_text,
    duration_text,
    no_quality_text,
    quality_look,
    resolution_text,
    thresholds_text,
)


def show_comparison(models: tuple[ModelOutput, ...], *, may_come: bool) -> None:
    """Say in one line which of the models is ahead, and by how much."""
    names, qualities = [model.name for model in models], [model.quality for model in models]
    if may_come and find_lead(qualities) is None:
        facts("The models are compared when two of them have a PSNR.")
    else:
        facts(comparison_text(names, qualities))


def show_quality(
    model: ModelOutput, models: tuple[ModelOutput, ...], labels: list[str], *, may_come: bool
) -> None:
    """Show a model's figures, each beside the best of the other models; they `may_come` yet."""
    quality = model.quality
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Quality", anchor=False, width="content")
        look = quality_look(quality.status if quality else None)
        st.badge(look.label, icon=look.icon, color=look.color)
    if quality is None:
        facts(quality_gap(model, may_come=may_come))
        return
    others = [(each.quality, labels[i]) for i, each in enumerate(models) if each is not model]
    with st.grid(2, min_column_width=140, key="figures"):
        for metric in METRICS:
            _figure(metric, quality, [(q, label) for q, label in others if q])
    facts(thresholds_text(quality), quiet=True)
    for line in _settings(quality):
        facts(line, quiet=True)


def quality_gap(model: ModelOutput, *, may_come: bool) -> str:
    """Say why a model has no quality."""
    if may_come and not model.file("quality.json"):
        return "Not measured yet."
    return no_quality_text(model.quality_problem)


def _figure(metric: Metric, quality: Quality, others: list[tuple[Quality, str]]) -> None:
    value = quality.metrics[metric.key]
    rivals = [(found, label) for q, label in others if (found := q.metrics[metric.key]) is not None]
    delta, versus = None, None
    if value is not None and rivals:
        best, versus = (max if metric.higher_is_better else min)(rivals)
        ahead = difference(metric, value, best)
        delta = 0 if ahead == 0 else metric.text(ahead, sign="+")
    st.metric(
        f"{metric.name} · {'higher' if metric.higher_is_better else 'lower'} is better",
        "not given" if value is None else metric.text(value),
        delta,
        delta_color="normal" if metric.higher_is_better else "inverse",
        delta_description=versus and f"vs {versus}",
        border=True,
        height="stretch",
    )


def _settings(quality: Quality) -> list[str]:
    """The pipeline's summary and under which conditions it measured, as far as it says."""
    measured = []
    if quality.num_views:
        measured.append(f"{quality.num_views} views")
    if resolution := resolution_text(quality):
        measured.append(resolution)
    if duration := duration_text(quality):
        measured.append(f"processed in {duration}")
    lines = [quality.summary] if quality.summary else []
    return [*lines, f"Measured on {', '.join(measured)}."] if measured else lines
