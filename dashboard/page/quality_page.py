"""The quality of all jobs that a filter lets pass: on a plane, spread, over time, worst first."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.errors import ErrorCode
from dashboard.job_pages import read_pulse
from dashboard.job_query import FILTERS, NO_QUALITY
from dashboard.list_faults import FAULTS, ListFault, fault_of
from dashboard.page import banner
from dashboard.page.address import go_to_list, note_shown
from dashboard.page.chart_parts import Palette
from dashboard.page.list_filters import show_filters
from dashboard.page.model_legend import show_legend
from dashboard.page.pieces import card_heading, facts, lines
from dashboard.page.quality_address import QualityAddress, go_to_jobs, read_quality_address
from dashboard.page.quality_charts import course, spread
from dashboard.page.quality_plane import show_plane
from dashboard.page.quality_words import course_text, spread_text
from dashboard.page.worst_results import show_worst
from dashboard.quality import METRICS, QualityStatus
from dashboard.quality_figures import Measured, QualityFigures, Worst, list_worst, load_figures
from dashboard.wording import quality_look

# An open page looks so often for news, and counts again only if there are any.
WATCH_S = 10.0
WORST_SHOWN = 12
EVERYTHING = dict.fromkeys((*FILTERS, "sort"), "")
STYLE = Path(__file__).with_name("quality.css")
CHART_HEIGHT_PX = 290


@dataclass(frozen=True)
class Loaded:
    """What one run of the page shows, or why it shows nothing."""

    address: QualityAddress | None = None
    figures: QualityFigures | None = None
    worst: Worst | None = None
    fault: ListFault | None = None


def show_quality() -> None:
    """Show all quality, and show it anew when something of it has changed."""
    st.html(STYLE)
    loaded = _load()
    note_shown()
    st.button("All jobs", icon=":material/arrow_back:", type="tertiary", on_click=go_to_jobs)
    _heading(loaded)
    if loaded.fault:
        banner.show_code(loaded.fault.code, loaded.fault.reason)
    if loaded.fault and loaded.fault.code is ErrorCode.INVALID_PARAMETER:
        st.button("Show all results", on_click=go_to_list, kwargs=EVERYTHING)
    if loaded.address and loaded.figures and loaded.worst:
        _found(loaded.address, loaded.figures, loaded.worst)
    st.fragment(_watch, run_every=WATCH_S)(loaded)


def _watch(shown: Loaded) -> None:
    if _load() != shown:
        st.rerun()


def _load() -> Loaded:
    try:
        address = read_quality_address()
        figures = _figures(address)
        worst = list_worst(address.jobs.query, address.metric, address.box, WORST_SHOWN)
    except FAULTS as exc:
        return Loaded(fault=fault_of(exc))
    return Loaded(address, figures, worst)


def _figures(address: QualityAddress) -> QualityFigures:
    """Count only if the catalog or the question is another one than the last: a box is neither."""
    query = address.jobs.query
    state = (query.narrowing, address.metric, read_pulse())
    known: tuple[object, QualityFigures] | None = st.session_state.get("quality_figures")
    if known is None or known[0] != state:
        known = (state, load_figures(query, address.metric))
        st.session_state["quality_figures"] = known
    return known[1]


def _heading(loaded: Loaded) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="heading"):
        st.title("Quality", anchor=False, width="content")
        st.space("stretch")
        if loaded.figures and not loaded.figures.backend_away:
            st.badge("Live", icon=":material/sensors:", color="green")


def _found(address: QualityAddress, figures: QualityFigures, worst: Worst) -> None:
    if figures.backend_away:
        banner.show_code(ErrorCode.STATE_UNAVAILABLE)
    show_filters(address.jobs, figures.by_model, with_order=False)
    if not figures.total:
        _nothing(figures)
        return
    _counts(figures)
    _metrics(address)
    palette = Palette(figures.models, "dark" if st.context.theme.type == "dark" else "light")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show_plane(address, figures, palette)
    with right:
        show_worst(address, worst)
    _charts(figures.measured, palette)


def _counts(figures: QualityFigures) -> None:
    tiles: Mapping[str, tuple[str, str]] = {
        "Results": (":material/scatter_plot:", f"{figures.total:,}"),
        **{
            quality_look(status).label: (
                quality_look(status).icon,
                f"{figures.by_status.get(status, 0):,}",
            )
            for status in QualityStatus
        },
    }
    with st.grid(4, min_column_width=140, key="counts"):
        for label, (icon, value) in tiles.items():
            st.metric(label, value, icon=icon, border=True, height="stretch")
    unjudged = figures.by_status.get(NO_QUALITY, 0)
    told = ["A result is what one model left of one job."]
    if unjudged:
        told.append(f"{unjudged:,} without a judgement of the pipeline.")
    if figures.unsurveyed:
        told.append(f"Still looking into the files of {figures.unsurveyed:,} jobs.")
    facts(" ".join(told), quiet=True)


def _metrics(address: QualityAddress) -> None:
    """Choose the metric by which results are the worst, and that the lower charts show."""
    key = f"metric-{address.metric.key}"
    st.segmented_control(
        "Figure",
        [metric.key for metric in METRICS],
        format_func={metric.key: metric.name for metric in METRICS}.__getitem__,
        default=address.metric.key,
        key=key,
        required=True,
        label_visibility="collapsed",
        on_change=_choose_metric,
        args=(key,),
    )


def _choose_metric(key: str) -> None:
    go_to_list(metric=st.session_state[key])


def _charts(measured: Measured, palette: Palette) -> None:
    name = measured.metric.name
    if not measured.overall:
        facts(f"No result has {name}: choose another figure, or other filters.", quiet=True)
        return
    models = [middle.model for middle in measured.overall]
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, height="stretch", gap="xsmall"):
        card_heading(f"How {name} is spread")
        lines(spread_text(measured, palette))
        show_legend(palette, models)
        alt = f"Histogram of {name} by model"
        st.altair_chart(spread(measured, palette), height=CHART_HEIGHT_PX, alt=alt)
    with right.container(border=True, height="stretch", gap="xsmall"):
        card_heading(f"{name} over time")
        lines(course_text(measured, palette))
        show_legend(palette, models)
        alt = f"{measured.period.name[1].capitalize()} medians of {name} by model"
        st.altair_chart(course(measured, palette), height=CHART_HEIGHT_PX, alt=alt)


def _nothing(figures: QualityFigures) -> None:
    if not figures.by_model:
        st.info(
            "Figures appear here as soon as the pipeline leaves the first model's results.",
            title="No results yet",
            icon=":material/inbox:",
        )
        return
    with st.container(horizontal_alignment="center", gap="small"):
        st.space("medium")
        st.subheader("No result matches these filters", anchor=False)
        st.button("Show all results", on_click=go_to_list, kwargs=EVERYTHING)
