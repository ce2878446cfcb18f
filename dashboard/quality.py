"""A model's quality.json, read with suspicion: any key may be missing, null or nonsense."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dashboard.celery_record import clean_text, number

# What the pipeline writes is about 1 kB; a page with many models reads one for each.
QUALITY_MAX_BYTES = 128 << 10


class QualityError(ValueError):
    """The file cannot be used; the text says why, in words for the page."""


class QualityStatus(StrEnum):
    """The pipeline's own judgement; it never blocks a download."""

    NORMAL = "normal"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Metric:
    """One figure: its key in the file, its name, unit, decimals, and which way is better."""

    key: str
    name: str
    unit: str
    decimals: int
    higher_is_better: bool

    def text(self, value: float, sign: str = "-") -> str:
        """Write a figure with its unit; `sign` as in a format: "+" marks gains as well."""
        return f"{value:{sign}.{self.decimals}f} {self.unit}".rstrip()


METRICS = (
    Metric("psnr", "PSNR", "dB", 1, higher_is_better=True),
    Metric("ssim", "SSIM", "", 3, higher_is_better=True),
    Metric("depth_mae", "Depth MAE", "", 4, higher_is_better=False),
    Metric("depth_rmse", "Depth RMSE", "", 4, higher_is_better=False),
)

PSNR = METRICS[0]

# The pipeline's own limits (CONTRACT section 1); a file may bring others.
THRESHOLDS = {
    "psnr_normal": 25.0,
    "psnr_warning": 20.0,
    "ssim_normal": 0.85,
    "ssim_warning": 0.75,
}


@dataclass(frozen=True)
class Quality:
    """Figures as the pipeline measured them; None is a figure that the file does not give.

    `metrics` and `thresholds` have one entry for each key of METRICS and THRESHOLDS:
    PSNR in dB, SSIM 0 to 1, depth errors in the renderer's units.
    """

    status: QualityStatus | None
    summary: str | None
    metrics: Mapping[str, float | None]
    thresholds: Mapping[str, float]
    timestamp: str | None
    input_file: str | None
    processing_duration_s: float | None
    image_resolution: tuple[int, int] | None
    num_views: int | None

    def as_json(self) -> dict[str, Any]:
        """The file's own shape, with every figure finite or null."""
        return {
            "status": self.status,
            "summary": self.summary,
            "metrics": dict(self.metrics),
            "thresholds": dict(self.thresholds),
            "metadata": {
                "timestamp": self.timestamp,
                "input_file": self.input_file,
                "processing_duration_sec": self.processing_duration_s,
                "image_resolution": self.image_resolution and list(self.image_resolution),
                "num_views": self.num_views,
            },
        }


def parse_quality(raw: bytes) -> Quality:
    """Read a quality.json; keys of a wrong type count as missing.

    Raises QualityError for what is not a JSON object, is too large to be one of ours, can be read
    in two ways, or tells nothing.
    """
    if len(raw) > QUALITY_MAX_BYTES:
        raise QualityError(f"quality.json is larger than {QUALITY_MAX_BYTES >> 10} kB")
    if not raw.strip():
        raise QualityError("quality.json is empty")
    try:
        content = json.loads(raw.decode("utf-8"), object_pairs_hook=_unambiguous)
    except QualityError:
        raise
    except UnicodeDecodeError as exc:
        raise QualityError("quality.json is not UTF-8 text") from exc
    except (ValueError, RecursionError) as exc:
        raise QualityError("quality.json is not valid JSON") from exc
    if not isinstance(content, dict):
        raise QualityError("quality.json does not hold a JSON object")
    quality = quality_from_json(content)
    has_figures = any(figure is not None for figure in quality.metrics.values())
    if not (quality.status or quality.summary or has_figures):
        raise QualityError("quality.json holds no status and no figure that can be read")
    return quality


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that comes twice: readers differ in which of the two they take."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise QualityError("quality.json names a key twice")
    return content


def difference(metric: Metric, first: float, second: float) -> float:
    """By how much the first figure is above the second, rounded like the figures.

    0 for figures that are shown alike: nobody wins by what is not shown.
    """
    if metric.text(first) == metric.text(second):
        return 0.0
    return round(first - second, metric.decimals)


def find_lead(qualities: Sequence[Quality | None]) -> tuple[int, int, float] | None:
    """Find the two best by PSNR: the positions of first and second, and the lead in dB.

    None where fewer than two have a PSNR. The lead is a `difference`.
    """
    figures = [
        (psnr, -position)
        for position, quality in enumerate(qualities)
        if quality and (psnr := quality.metrics[PSNR.key]) is not None
    ]
    ranked = sorted(figures, reverse=True)[:2]
    if len(ranked) < 2:
        return None
    (first, first_at), (second, second_at) = ranked
    return -first_at, -second_at, difference(PSNR, first, second)


def measured_alike(qualities: Sequence[Quality | None]) -> bool:
    """Tell whether figures compare: as far as the files say, resolution and views are the same."""
    known = [quality for quality in qualities if quality]
    resolutions = {quality.image_resolution for quality in known} - {None}
    views = {quality.num_views for quality in known} - {None}
    return len(resolutions) <= 1 and len(views) <= 1


def quality_from_json(content: dict[str, Any]) -> Quality:
    """Read what `as_json` gives, or a file's own content; keys of a wrong type count as missing."""
    metrics, limits, metadata = (
        _object(content.get(key)) for key in ("metrics", "thresholds", "metadata")
    )
    found = {key: number(limits.get(key)) for key in THRESHOLDS}
    return Quality(
        status=_status(content.get("status")),
        summary=clean_text(content.get("summary")),
        metrics={metric.key: number(metrics.get(metric.key)) for metric in METRICS},
        thresholds=THRESHOLDS | {key: limit for key, limit in found.items() if limit is not None},
        timestamp=clean_text(metadata.get("timestamp"), 60),
        input_file=clean_text(metadata.get("input_file"), 200),
        processing_duration_s=number(metadata.get("processing_duration_sec")),
        image_resolution=_resolution(metadata.get("image_resolution")),
        num_views=_whole(metadata.get("num_views")),
    )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _status(value: object) -> QualityStatus | None:
    return QualityStatus(value) if isinstance(value, str) and value in list(QualityStatus) else None


def _whole(value: object) -> int | None:
    found = number(value)
    return int(found) if found is not None and 0 < found < 1e6 and found.is_integer() else None


def _resolution(value: object) -> tuple[int, int] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    height, width = map(_whole, value)
    return (height, width) if height and width else None
