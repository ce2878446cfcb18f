"""Jobs as page and HTTP see them: facts gathered, decision taken, lists filtered and sorted."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard.celery_record import NO_RECORD, CeleryRecord, RecordFault
from dashboard.errors import JobStatus
from dashboard.job_ids import is_job_id
from dashboard.job_query import JobQuery
from dashboard.outputs import NO_OUTPUTS, Outputs, job_ids_on_disk, read_outputs, recall_outputs
from dashboard.records import RecordReader, record_reader
from dashboard.settings import read_settings
from dashboard.status import Decision, Facts, decide, not_a_job_id


@dataclass(frozen=True)
class Job:
    """One job: what is on disk, what Celery says, and what that means."""

    job_id: str
    record: CeleryRecord | RecordFault
    outputs: Outputs
    decision: Decision

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
    def size_bytes(self) -> int:
        """The bytes of all files that a ZIP would hold, before packing."""
        return sum(model.size_bytes for model in self.outputs.models)

    @property
    def created_at(self) -> datetime | None:
        return self.outputs.created_at

    @property
    def updated_at(self) -> datetime | None:
        """When Celery recorded the end, or else when a file last changed."""
        return self.celery.finished_at or self.outputs.changed_at

    @property
    def psnr(self) -> float | None:
        """The best PSNR of its models, in dB."""
        return self._best("psnr")

    @property
    def ssim(self) -> float | None:
        """The best SSIM of its models, 0 to 1."""
        return self._best("ssim")

    def _best(self, metric: str) -> float | None:
        qualities = (model.quality for model in self.outputs.models)
        figures = (quality.metrics[metric] for quality in qualities if quality)
        return max((figure for figure in figures if figure is not None), default=None)


@dataclass(frozen=True)
class JobPage:
    """One page of a list: `total` jobs pass the filter; the rest is about all jobs."""

    jobs: tuple[Job, ...]
    total: int
    by_status: Mapping[JobStatus, int]
    models: tuple[str, ...]
    backend_away: bool


def get_job(job_id: str) -> Job:
    """Gather one job, whatever the text; its status is None where there is no such job.

    Raises StorageUnavailableError if the storage itself is gone.
    """
    if not is_job_id(job_id):
        return Job(job_id, NO_RECORD, NO_OUTPUTS, not_a_job_id())
    return _judge(job_id, _reader().read([job_id])[job_id], read_outputs(job_id))


def list_jobs(query: JobQuery) -> JobPage:
    """List every job that has a directory or a record.

    Raises StorageUnavailableError if the storage cannot be listed.
    """
    records = _reader().read_all(job_ids_on_disk())
    is_away = _reader().is_away
    judged = (_judge(job_id, record, _look(job_id, record)) for job_id, record in records.items())
    jobs = [job for job in judged if job.status is not None]
    found = _in_order((job for job in jobs if _passes(job, query)), query)
    return JobPage(
        jobs=tuple(found[query.offset : query.offset + query.limit]),
        total=len(found),
        by_status=Counter(job.status for job in jobs if job.status),
        models=tuple(sorted({model.name for job in jobs for model in job.outputs.models})),
        backend_away=is_away or RecordFault.UNAVAILABLE in records.values(),
    )


def _reader() -> RecordReader:
    return record_reader(read_settings().result_backend_url)


def _judge(job_id: str, record: CeleryRecord | RecordFault, outputs: Outputs) -> Job:
    facts = Facts(job_id=job_id, record=record, output=outputs.state, missing=outputs.missing)
    return Job(job_id, record, outputs, decide(facts))


def _look(job_id: str, record: CeleryRecord | RecordFault) -> Outputs:
    """Nothing writes to a job that has ended, so a list need not look at each file again."""
    has_ended = isinstance(record, CeleryRecord) and record.is_final
    return recall_outputs(job_id) if has_ended else read_outputs(job_id)


def _passes(job: Job, query: JobQuery) -> bool:
    names = {model.name for model in job.outputs.models}
    return (
        (not query.statuses or job.status in query.statuses)
        and (not query.models or not query.models.isdisjoint(names))
        and query.text.lower() in job.job_id.lower()
    )


def _in_order(jobs: Iterable[Job], query: JobQuery) -> list[Job]:
    """Sort by the figure, then by id; jobs without the figure last in both directions."""
    by_id = sorted(jobs, key=lambda job: job.job_id)
    have = [job for job in by_id if getattr(job, query.sort_key) is not None]
    lack = [job for job in by_id if getattr(job, query.sort_key) is None]
    have.sort(key=lambda job: getattr(job, query.sort_key), reverse=query.descending)
    return have + lack
