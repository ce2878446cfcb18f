"""The worst results of a filter, or of a box on the plane: worst first, each opens its job."""

from html import escape

import streamlit as st

from dashboard.catalog.figures import Result
from dashboard.page.address import go_to_job, go_to_list
from dashboard.page.pieces import facts
from dashboard.page.quality_address import QualityAddress
from dashboard.page.wording import plain
from dashboard.quality import METRICS, Metric, QualityStatus
from dashboard.quality_counts import Box
from dashboard.quality_figures import Worst
from dashboard.wording import model_text, quality_look

PSNR, SSIM = METRICS[:2]


def show_worst(address: QualityAddress, worst: Worst) -> None:
    """List the worst, and say out of how many."""
    with st.container(border=True, height="stretch", gap="xsmall", key="worst"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader("Worst first", anchor=False, width="content")
            st.space("stretch")
            if address.box:
                st.button(
                    "Clear the box",
                    icon=":material/close:",
                    type="tertiary",
                    on_click=go_to_list,
                    kwargs={"box": ""},
                )
        facts(_told(address, worst), quiet=True)
        with st.container(gap="xxsmall", key="worst-rows"):
            for number, result in enumerate(worst.results):
                _row(number, result, address.metric)


def _told(address: QualityAddress, worst: Worst) -> str:
    metric = address.metric
    way = "lowest" if metric.higher_is_better else "highest"
    inside = f" inside {_box_words(address.box)}" if address.box else ""
    if not worst.total:
        what = "lies" if address.box else "has"
        return f"No result {what}{inside or f' {metric.name}'}. Draw the box elsewhere or clear it."
    jobs = f"{worst.jobs:,} job{'s' if worst.jobs != 1 else ''}"
    results = f"{worst.total:,} result{'s' if worst.total != 1 else ''}"
    shown = f"The {len(worst.results)} worst of" if worst.total > len(worst.results) else "All"
    return f"{shown} {results} of {jobs}{inside}, {way} {metric.name} first."


def _box_words(box: Box) -> str:
    (left, right), (bottom, top) = box
    return f"{left:.1f} to {PSNR.text(right)} and {bottom:.3f} to {top:.3f} {SSIM.name}"


def _row(number: int, result: Result, metric: Metric) -> None:
    at = f"{result.job_id}-{number}"
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"row-{at}"
    ):
        st.button(
            plain(result.job_id),
            key=f"open-{at}",
            type="tertiary",
            on_click=go_to_job,
            args=(result.job_id,),
        )
        figures = "".join(f"<span>{escape(text)}</span>" for text in _figures(result, metric))
        name = escape(model_text(result.model))
        st.html(f'<p class="facts"><span class="model">{name}</span>{figures}</p>')
        st.space("stretch")
        known = result.status in set(QualityStatus)
        look = quality_look(QualityStatus(result.status) if known else None)
        st.badge(look.label, color=look.color)


def _figures(result: Result, metric: Metric) -> list[str]:
    """The metric by which it is the worst, and another."""
    found = []
    for each in (metric, SSIM if metric is PSNR else PSNR):
        value = getattr(result, each.key)
        if value is not None:
            found.append(f"{each.text(value)}{'' if each.unit else f' {each.name}'}")
    return found
