"""The list's filters: set to what the address says; a change goes into the address first."""

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

import streamlit as st

from dashboard.errors import JobStatus
from dashboard.job_query import DEFAULT_SORT, QUALITIES
from dashboard.page.address import CARDS, JOBS_PER_PAGE, TABLE, ListAddress, choose
from dashboard.page.wording import model_label
from dashboard.verdict import VERDICTS
from dashboard.wording import STATUS_LOOKS, quality_word, verdict_word

Value = TypeVar("Value")
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
    qualities = [str(quality) for quality in QUALITIES]
    with st.container(horizontal=True, vertical_alignment="center", key="toolbar"):
        st.text_input(
            "Search job ids",
            _set("q", query.text),
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
            qualities,
            index=_choose("qualities", qualities, query.qualities),
            format_func=lambda name: quality_word(name).capitalize(),
            key="qualities",
            placeholder=_unset("Any quality", query.qualities),
            label_visibility="collapsed",
            width=150,
            on_change=_changed,
            args=("qualities", "quality"),
        )
        st.selectbox(
            "Verdict",
            VERDICTS,
            index=_choose("verdicts", VERDICTS, query.verdicts),
            format_func=lambda name: verdict_word(name).capitalize(),
            key="verdicts",
            placeholder=_unset("Any verdict", query.verdicts),
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
        default=_set("statuses", [s for s in JobStatus if s in query.statuses]),
        key="statuses",
        label_visibility="collapsed",
        on_change=_changed,
        args=("statuses", "status"),
    )


def _order(address: ListAddress) -> None:
    """Show how the list is sorted, and as what."""
    sort = address.query.sort if address.query.sort in SORTS else DEFAULT_SORT
    st.selectbox(
        "Sort by",
        list(SORTS),
        index=_choose("sort", list(SORTS), {sort}),
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
        default=_set("view", address.view),
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
    st.selectbox(
        "Jobs on a page",
        JOBS_PER_PAGE,
        index=_choose("per", JOBS_PER_PAGE, {per_page}),
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
        index=_choose("models", options, chosen),
        format_func=lambda name: model_label(name, options.index(name)),
        key="models",
        placeholder=_unset("Every model", chosen),
        label_visibility="collapsed",
        width=160,
        on_change=_changed,
        args=("models", "model"),
    )


def _set(key: str, value: Value) -> Value:
    """Bring a widget to the address's value, but leave alone what is being typed.

    Returns what the widget is to begin with: a browser that is still loading its script may miss
    the value, and would then report that it was taken away.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return value


def _choose(key: str, options: Sequence[Value], wanted: Collection[Value]) -> int | None:
    """Do the same for a box of options; returns the number of the one that is wanted.

    An address may want several, of which a box shows only how many.
    """
    found = [option for option in options if option in wanted]
    value = _set(key, found[0] if len(found) == 1 else None)
    return None if value is None else options.index(value)


def _unset(text: str, wanted: Collection[object]) -> str:
    return f"{len(wanted)} chosen" if len(wanted) > 1 else text


def _changed(key: str, parameter: str) -> None:
    value = st.session_state[key] or []
    choose(parameter, [str(each) for each in (value if isinstance(value, list) else [value])])
