"""The list's filters: set to what the address says; a change goes into the address first."""

from collections.abc import Iterable

import streamlit as st

from dashboard.errors import JobStatus
from dashboard.job_query import DEFAULT_SORT, QUALITIES
from dashboard.page.address import CARDS, JOBS_PER_PAGE, TABLE, ListAddress, choose
from dashboard.page.wording import model_label
from dashboard.verdict import VERDICTS
from dashboard.wording import STATUS_LOOKS, quality_word, verdict_word

SORTS = {
    "-created_at": "Newest first",
    "created_at": "Oldest first",
    "-updated_at": "Last changed",
    "-psnr": "PSNR, best first",
    "psnr": "PSNR, worst first",
    "-ssim": "SSIM, best first",
    "ssim": "SSIM, worst first",
    "-size_bytes": "Largest first",
    "size_bytes": "Smallest first",
    "job_id": "Job id, A to Z",
    "-job_id": "Job id, Z to A",
}


def show_filters(address: ListAddress, models: Iterable[str], *, with_order: bool = True) -> None:
    """Show the filters as the address has them; a change goes into the address first."""
    query = address.query
    _set("q", query.text)
    _set("statuses", [s for s in JobStatus if s in query.statuses])
    _set("models", next(iter(sorted(query.models)), None))
    _set("qualities", next((str(q) for q in QUALITIES if q in query.qualities), None))
    _set("verdicts", next((v for v in VERDICTS if v in query.verdicts), None))
    with st.container(horizontal=True, vertical_alignment="center", key="toolbar"):
        st.text_input(
            "Search job ids",
            key="q",
            placeholder="Job id",
            icon=":material/search:",
            label_visibility="collapsed",
            width=240,
            on_change=_changed,
            args=("q", "q"),
        )
        _model_filter(models, query.models)
        st.selectbox(
            "Quality",
            [str(quality) for quality in QUALITIES],
            index=None,
            format_func=lambda name: quality_word(name).capitalize(),
            key="qualities",
            placeholder="Any quality",
            label_visibility="collapsed",
            width=150,
            on_change=_changed,
            args=("qualities", "quality"),
        )
        st.selectbox(
            "Verdict",
            VERDICTS,
            index=None,
            format_func=lambda name: verdict_word(name).capitalize(),
            key="verdicts",
            placeholder="Any verdict",
            label_visibility="collapsed",
            width=150,
            on_change=_changed,
            args=("verdicts", "verdict"),
        )
        if with_order:
            _order(address)
    st.pills(
        "Status",
        list(JobStatus),
        format_func=lambda status: STATUS_LOOKS[status].label,
        selection_mode="multi",
        key="statuses",
        label_visibility="collapsed",
        on_change=_changed,
        args=("statuses", "status"),
    )


def _order(address: ListAddress) -> None:
    """Show how the list is sorted, and as what."""
    _set("sort", address.query.sort if address.query.sort in SORTS else DEFAULT_SORT)
    _set("view", address.view)
    st.selectbox(
        "Sort by",
        list(SORTS),
        format_func=SORTS.__getitem__,
        key="sort",
        label_visibility="collapsed",
        width=175,
        on_change=_changed,
        args=("sort", "sort"),
    )
    st.space("stretch")
    st.segmented_control(
        "View",
        [CARDS, TABLE],
        format_func={
            CARDS: ":material/grid_view: Cards",
            TABLE: ":material/table_rows: Table",
        }.__getitem__,
        key="view",
        required=True,
        label_visibility="collapsed",
        on_change=_changed,
        args=("view", "view"),
    )


def show_page_size(per_page: int) -> None:
    """Let the analyst choose how many jobs a page holds."""
    _set("per", per_page)
    st.selectbox(
        "Jobs on a page",
        JOBS_PER_PAGE,
        format_func=lambda number: f"{number} a page",
        key="per",
        label_visibility="collapsed",
        width=130,
        on_change=_changed,
        args=("per", "per"),
    )


def _model_filter(names: Iterable[str], chosen: frozenset[str]) -> None:
    options = sorted({*names, *chosen})
    st.selectbox(
        "Model",
        options,
        index=None,
        format_func=lambda name: model_label(name, options.index(name)),
        key="models",
        placeholder="Every model",
        label_visibility="collapsed",
        width=160,
        on_change=_changed,
        args=("models", "model"),
    )


def _set(key: str, value: object) -> None:
    """Bring a widget to the address's value, but leave alone what is being typed."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def _changed(key: str, parameter: str) -> None:
    value = st.session_state[key] or []
    choose(parameter, [str(each) for each in (value if isinstance(value, list) else [value])])
