"""Which jobs are ticked in the table, by their ids, so that ticks outlive a list that moves."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.page.address import go_to_comparison, go_to_job
from dashboard.page.pieces import facts
from dashboard.page.take_along import show_ticked_link

TICKED = "ticked"


def show_ticked(key: str) -> None:
    """Say what is ticked, and compare two jobs. `key` is that of the table below."""
    ticked = _ticked()
    with st.container(horizontal=True, vertical_alignment="center", key="ticked-bar"):
        st.button(
            "Compare",
            icon=":material/compare:",
            key="compare",
            disabled=len(ticked) != 2,
            on_click=go_to_comparison,
            args=ticked,
        )
        if len(ticked) == 1:  # by keyboard nothing else opens a row: its last cell takes no keys
            st.button("Open job", key="open-ticked", on_click=go_to_job, args=ticked)
        if ticked:
            show_ticked_link(ticked)
            st.button("Untick", type="tertiary", key="untick", on_click=_untick, args=(key,))
        facts(_told(ticked), quiet=len(ticked) != 2)


def _told(ticked: Sequence[str]) -> str:
    if not ticked:
        return "Tick two jobs to compare them."
    if len(ticked) == 1:
        return f"{ticked[0]} is ticked; tick another to compare."
    if len(ticked) == 2:
        return f"{ticked[0]} and {ticked[1]}"
    return f"{len(ticked)} jobs are ticked; two can be compared."


def selected_rows(job_ids: Sequence[str]) -> Any:
    """The rows of the ticked jobs, as a dataframe's selection."""
    rows = [row for row, job_id in enumerate(job_ids) if job_id in _ticked()]
    return _selection(rows)


def tick(key: str, job_ids: Sequence[str]) -> None:
    """Take over what is ticked in a table of these jobs; ticks on other pages stay."""
    rows = st.session_state[key]["selection"]["rows"]
    elsewhere = [job_id for job_id in _ticked() if job_id not in job_ids]
    here = [job_ids[row] for row in rows if row < len(job_ids)]
    st.session_state[TICKED] = (*elsewhere, *here)


def _ticked() -> tuple[str, ...]:
    ticked: tuple[str, ...] = st.session_state.get(TICKED, ())
    return ticked


def _untick(key: str) -> None:
    st.session_state[TICKED] = ()
    st.session_state[key] = _selection([])


def _selection(rows: Sequence[int]) -> Any:
    return {"selection": {"rows": rows, "columns": [], "cells": []}}
