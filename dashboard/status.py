"""The one decision that page and HTTP ask for: facts in, answer out (CONTRACT section 2)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dashboard.celery_record import FAILURE, PENDING, REVOKED, SUCCESS, CeleryRecord, RecordFault
from dashboard.errors import ErrorCode, JobStatus, Refusal, make_error_detail, refusal_for


class OutputState(StrEnum):
    """What lies on disk where a job's results belong."""

    NO_JOB = "no job directory"
    ABSENT = "no output directory"
    UNREADABLE = "unreadable"
    INCOMPLETE = "incomplete"
    COMPLETE = "complete"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the decision rests on. `missing` is filled where outputs are incomplete.

    `serve_unrecorded` lets complete outputs count as ready that nobody has a record of.
    `silent_min` is set for a job that has shown no sign of life for suspiciously many minutes.
    """

    job_id: str
    record: CeleryRecord | RecordFault
    output: OutputState
    missing: tuple[str, ...] = ()
    serve_unrecorded: bool = False
    silent_min: int | None = None


@dataclass(frozen=True)
class Decision:
    """The answer: a status, and unless it is `ready` the refusal of a download.

    `status` is None where there is no such job.
    """

    status: JobStatus | None
    code: ErrorCode | None = None
    message: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Tell whether the job changes no more by itself."""
        return self.status not in {JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.UNKNOWN}

    @property
    def is_stalled(self) -> bool:
        """Tell whether a running job has been silent for longer than it should."""
        return bool(self.details.get("stalled"))

    @property
    def refusal(self) -> Refusal | None:
        return refusal_for(self.code, self.status) if self.code else None

    def error_body(self) -> dict[str, Any]:
        """The body of the refusal. Raises ValueError for a job that is ready."""
        if self.code is None:
            raise ValueError("a ready job is not refused")
        return make_error_detail(self.code, self.message, self.details)


def not_a_job_id() -> Decision:
    """Refuse what cannot be a job id, before anything is asked about it."""
    return Decision(None, ErrorCode.JOB_NOT_FOUND, "There is no such job: this is not a job id.")


def decide(facts: Facts) -> Decision:
    """Apply the contract's table: the first row that fits."""
    record = facts.record
    if isinstance(record, RecordFault):
        return _without_record(facts, record)
    if record.state == PENDING:
        return _pending(facts)
    if record.state == FAILURE:
        return _failed(facts, record)
    if record.state == REVOKED:
        return _cancelled(facts, record)
    if record.state == SUCCESS:
        return _succeeded(facts, record)
    return _running(facts, record)


def _refuse(
    facts: Facts, status: JobStatus | None, code: ErrorCode, message: str, **details: Any
) -> Decision:
    known = {"job_id": facts.job_id}
    if status is not None:
        known["status"] = status.value
    if isinstance(facts.record, CeleryRecord):
        known["state"] = facts.record.state
    return Decision(status, code, f"Job {facts.job_id} {message}", known | details)


def _without_record(facts: Facts, fault: RecordFault) -> Decision:
    if fault is RecordFault.UNREADABLE:
        message = "has a Celery record that cannot be read."
        return _refuse(facts, JobStatus.UNKNOWN, ErrorCode.STATE_UNREADABLE, message)
    message = "cannot be looked up: Celery's result backend does not answer."
    return _refuse(facts, JobStatus.UNKNOWN, ErrorCode.STATE_UNAVAILABLE, message)


def _pending(facts: Facts) -> Decision:
    if facts.output is OutputState.NO_JOB:
        return _refuse(facts, None, ErrorCode.JOB_NOT_FOUND, "was not found.")
    if facts.output is OutputState.ABSENT:
        message = "is waiting for a worker; it is still processing (0% complete)."
        return _refuse(facts, JobStatus.QUEUED, ErrorCode.JOB_NOT_READY, message, progress=0)
    if facts.serve_unrecorded and facts.output is OutputState.COMPLETE:
        return Decision(JobStatus.READY)
    message = "was not found: it has files, but Celery has no record of it."
    return _refuse(facts, JobStatus.UNRECORDED, ErrorCode.JOB_NOT_FOUND, message)


def _running(facts: Facts, record: CeleryRecord) -> Decision:
    progress = record.progress or 0.0
    details: dict[str, Any] = {"progress": int(progress) if progress.is_integer() else progress}
    if record.step:
        details |= {"step": record.step}
    message = f"is still processing ({progress:.0f}% complete)."
    if facts.silent_min is not None:
        details |= {"stalled": True, "silent_min": facts.silent_min}
        message += f" It may have stalled: no sign of life for {facts.silent_min} minutes."
    return _refuse(facts, JobStatus.RUNNING, ErrorCode.JOB_NOT_READY, message, **details)


def _failed(facts: Facts, record: CeleryRecord) -> Decision:
    reason = ": ".join(filter(None, (record.error_type, record.error_text)))
    told = {
        "error_type": record.error_type,
        "error": record.error_text,
        "error_code": record.error_code,
        "model": record.model,
    }
    details = {name: value for name, value in told.items() if value}
    message = f"failed: {reason or 'the pipeline gave no reason'}"
    return _refuse(
        facts, JobStatus.FAILED, ErrorCode.JOB_FAILED, message, cancelled=False, **details
    )


def _cancelled(facts: Facts, record: CeleryRecord) -> Decision:
    details = {"error": record.error_text} if record.error_text else {}
    return _refuse(
        facts,
        JobStatus.CANCELLED,
        ErrorCode.JOB_FAILED,
        "was cancelled.",
        cancelled=True,
        **details,
    )


def _succeeded(facts: Facts, record: CeleryRecord) -> Decision:
    if record.outcome == "failed":
        return _failed(facts, record)
    if record.outcome == "cancelled":
        return _cancelled(facts, record)
    if facts.output in {OutputState.NO_JOB, OutputState.ABSENT}:
        message = "finished, but its results have been removed."
        return _refuse(facts, JobStatus.EXPIRED, ErrorCode.JOB_EXPIRED, message)
    if facts.output is OutputState.UNREADABLE:
        message = "finished, but its results cannot be read: permission denied."
        return _refuse(facts, JobStatus.UNREADABLE, ErrorCode.RESULTS_UNREADABLE, message)
    if facts.output is OutputState.INCOMPLETE:
        message = f"finished, but required files are missing: {', '.join(facts.missing)}."
        missing = list(facts.missing)
        return _refuse(
            facts, JobStatus.INCOMPLETE, ErrorCode.INCOMPLETE_RESULTS, message, missing=missing
        )
    return Decision(JobStatus.READY)
