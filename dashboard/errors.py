"""Every way in which a request is refused: code, HTTP status, severity, wording."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class JobStatus(StrEnum):
    """What a job is to its users; `unknown` means that Celery's word for it is missing."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    INCOMPLETE = "incomplete"
    UNREADABLE = "unreadable"
    UNRECORDED = "unrecorded"
    UNKNOWN = "unknown"


class ErrorCode(StrEnum):
    """The machine's word for a refusal; scripts compare it, so a code never changes."""

    JOB_NOT_FOUND = "JOB_NOT_FOUND"
    JOB_NOT_READY = "JOB_NOT_READY"
    JOB_FAILED = "JOB_FAILED"
    JOB_EXPIRED = "JOB_EXPIRED"
    INCOMPLETE_RESULTS = "INCOMPLETE_RESULTS"
    RESULTS_UNREADABLE = "RESULTS_UNREADABLE"
    RESULTS_CHANGING = "RESULTS_CHANGING"
    STATE_UNAVAILABLE = "STATE_UNAVAILABLE"
    STATE_UNREADABLE = "STATE_UNREADABLE"
    BUSY = "BUSY"
    NOTHING_TO_PACK = "NOTHING_TO_PACK"
    BULK_LIMIT = "BULK_LIMIT"
    FILE_NOT_FOUND = "FILE_NOT_FOUND"
    MESH_NOT_DRAWABLE = "MESH_NOT_DRAWABLE"
    PATH_NOT_FOUND = "PATH_NOT_FOUND"
    BAD_REQUEST = "BAD_REQUEST"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    INVALID_PARAMETER = "INVALID_PARAMETER"
    RANGE_NOT_SATISFIABLE = "RANGE_NOT_SATISFIABLE"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    CATALOG_UNAVAILABLE = "CATALOG_UNAVAILABLE"
    VERDICT_OVERTAKEN = "VERDICT_OVERTAKEN"
    NOT_AUTHENTICATED = "NOT_AUTHENTICATED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class Severity(StrEnum):
    """How a banner looks: calm, a warning, or a fault."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Refusal:
    """One row of the table. `{job_id}` in a suggestion stands for the job's id."""

    http_status: int
    severity: Severity
    title: str
    text: str
    suggestion: str
    retry_after_s: int | None = None


