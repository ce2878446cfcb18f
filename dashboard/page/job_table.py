"""The list as rows; a dataframe shows every text as it is."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.errors import JobStatus
from dashboard.jobs import Job
from dashboard.page.address import go_to_job
from dashboard.page.pieces import STRIP_EDGE_PX, picture_url
from dashboard.page.ticked_jobs import selected_rows, show_ticked, tick
from dashboard.page.times import zone_name
from dashboard.wording import STALLED, STATUS_LOOKS, VERDICT_LOOKS, Look, size_text

ROW_HEIGHT_PX, HEADER_HEIGHT_PX = 54, 38


def show_table(jobs: Sequence[Job]) -> None:
    """Show one page of jobs as a table; its last column opens a job, two ticked are compared."""
    rows = pd.DataFrame([_row(job) for job in jobs])
    job_ids = tuple(job.job_id for job in jobs)
    # A tick belongs to a row's number: when the rows are others, so is the table.
    key = f"table-{'-'.join(job_ids)}"
    show_ticked(key)
    st.dataframe(
        rows,
        hide_index=True,
        row_height=ROW_HEIGHT_PX,
        height=ROW_HEIGHT_PX * len(rows) + HEADER_HEIGHT_PX,
        column_config=_columns(job_ids),
        placeholder="–",
        key=key,
        alt="Jobs as a table; Shift+Space ticks a row",
        on_select=partial(tick, key, job_ids),
        selection_mode="multi-row",
        selection_default=selected_rows(job_ids),
    )


def _row(job: Job) -> dict[str, object]:
    preview = job.outputs.cover
    running = job.status is JobStatus.RUNNING
    return {
        "Picture": picture_url(job.job_id, preview, STRIP_EDGE_PX) if preview else None,
        "Job": job.job_id,
        "Status": [_look(job).label],
        "Progress": job.celery.progress if running else None,
        "Step": job.celery.step if running else None,
        "PSNR": job.outputs.psnr,
        "SSIM": job.outputs.ssim,
        "Verdict": [VERDICT_LOOKS[job.review.verdict].label] if job.review else None,
        "Size": size_text(job.size_bytes) if job.size_bytes else None,
        "Updated": job.updated_at,
        "Moment": job.updated_at,
        "Open": ":material/arrow_forward: Open",
    }


def _look(job: Job) -> Look:
    return STALLED if job.decision.is_stalled else STATUS_LOOKS[job.status or JobStatus.UNKNOWN]


def _columns(job_ids: tuple[str, ...]) -> dict[str, Any]:
    config = st.column_config
    looks = [*STATUS_LOOKS.values(), STALLED]
    verdicts = VERDICT_LOOKS.values()
    return {
        "Picture": config.ImageColumn("", width=80),
        "Job": config.TextColumn(width=150),
        "Status": config.MultiselectColumn(
            options=[look.label for look in looks], color=[look.color for look in looks]
        ),
        "Progress": config.ProgressColumn(min_value=0, max_value=100, format="%.0f %%"),
        "PSNR": config.NumberColumn("PSNR, dB", format="%.1f"),
        "SSIM": config.NumberColumn(format="%.3f"),
        "Verdict": config.MultiselectColumn(
            options=[look.label for look in verdicts], color=[look.color for look in verdicts]
        ),
        "Updated": config.DatetimeColumn(format="distance"),
        "Moment": config.DatetimeColumn(
            f"Updated, {zone_name()}", format="YYYY-MM-DD HH:mm:ss", timezone=zone_name()
        ),
        "Open": config.ButtonColumn(
            "", type="tertiary", key="row_opened", on_click=_open, args=(job_ids,)
        ),
    }


def _open(job_ids: tuple[str, ...]) -> None:
    go_to_job(job_ids[st.session_state["row_opened"]["row"]])
