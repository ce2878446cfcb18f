"""What a reviewer says of a job: accepted, rejected or rework, with a note, a name and a time."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from unicodedata import category

from dashboard.celery_record import clean_text
from dashboard.job_ids import is_job_id

NOTE_MAX_CHARS, NAME_MAX_CHARS = 2000, 80
REVIEW_ID = re.compile(r"[0-9a-f]{32}")
# They turn the direction of all that follows, and with it what a line seems to say.
TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Verdict(StrEnum):
    """What becomes of a job's results; the order is that of the buttons."""

    ACCEPTED = "accepted"
    REWORK = "rework"
    REJECTED = "rejected"


# Beside the verdicts: a job about which nobody has decided.
UNREVIEWED = "unreviewed"
VERDICTS = (UNREVIEWED, *(verdict.value for verdict in Verdict))


@dataclass(frozen=True, kw_only=True)
class Review:
    """One verdict as it was given; it is never changed, only followed by another.

    `id` is unique wherever it comes from; `replaced` is the id of the review that was seen when
    this one was made.
    """

    id: str
    job_id: str
    verdict: Verdict
    note: str
    reviewer: str
    decided_at: datetime
    replaced: str | None = None

    def says(self, verdict: Verdict, note: str, reviewer: str) -> bool:
        """Tell whether this verdict of that reviewer, with or without its note, adds nothing."""
        is_same = (self.verdict, self.reviewer) == (verdict, reviewer)
        return is_same and note in {"", self.note}

    def as_json(self) -> dict[str, Any]:
        """All of it, for backups; `decided_at` in ISO 8601 and UTC."""
        return {
            "id": self.id,
            "job_id": self.job_id,
            "verdict": self.verdict.value,
            "note": self.note,
            "reviewer": self.reviewer,
            "decided_at": self.decided_at.isoformat(),
            "replaced": self.replaced,
        }


class UnreadableReviewError(ValueError):
    """A line is not a review as `as_line` writes it."""


def as_line(review: Review) -> str:
    return json.dumps(review.as_json()) + "\n"


def read_lines(lines: Iterable[str]) -> Iterator[Review | UnreadableReviewError]:
    """Read reviews, one a line; for a line that is none, yield what is wrong with it."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _read(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                yield UnreadableReviewError(f"line {number} is not a review")


def _read(given: dict[str, Any]) -> Review:
    review_id, job_id, replaced = given["id"], given["job_id"], given["replaced"]
    decided_at = datetime.fromisoformat(given["decided_at"])
    reviewer = clean_name(given["reviewer"])
    is_known = replaced is None or REVIEW_ID.fullmatch(replaced)
    if not (REVIEW_ID.fullmatch(review_id) and is_job_id(job_id) and is_known and reviewer):
        raise ValueError("an id or the name is not one")
    if decided_at.tzinfo is None:
        raise ValueError("the time has no offset")
    return Review(
        id=review_id,
        job_id=job_id,
        verdict=Verdict(given["verdict"]),
        note=clean_note(given["note"]),
        reviewer=reviewer,
        decided_at=decided_at.astimezone(UTC),
        replaced=replaced,
    )


def clean_note(text: object) -> str:
    """Return a note as it is kept: bounded, and of control characters only line breaks."""
    lines = (clean_text(text, NOTE_MAX_CHARS) or "").splitlines()
    return "\n".join(map(_printable, lines)).strip()


def clean_name(text: object) -> str:
    """Return a name as it is kept: bounded and on one line; "" is none."""
    return " ".join(_printable(clean_text(text, NAME_MAX_CHARS) or "").split())


def _printable(text: str) -> str:
    kept = (char for char in text if char not in TURNS)
    return "".join(" " if category(char) == "Cc" else char for char in kept)
