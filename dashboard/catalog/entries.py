"""What the catalog knows of one job, and what becomes of it when something new is seen."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dashboard.celery_record import NO_RECORD, PENDING, CeleryRecord, RecordFault
from dashboard.outputs import NO_OUTPUTS, Outputs
from dashboard.status import OutputState
from dashboard.verdict import Review

# Words of the worker that repeat the last ones are noted so often, and not each time.
SIGN_OF_LIFE_EVERY = timedelta(seconds=10)
# What was found out before the last news, and comes after it, is out of date. What is older than
# this was not on its way for so long: somebody has set a clock.
ON_ITS_WAY_MAX = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What was found out about a job; `seen_at` is when the asking began.

    `record` is None where Celery was not asked, `outputs` where the disk was not looked at.
    `is_alive` tells that the worker has just said something, be it the same as before.
    """

    job_id: str
    seen_at: datetime
    record: CeleryRecord | RecordFault | None = None
    outputs: Outputs | None = None
    is_alive: bool = False


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One job as catalogued: the last word of Celery, the last look at the disk, the last review.

    `first_seen_at` and `alive_at` are our own clock: when the job was first seen, and when its
    record last changed.
    """

    job_id: str
    record: CeleryRecord | RecordFault
    outputs: Outputs
    first_seen_at: datetime
    alive_at: datetime
    review: Review | None = None

    @property
    def has_ended(self) -> bool:
        """Tell whether the job's end is durably known: no lost record takes it back."""
        return isinstance(self.record, CeleryRecord) and self.record.is_final

    @property
    def created_at(self) -> datetime:
        """The date of the job's directory; without any, when it was first seen or had ended."""
        if self.outputs.created_at:
            return self.outputs.created_at
        return min(self.first_seen_at, self.finished_at or self.first_seen_at)

    @property
    def finished_at(self) -> datetime | None:
        return self.record.finished_at if isinstance(self.record, CeleryRecord) else None

    @property
    def updated_at(self) -> datetime:
        return self.finished_at or self.outputs.changed_at or self.alive_at


def merge(known: Entry | None, seen: Sighting) -> Entry | None:
    """Bring an entry up to date; None for a job that is nowhere any more and had no end."""
    record = _merge_records(known, seen)
    outputs = _merge_outputs(known, seen)
    is_unheard = isinstance(record, CeleryRecord) and record.state == PENDING
    if is_unheard and outputs.state is OutputState.NO_JOB:
        return None
    if known is None:
        return Entry(
            job_id=seen.job_id,
            record=record,
            outputs=outputs,
            first_seen_at=seen.seen_at,
            alive_at=seen.seen_at,
        )
    is_news = record != known.record
    is_sign = seen.is_alive and seen.seen_at - known.alive_at >= SIGN_OF_LIFE_EVERY
    alive_at = max(known.alive_at, seen.seen_at) if is_news or is_sign else known.alive_at
    return replace(known, record=record, outputs=outputs, alive_at=alive_at)


def is_overtaken(known: Entry | None, seen: Sighting) -> bool:
    """Tell whether a sighting comes too late: others may look at the same job at the same time."""
    late = known.alive_at - seen.seen_at if known else timedelta(0)
    return timedelta(0) < late < ON_ITS_WAY_MAX


def _merge_outputs(known: Entry | None, seen: Sighting) -> Outputs:
    """A directory that is gone leaves its date, so that the job keeps its place among others."""
    before = known.outputs if known else NO_OUTPUTS
    if seen.outputs is None:
        return before
    if seen.outputs.state is OutputState.NO_JOB:
        return replace(seen.outputs, created_at=before.created_at)
    return without_files(seen.outputs)


def without_files(outputs: Outputs) -> Outputs:
    """What is kept of a look at the disk: single files are asked of the disk itself."""
    if not any(model.files for model in outputs.models):
        return outputs
    return replace(outputs, models=tuple(replace(model, files=()) for model in outputs.models))


def _merge_records(known: Entry | None, seen: Sighting) -> CeleryRecord | RecordFault:
    """A backend that forgot a job, or is away, takes nothing back that is known of it."""
    before = known.record if known else NO_RECORD
    if seen.record is None or seen.record is RecordFault.UNAVAILABLE:
        return before
    if seen.record == NO_RECORD:
        return before if known and known.has_ended else NO_RECORD
    return seen.record
