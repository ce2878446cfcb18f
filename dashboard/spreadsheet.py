"""Jobs as lines of a CSV file: a row for each model, and one for a job without any."""

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from io import StringIO
from typing import Any

from dashboard.jobs import Job
from dashboard.outputs import ModelOutput
from dashboard.quality import METRICS, THRESHOLDS, Metric, Quality
from dashboard.verdict import Review

Cell = str | float | bool | datetime | None

# Without it Excel takes the file for text in an 8-bit alphabet of the machine's country.
BYTE_ORDER_MARK = "\ufeff"
# Where a spreadsheet would begin to read a formula: at the start of a cell, and behind what is
# taken for the end of one in some countries, quoted or not. Full-width signs count too.
FORMULA = re.compile(r'(^|[,;|"])(\s*)(?=[-=+@\uff1d\uff0b\uff0d\uff20])')


def _figure_name(metric: Metric) -> str:
    return "_".join(filter(None, (metric.key, metric.unit.lower())))


def _figure(key: str, quality: Quality) -> Cell:
    return quality.metrics[key]


def _limit(key: str, quality: Quality) -> Cell:
    return quality.thresholds[key]


# A column is a line in one of these: its name, with its unit or zone, and what stands in it.
OF_JOB: Mapping[str, Callable[[Job], Cell]] = {
    "job_id": lambda job: job.job_id,
    "status": lambda job: job.status,
    "progress_percent": lambda job: job.celery.progress,
    "step": lambda job: job.celery.step,
    "stalled": lambda job: job.decision.is_stalled,
    "created_at_utc": lambda job: job.created_at,
    "updated_at_utc": lambda job: job.updated_at,
    "finished_at_utc": lambda job: job.celery.finished_at,
    "available_until_utc": lambda job: job.available_until,
    "job_size_bytes": lambda job: job.size_bytes,
    "error_code": lambda job: job.decision.code,
    "error_message": lambda job: job.decision.message,
}
OF_REVIEW: Mapping[str, Callable[[Review], Cell]] = {
    "verdict": lambda review: review.verdict,
    "verdict_note": lambda review: review.note,
    "reviewer": lambda review: review.reviewer,
    "decided_at_utc": lambda review: review.decided_at,
}
OF_MODEL: Mapping[str, Callable[[ModelOutput], Cell]] = {
    "model": lambda model: model.name,
    "model_size_bytes": lambda model: model.size_bytes,
    "quality_problem": lambda model: model.quality_problem,
}
OF_QUALITY: Mapping[str, Callable[[Quality], Cell]] = {
    "quality": lambda quality: quality.status,
    **{_figure_name(metric): partial(_figure, metric.key) for metric in METRICS},
    **{f"limit_{key}": partial(_limit, key) for key in THRESHOLDS},
    "quality_summary": lambda quality: quality.summary,
    "measured_at": lambda quality: quality.timestamp,
    "processing_duration_s": lambda quality: quality.processing_duration_s,
    "image_width_px": lambda quality: quality.image_resolution and quality.image_resolution[1],
    "image_height_px": lambda quality: quality.image_resolution and quality.image_resolution[0],
    "views": lambda quality: quality.num_views,
    "input_file": lambda quality: quality.input_file,
}
COLUMNS = (*OF_JOB, *OF_REVIEW, *OF_MODEL, *OF_QUALITY)


def head() -> str:
    """The file's first line."""
    return BYTE_ORDER_MARK + _lines([COLUMNS])


def job_lines(jobs: Iterable[Job]) -> str:
    """The lines of some jobs; what is not known is an empty cell."""
    return _lines(
        [
            *_cells(OF_JOB, job),
            *_cells(OF_REVIEW, job.review),
            *_cells(OF_MODEL, model),
            *_cells(OF_QUALITY, quality),
        ]
        for job in jobs
        for model in (job.outputs.models or (None,))
        for quality in (model and model.quality,)
    )


def _cells(columns: Mapping[str, Callable[[Any], Cell]], source: object) -> list[str]:
    if source is None:
        return [""] * len(columns)
    return [_text(cell(source)) for cell in columns.values()]


def _text(cell: Cell) -> str:
    """A cell as a spreadsheet and a script read it alike; texts on one line, and no formulas."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, str):
        return FORMULA.sub(r"\1\2'", " ".join(cell.split()))
    return str(cell)


def _lines(rows: Iterable[Iterable[str]]) -> str:
    lines = StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue()
