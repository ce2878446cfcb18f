"""How jobs, models, figures and meshes read, on the page and in the report alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from dashboard.errors import JobStatus
from dashboard.mesh_counts import MeshCounts
from dashboard.mesh_surface import Surface
from dashboard.quality import Quality, QualityStatus, find_lead, measured_alike
from dashboard.verdict import UNREVIEWED, Verdict

Color = Literal["red", "orange", "blue", "green", "violet", "gray"]
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
QUALITY_LOOKS = {
    QualityStatus.NORMAL: Look("Normal", ":material/verified:", "green"),
    QualityStatus.WARNING: Look("Warning", ":material/warning:", "orange"),
    QualityStatus.FAILURE: Look("Failure", ":material/thumb_down:", "red"),
}
NO_QUALITY = Look("No quality", ":material/question_mark:", "gray")
# What a verdict is called once it is given, and on the button that gives it.
VERDICT_LOOKS = {
    Verdict.ACCEPTED: Look("Accepted", ":material/thumb_up:", "green"),
    Verdict.REWORK: Look("Rework", ":material/build:", "orange"),
    Verdict.REJECTED: Look("Rejected", ":material/thumb_down:", "red"),
}
VERDICT_ACTIONS = {
    Verdict.ACCEPTED: "Accept",
    Verdict.REWORK: "Rework",
    Verdict.REJECTED: "Reject",
}
# By the beginning of a preview's name.
PREVIEW_TITLES = {"textured": "Textured previews", "wireframe": "Wireframe previews"}
OTHER_PREVIEWS = "Other previews"


def quality_look(status: QualityStatus | None) -> Look:
    return QUALITY_LOOKS[status] if status else NO_QUALITY


def quality_word(name: str) -> str:
    """Name a quality status, or that there is none, within a sentence."""
    known = name in set(QualityStatus)
    return (QUALITY_LOOKS[QualityStatus(name)] if known else NO_QUALITY).label.lower()


def verdict_word(name: str) -> str:
    """Name a verdict, or that there is none, within a sentence."""
    return name if name == UNREVIEWED else VERDICT_LOOKS[Verdict(name)].label.lower()


def model_text(name: str) -> str:
    """Name a model where nothing is read as markup."""
    return MODEL_NAMES.get(name, name)


def size_text(size_bytes: int) -> str:
    """A size in decimal units, as file managers and browsers show it."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    power = next((n for n in (1, 2) if size_bytes / 1000**n < 999.5), 3)
    value, unit = size_bytes / 1000**power, ("kB", "MB", "GB")[power - 1]
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


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


def until_text(moment: datetime, now: datetime | None = None) -> str:
    """How long something is still there."""
    hours = (moment - (now or datetime.now(UTC))).total_seconds() / 3600
    if hours <= 0:
        return "due to be removed"
    if hours < 1:
        return "available for less than 1 h"
    return f"available for {hours / 24:.0f} d" if hours >= 48 else f"available for {hours:.0f} h"


def moment_text(moment: datetime | None) -> str:
    """A moment for paper, where "3 h ago" soon says nothing; "" for none."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else ""


def comparison_text(names: Sequence[str], qualities: Sequence[Quality | None]) -> str:
    """Say in one line which of the models is ahead, and by how much."""
    lead = find_lead(qualities)
    if lead is None:
        return "The models cannot be compared: fewer than two have a PSNR."
    first, second = (model_text(names[position]) for position in lead[:2])
    if not measured_alike([qualities[position] for position in lead[:2]]):
        return f"{first} and {second} do not compare: they were measured under different settings."
    if lead[2] == 0:
        return f"{first} and {second} are level in PSNR."
    return f"{first} beats {second} by {lead[2]:.1f} dB PSNR."


def thresholds_text(quality: Quality) -> str:
    limits = quality.thresholds
    return (
        f"Normal from {limits['psnr_normal']:g} dB and {limits['ssim_normal']:g} SSIM, "
        f"warning from {limits['psnr_warning']:g} dB and {limits['ssim_warning']:g} SSIM, "
        "failure below."
    )


def no_quality_text(problem: str | None) -> str:
    return f"Quality unavailable: {problem}."


def no_previews_text(kind: str = "", *, may_come: bool) -> str:
    """What stands for a model's previews, of a kind or of any."""
    previews = f"{kind} previews".strip()
    return f"No {previews} yet" if may_come else f"This model left no {previews}"


def resolution_text(quality: Quality) -> str | None:
    if quality.image_resolution is None:
        return None
    height, width = quality.image_resolution
    return f"{width} × {height} px"


def duration_text(quality: Quality) -> str | None:
    seconds = quality.processing_duration_s
    return None if seconds is None else f"{seconds:.0f} s"


def timestamp_text(quality: Quality) -> str | None:
    """When the figures were measured: to the minute if it is a time as ISO 8601 writes it."""
    try:
        moment = datetime.fromisoformat(quality.timestamp or "")
        return moment_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return quality.timestamp


def counts_figures(counts: MeshCounts, name: str) -> dict[str, str]:
    return {
        "Vertices": f"{counts.vertices:,}",
        "Faces": f"{counts.faces:,}",
        "Read from": name,
    }


def surface_figures(surface: Surface) -> dict[str, str]:
    return {
        "Watertight": "Yes" if surface.is_watertight else "No",
        "Extents, in the file's units": " × ".join(f"{length:.3g}" for length in surface.extents),
    }


def no_mesh_text() -> str:
    return "This model left no mesh."


def no_counts_text(name: str, problem: object) -> str:
    return f"Facts about {name} are unavailable: {problem}."


def no_surface_text(problem: object) -> str:
    return f"The surface cannot be measured: {problem}."
