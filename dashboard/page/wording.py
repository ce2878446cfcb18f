"""How a status, a size, an age and a name read on the page."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from dashboard.errors import JobStatus
from dashboard.quality import QualityStatus

Color = Literal["red", "orange", "blue", "green", "violet", "gray"]
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
MODEL_NAMES = {"reconviagen": "ReconViaGen", "nvdiffrec": "nvdiffrec"}


@dataclass(frozen=True)
class Look:
    """A badge: its label, Material icon and colour."""

    label: str
    icon: str
    color: Color


STATUS_LOOKS = {
    JobStatus.QUEUED: Look("Queued", ":material/schedule:", "gray"),
    JobStatus.RUNNING: Look("Running", ":material/sync:", "blue"),
    JobStatus.READY: Look("Ready", ":material/check_circle:", "green"),
    JobStatus.FAILED: Look("Failed", ":material/error:", "red"),
    JobStatus.CANCELLED: Look("Cancelled", ":material/cancel:", "gray"),
    JobStatus.EXPIRED: Look("Expired", ":material/hourglass_disabled:", "orange"),
    JobStatus.INCOMPLETE: Look("Incomplete", ":material/broken_image:", "violet"),
    JobStatus.UNREADABLE: Look("Unreadable", ":material/lock:", "violet"),
    JobStatus.UNRECORDED: Look("Unrecorded", ":material/help:", "gray"),
    JobStatus.UNKNOWN: Look("Unknown", ":material/cloud_off:", "orange"),
}
# A running job that has been silent for too long; nobody knows whether it still runs.
STALLED = Look("Stalled?", ":material/hourglass_bottom:", "orange")
# What a card says where a picture would be.
NO_PICTURE = {
    JobStatus.QUEUED: "Waiting for a worker",
    JobStatus.RUNNING: "Preview when finished",
    JobStatus.FAILED: "Failed, no preview",
    JobStatus.CANCELLED: "Cancelled, no preview",
    JobStatus.EXPIRED: "Results removed",
}
QUALITY_LOOKS = {
    QualityStatus.NORMAL: Look("Normal", ":material/verified:", "green"),
    QualityStatus.WARNING: Look("Warning", ":material/warning:", "orange"),
    QualityStatus.FAILURE: Look("Failure", ":material/thumb_down:", "red"),
}
NO_QUALITY = Look("No quality", ":material/question_mark:", "gray")


def quality_look(status: QualityStatus | None) -> Look:
    return QUALITY_LOOKS[status] if status else NO_QUALITY


def quality_word(name: str) -> str:
    """Name a quality status, or that there is none, within a sentence."""
    known = name in set(QualityStatus)
    return (QUALITY_LOOKS[QualityStatus(name)] if known else NO_QUALITY).label.lower()


def model_text(name: str) -> str:
    """Name a model where nothing is read as markup."""
    return MODEL_NAMES.get(name, name)


def model_label(name: str, position: int) -> str:
    """Name a model in a label, which renders markdown: a name that is not plain gets a number."""
    if name in MODEL_NAMES:
        return MODEL_NAMES[name]
    return plain(name) if PLAIN_NAME.fullmatch(name) else f"Model {position + 1}"


def plain(text: str) -> str:
    """Keep markdown from reading emphasis into an id or a plain name."""
    return text.replace("_", "\\_")


def size_text(size_bytes: int) -> str:
    """A size in decimal units, as file managers and browsers show it."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    power = next((n for n in (1, 2) if size_bytes / 1000**n < 999.5), 3)
    value, unit = size_bytes / 1000**power, ("kB", "MB", "GB")[power - 1]
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def until_text(moment: datetime, now: datetime | None = None) -> str:
    """How long something is still there."""
    hours = (moment - (now or datetime.now(UTC))).total_seconds() / 3600
    if hours <= 0:
        return "due to be removed"
    return f"available for {hours / 24:.0f} d" if hours >= 48 else f"available for {hours:.0f} h"


def age_text(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago something was, in the largest whole unit."""
    if moment is None:
        return "time unknown"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 60:
        return "just now"
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now"
