"""Entries as rows and rows as entries."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from dashboard.catalog.entries import Entry
from dashboard.celery_record import CeleryRecord, RecordFault
from dashboard.job_query import NO_QUALITY
from dashboard.outputs import ModelOutput, Outputs, Picture
from dashboard.quality import Quality, quality_from_json
from dashboard.status import OutputState
from dashboard.verdict import Review, Verdict

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
RECORD_TEXTS = (
    "outcome", "progress", "step", "model", "error_type", "error_text", "error_code",
)  # fmt: skip
NO_RECORD_COLUMNS: dict[str, Any] = dict.fromkeys(("state", *RECORD_TEXTS, "finished_at"))


def job_columns(entry: Entry) -> dict[str, Any]:
    """All columns of a job's row but its kind."""
    outputs = entry.outputs
    cover = outputs.cover or (None, None, None)
    return {
        "job_id": entry.job_id,
        **_record_columns(entry.record),
        "output": outputs.state.value,
        "missing": json.dumps(outputs.missing) if outputs.missing else None,
        "cover_model": cover[0],
        "cover_name": cover[1],
        "cover_mtime_ns": cover[2],
        "directory_created_at": to_us(outputs.created_at),
        "directory_changed_at": to_us(outputs.changed_at),
        "signature": outputs.signature,
        "is_surveyed": outputs.is_surveyed,
        "first_seen_at": to_us(entry.first_seen_at),
        "alive_at": to_us(entry.alive_at),
        "created_at": to_us(entry.created_at),
        "updated_at": to_us(entry.updated_at),
        "size_bytes": outputs.size_bytes,
        "psnr": outputs.psnr,
        "ssim": outputs.ssim,
    }


def model_columns(entry: Entry) -> list[dict[str, Any]]:
    """The rows of a job's models."""
    return [
        {
            "job_id": entry.job_id,
            "model": model.name,
            "size_bytes": model.size_bytes,
            "quality": model.quality and json.dumps(model.quality.as_json()),
            "quality_problem": model.quality_problem,
            "quality_status": (model.quality and model.quality.status) or NO_QUALITY,
            **_figures(model.quality),
        }
        for model in entry.outputs.models
    ]


def entry_from_rows(
    row: RowMapping, models: Iterable[RowMapping], review: Review | None = None
) -> Entry:
    cover = None
    if row["cover_name"] is not None:
        cover = Picture(row["cover_model"], row["cover_name"], row["cover_mtime_ns"])
    outputs = Outputs(
        OutputState(row["output"]),
        tuple(json.loads(row["missing"])) if row["missing"] else (),
        tuple(_model(model) for model in models),
        cover,
        created_at=from_us(row["directory_created_at"]),
        changed_at=from_us(row["directory_changed_at"]),
        signature=row["signature"],
        is_surveyed=bool(row["is_surveyed"]),
    )
    return Entry(
        job_id=row["job_id"],
        record=_record(row),
        outputs=outputs,
        first_seen_at=EPOCH + row["first_seen_at"] * MICROSECOND,
        alive_at=EPOCH + row["alive_at"] * MICROSECOND,
        review=review,
    )


def review_columns(review: Review) -> dict[str, Any]:
    """All columns of a review's row but whether it is the job's last."""
    return {**review.as_json(), "decided_at": to_us(review.decided_at)}


def review_from_row(row: RowMapping) -> Review:
    return Review(
        id=row["id"],
        job_id=row["job_id"],
        verdict=Verdict(row["verdict"]),
        note=row["note"],
        reviewer=row["reviewer"],
        decided_at=EPOCH + row["decided_at"] * MICROSECOND,
        replaced=row["replaced"],
    )


def to_us(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // MICROSECOND


def from_us(count: int | None) -> datetime | None:
    return None if count is None else EPOCH + count * MICROSECOND


def _record_columns(record: CeleryRecord | RecordFault) -> dict[str, Any]:
    if isinstance(record, RecordFault):
        return NO_RECORD_COLUMNS
    return {
        "state": record.state,
        **{name: getattr(record, name) for name in RECORD_TEXTS},
        "finished_at": to_us(record.finished_at),
    }


def _record(row: RowMapping) -> CeleryRecord | RecordFault:
    if row["state"] is None:
        return RecordFault.UNREADABLE
    told = {name: row[name] for name in RECORD_TEXTS}
    return CeleryRecord(state=row["state"], finished_at=from_us(row["finished_at"]), **told)


def _figures(quality: Quality | None) -> dict[str, float | None]:
    names = ("psnr", "ssim", "depth_mae", "depth_rmse")
    return {name: quality.metrics[name] if quality else None for name in names}


def _model(row: RowMapping) -> ModelOutput:
    quality = quality_from_json(json.loads(row["quality"])) if row["quality"] else None
    return ModelOutput(row["model"], row["size_bytes"], quality, row["quality_problem"])
