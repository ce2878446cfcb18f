"""What the address asks of the page of all quality: the list's filters, a metric and a box."""

import math
from contextlib import suppress
from dataclasses import dataclass

import streamlit as st

from dashboard.page.address import ListAddress, go_to_list, read_address
from dashboard.quality import METRICS, Metric
from dashboard.quality_counts import Box, Span

# The address's `show`: all jobs' figures in place of the jobs themselves.
QUALITY = "quality"


@dataclass(frozen=True)
class QualityAddress:
    """The filters are the list's; `box` is what has been chosen on the plane of PSNR and SSIM."""

    jobs: ListAddress
    metric: Metric
    box: Box | None


def read_quality_address() -> QualityAddress:
    """Read the address. Raises InvalidParameterError for a filter, as the list does."""
    asked = st.query_params.get("metric")
    metric = next((each for each in METRICS if each.key == asked), METRICS[0])
    return QualityAddress(read_address(), metric, _read_box(st.query_params.get("box", "")))


def go_to_quality() -> None:
    """Show the figures of the jobs that the list shows."""
    go_to_list(show=QUALITY)


def go_to_jobs() -> None:
    """Return to the list, with the filters as they are now."""
    go_to_list(show="", metric="", box="")


def box_text(box: Box | None) -> str:
    """Write a box for the address, finer than a hand can draw it."""
    if box is None:
        return ""
    (left, right), (bottom, top) = box
    return f"{left:.2f},{right:.2f},{bottom:.4f},{top:.4f}"


def _read_box(text: str) -> Box | None:
    with suppress(ValueError):
        left, right, bottom, top = map(float, text.split(","))
        is_box = all(map(math.isfinite, (left, right, bottom, top)))
        if is_box and left <= right and bottom <= top:
            return Box(Span(left, right), Span(bottom, top))
    return None