REFUSALS: Mapping[ErrorCode, Refusal] = {
    ErrorCode.JOB_NOT_FOUND: Refusal(
        404,
        Severity.WARNING,
        "Job not found",
        "No job of this id has a directory or a Celery record.",
        "Check the id against GET /jobs, or submit the job again.",
    ),
    ErrorCode.JOB_NOT_READY: Refusal(
        409,
        Severity.INFO,
        "Still processing",
        "The results appear here by themselves when the job has finished.",
        "Poll GET /jobs/{job_id} for status and download when it is ready.",
        retry_after_s=5,
    ),
    ErrorCode.JOB_FAILED: Refusal(
        500,
        Severity.ERROR,
        "Job failed",
        "The pipeline could not finish this job; what it left is no whole result.",
        "Submit the job again; if it fails again, look up {job_id} in the worker's log.",
    ),
    ErrorCode.JOB_EXPIRED: Refusal(
        410,
        Severity.WARNING,
        "Results expired",
        "The job finished, but its files have been removed from the storage.",
        "Submit the job again to get new results.",
    ),
    ErrorCode.INCOMPLETE_RESULTS: Refusal(
        500,
        Severity.ERROR,
        "Results incomplete",
        "The job finished, but required files are missing, so there is no ZIP of it.",
        "Submit the job again, and look up {job_id} in the worker's log.",
    ),
    ErrorCode.RESULTS_UNREADABLE: Refusal(
        500,
        Severity.ERROR,
        "Results cannot be read",
        "The files are there, but the dashboard may not read them.",
        "Ask the operator to give the dashboard's user read access to the job {job_id}.",
    ),
    ErrorCode.RESULTS_CHANGING: Refusal(
        503,
        Severity.WARNING,
        "Results are changing",
        "A file changed while the ZIP was being packed, so it was not handed over.",
        "Wait until nothing writes to the job any more and download it again.",
        retry_after_s=5,
    ),
    ErrorCode.STATE_UNAVAILABLE: Refusal(
        503,
        Severity.WARNING,
        "Job states unavailable",
        "Celery's result backend does not answer. Jobs on disk stay listed.",
        "Try again in a few seconds; if it stays so, check Redis and GET /health.",
        retry_after_s=2,
    ),
    ErrorCode.STATE_UNREADABLE: Refusal(
        500,
        Severity.ERROR,
        "Job state unreadable",
        "Celery's record of this job is not one that Celery writes.",
        "Ask the operator to check the record celery-task-meta-{job_id}, or submit the job again.",
    ),
    ErrorCode.BUSY: Refusal(
        503,
        Severity.INFO,
        "Busy packing",
        "As many ZIPs as allowed are being packed right now.",
        "Send the same request again after the seconds that Retry-After names.",
        retry_after_s=2,
    ),
    ErrorCode.NOTHING_TO_PACK: Refusal(
        409,
        Severity.WARNING,
        "Nothing to pack",
        "None of these jobs can be downloaded now.",
        "Look at each job's code in the details, and ask again for those that are ready.",
        retry_after_s=5,
    ),
    ErrorCode.BULK_LIMIT: Refusal(
        413,
        Severity.INFO,
        "Too much for one ZIP",
        "One ZIP of several jobs holds no more than MAX_BULK_GB allows.",
        "Ask for the jobs that were left out in another request, or download them one by one.",
    ),
    ErrorCode.FILE_NOT_FOUND: Refusal(
        404,
        Severity.WARNING,
        "File not found",
        "The job has no such file.",
        "Take a name from the models' files in GET /jobs/{job_id}.",
    ),
    ErrorCode.MESH_NOT_DRAWABLE: Refusal(
        422,
        Severity.WARNING,
        "Mesh cannot be drawn",
        "There is no view of this mesh that a browser could draw.",
        "Take the mesh as a file: GET /jobs/{job_id} names the models' files.",
    ),
    ErrorCode.PATH_NOT_FOUND: Refusal(
        404,
        Severity.WARNING,
        "Path not found",
        "Nothing is served under this path.",
        "Use GET /jobs, GET /jobs/{job_id} or GET /jobs/{job_id}/download.",
    ),
    ErrorCode.BAD_REQUEST: Refusal(
        400,
        Severity.WARNING,
        "Not a request",
        "What was sent is not HTTP: an address holds a blank or a raw byte, or is too long.",
        "Write blanks and whatever is not ASCII as % and two digits, as in %20.",
    ),
    ErrorCode.METHOD_NOT_ALLOWED: Refusal(
        405,
        Severity.WARNING,
        "Method not allowed",
        "This path is only read.",
        "Use one of the methods that the Allow header names.",
    ),
    ErrorCode.INVALID_PARAMETER: Refusal(
        422,
        Severity.WARNING,
        "Invalid parameter",
        "A parameter of the address has a value that it cannot have.",
        "Correct the parameter that the details name, or leave it out.",
    ),
    ErrorCode.RANGE_NOT_SATISFIABLE: Refusal(
        416,
        Severity.WARNING,
        "Range not satisfiable",
        "The requested range lies outside of the file.",
        "Ask for a range within the size that Content-Range names.",
    ),
    ErrorCode.STORAGE_UNAVAILABLE: Refusal(
        503,
        Severity.ERROR,
        "Storage unavailable",
        "The directory of the jobs cannot be listed.",
        "Check that JOB_STORAGE_PATH exists and may be read, then see GET /health.",
        retry_after_s=5,
    ),
    ErrorCode.CATALOG_UNAVAILABLE: Refusal(
        503,
        Severity.ERROR,
        "Catalog unavailable",
        "The database that lists the jobs cannot be read or written. "
        "Single jobs and downloads work without it.",
        "Check that CATALOG_URL names a database that can be written, then see GET /health.",
        retry_after_s=5,
    ),
    ErrorCode.VERDICT_OVERTAKEN: Refusal(
        412,
        Severity.WARNING,
        "Somebody else decided meanwhile",
        "Your verdict was not written, so that theirs is not lost.",
        "Look at what they say, then give yours all the same or leave theirs.",
    ),
    ErrorCode.NOT_AUTHENTICATED: Refusal(
        401,
        Severity.INFO,
        "Not logged in",
        "Nothing is shown or sent to somebody whom the dashboard does not know.",
        "Log in on the dashboard's page, or send an API token: Authorization: Bearer rdt_...",
    ),
    ErrorCode.INTERNAL_ERROR: Refusal(
        500,
        Severity.ERROR,
        "Internal error",
        "The dashboard failed to answer; the reason is in its log.",
        "Try again, and report the time of the request if it happens again.",
    ),
}

# Where one code covers two cases that call for different words.
BY_STATUS: Mapping[JobStatus, Refusal] = {
    JobStatus.QUEUED: replace(
        REFUSALS[ErrorCode.JOB_NOT_READY],
        title="Waiting for a worker",
        text="The job is in the queue. It starts by itself when a worker is free.",
    ),
    JobStatus.CANCELLED: replace(
        REFUSALS[ErrorCode.JOB_FAILED],
        severity=Severity.WARNING,
        title="Job cancelled",
        text="The job was cancelled and the pipeline removed its files.",
        suggestion="Submit the job again if its results are still wanted.",
    ),
    JobStatus.UNRECORDED: replace(
        REFUSALS[ErrorCode.JOB_NOT_FOUND],
        title="No record of this job",
        text="There are files, but Celery has no record of the job: nobody can say how it ended.",
        suggestion="Submit the job again, or take single files from GET /jobs/{job_id}.",
    ),
}


def refusal_for(code: ErrorCode, status: JobStatus | str | None = None) -> Refusal:
    """Return the table's row for a code, in the words for this status where it has its own."""
    own = BY_STATUS.get(JobStatus(status)) if status is not None else None
    if own is not None and own.http_status == REFUSALS[code].http_status:
        return own
    return REFUSALS[code]


def suggestion_for(code: ErrorCode, details: Mapping[str, Any]) -> str:
    """Say what to do next, about this very job where the details name one."""
    suggestion = refusal_for(code, details.get("status")).suggestion
    return suggestion.replace("{job_id}", str(details.get("job_id", "{job_id}")))


def make_error_detail(
    code: ErrorCode, message: str, details: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Make the body of every error: `{"error": {code, message, details, suggestion}}`."""
    facts = dict(details or {})
    suggestion = suggestion_for(code, facts)
    return {
        "error": {
            "code": code.value,
            "message": message,
            "details": facts,
            "suggestion": suggestion,
        }
    }
