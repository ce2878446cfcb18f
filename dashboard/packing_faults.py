"""What became of results that were there a moment ago, when packing them failed."""

import logging

from dashboard.errors import ErrorCode, JobStatus, refusal_for
from dashboard.jobs import get_job
from dashboard.status import Decision
from result_packager import ResultPackagerError, ResultsUnreadableError

log = logging.getLogger(__name__)


def why_not_packed(job_id: str, fault: ResultPackagerError) -> Decision:
    """Refuse a job that was ready and could not be packed, by what it is now.

    Raises StorageUnavailableError if the storage itself is gone.
    """
    log.warning("packing job %s failed: %s", job_id, fault)
    if isinstance(fault, ResultsUnreadableError):
        code = ErrorCode.RESULTS_UNREADABLE
        return Decision(JobStatus.UNREADABLE, code, refusal_for(code).text, {"job_id": job_id})
    now = get_job(job_id)
    if now.status is not JobStatus.READY:
        return now.decision
    details = {"job_id": job_id, "status": JobStatus.READY.value}
    message = f"The files of job {job_id} changed while they were being packed."
    return Decision(JobStatus.READY, ErrorCode.RESULTS_CHANGING, message, details)
