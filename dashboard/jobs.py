"""One job as page and HTTP see it: facts gathered, decision taken."""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from dashboard.catalog.database import CatalogUnavailableError
from dashboard.catalog.entries import Entry, Sighting, merge
from dashboard.catalog.reading import load_entries, load_reviews
from dashboard.celery_record import NO_RECORD, CeleryRecord, RecordFault
from dashboard.errors import JobStatus
from dashboard.job_ids import is_job_id
from dashboard.live import live
from dashboard.outputs import NO_OUTPUTS, Outputs, read_outputs
from dashboard.records import record_reader
from dashboard.settings import Settings, read_settings
from dashboard.status import Decision, Facts, decide, not_a_job_id
from dashboard.verdict import Review

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job: what is on disk, what Celery says, what that means, and the last verdict on it.

    `available_until` is set for ready jobs where results are removed after a time.
    """

    job_id: str
    record: CeleryRecord | RecordFault
    outputs: Outputs
    decision: Decision
    created_at: datetime | None = None
    updated_at: datetime | None = None
    available_until: datetime | None = None
    review: Review | None = None

    @property
    def status(self) -> JobStatus | None:
        """None where there is no such job."""
        return self.decision.status

    @property
    def celery(self) -> CeleryRecord:
        """The record, or an empty one where it is missing or cannot be read."""
        return self.record if isinstance(self.record, CeleryRecord) else NO_RECORD

    @property
    def state(self) -> str | None:
        """Celery's state; None where nobody knows it."""
        return self.record.state if isinstance(self.record, CeleryRecord) else None

    @property
    def is_under_way(self) -> bool:
        """Tell whether what is not there may come yet."""
        return self.status in {JobStatus.QUEUED, JobStatus.RUNNING}

    @property
    def size_bytes(self) -> int:
        """The bytes of all files that a ZIP would hold, before packing."""
        return self.outputs.size_bytes or 0


def get_job(job_id: str) -> Job:
    """Gather one job, whatever the text; its status is None where there is no such job.

    Asks Celery and the disk, and the catalog for what they have forgotten.
    Raises StorageUnavailableError if the storage itself is gone.
    """
    if not is_job_id(job_id):
        return Job(job_id=job_id, record=NO_RECORD, outputs=NO_OUTPUTS, decision=not_a_job_id())
    record = record_reader(read_settings().result_backend_url).read([job_id])[job_id]
    outputs = read_outputs(job_id)
    known, review = _recall(job_id)
    seen = Sighting(job_id=job_id, seen_at=datetime.now(UTC), record=record, outputs=outputs)
    entry = merge(known, seen)
    if entry != known:
        live().hint([job_id])
    is_away = record is RecordFault.UNAVAILABLE
    if entry is None:
        decision = _decide(job_id, record, outputs, read_settings())
        return Job(job_id=job_id, record=record, outputs=outputs, decision=decision, review=review)
    shown = replace(entry.outputs, models=outputs.models)
    entry = replace(entry, outputs=shown, review=review)
    return judge(entry, backend_away=is_away, now=seen.seen_at)


def follow_job(job_id: str) -> Job:
    """See how a job stands by the catalog, which follows Celery: nobody is asked for it.

    What the catalog does not know, or cannot tell, is looked up as `get_job` does.
    """
    entry, _ = _recall(job_id)
    if entry is None:
        return get_job(job_id)
    return judge(entry, backend_away=live().backend_away, now=datetime.now(UTC))


def _recall(job_id: str) -> tuple[Entry | None, Review | None]:
    """What the catalog knows; a catalog that cannot be read costs memory, never the answer."""
    try:
        with live().database.reading() as connection:
            if entry := load_entries(connection, [job_id]).get(job_id):
                return entry, entry.review
            return None, load_reviews(connection, [job_id]).get(job_id)
    except CatalogUnavailableError as exc:
        log.warning("job %s is looked up without the catalog: %s", job_id, exc)
        return None, None


def judge(entry: Entry, *, backend_away: bool, now: datetime) -> Job:
    """Decide what an entry means; while the backend is away, only ends are known for sure."""
    is_unknown = backend_away and not entry.has_ended
    record = RecordFault.UNAVAILABLE if is_unknown else entry.record
    settings = read_settings()
    decision = _decide(entry.job_id, record, entry.outputs, settings, _silent_min(entry, now))
    return Job(
        job_id=entry.job_id,
        record=record,
        outputs=entry.outputs,
        decision=decision,
        created_at=entry.created_at,
        updated_at=entry.updated_at,
        available_until=_available_until(entry, decision, settings),
        review=entry.review,
    )


def _decide(
    job_id: str,
    record: CeleryRecord | RecordFault,
    outputs: Outputs,
    settings: Settings,
    silent_min: int = 0,
) -> Decision:
    facts = Facts(
        job_id=job_id,
        record=record,
        output=outputs.state,
        missing=outputs.missing,
        serve_unrecorded=settings.serve_unrecorded,
        silent_min=silent_min if silent_min >= settings.stalled_after_min else None,
    )
    return decide(facts)


def _silent_min(entry: Entry, now: datetime) -> int:
    """Whole minutes since the record or the job's files last changed."""
    last = max(filter(None, (entry.alive_at, entry.outputs.changed_at)))
    return max(int((now - last) / timedelta(minutes=1)), 0)


def _available_until(entry: Entry, decision: Decision, settings: Settings) -> datetime | None:
    if settings.result_retention_hours is None or decision.status is not JobStatus.READY:
        return None
    try:
        return entry.updated_at + timedelta(hours=settings.result_retention_hours)
    except OverflowError:  # a record may hold any date
        return None
