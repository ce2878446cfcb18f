"""Words that only the page needs: its labels read markdown."""

import re

from dashboard.errors import JobStatus
from dashboard.wording import MODEL_NAMES

# Underscores within a word are no emphasis; beside a hyphen they may be.
PLAIN_NAME = re.compile(r"(?=.{1,40}$)[A-Za-z0-9]+(?:(?:_+|-+)[A-Za-z0-9]+)*")
# What a card says where a picture would be.
NO_PICTURE = {
    JobStatus.QUEUED: "Waiting for a worker",
    JobStatus.RUNNING: "Preview when finished",
    JobStatus.FAILED: "Failed, no preview",
    JobStatus.CANCELLED: "Cancelled, no preview",
    JobStatus.EXPIRED: "Results removed",
}


def model_label(name: str, position: int) -> str:
    """Name a model in a label, which renders markdown: a name that is not plain gets a number."""
    if name in MODEL_NAMES:
        return MODEL_NAMES[name]
    return name if PLAIN_NAME.fullmatch(name) else f"Model {position + 1}"


def plain(text: str) -> str:
    """Keep markdown from reading emphasis into an id."""
    return text.replace("_", "\\_")
