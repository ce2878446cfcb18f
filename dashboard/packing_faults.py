"""What became of results that were there a moment ago, and why they are not packed."""

import logging
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from dashboard.errors import ErrorCode, JobStatus, refusal_for
from dashboard.jobs import Job, get_job
from dashboard.outputs import output_directory
from dashboard.status import Decision
from result_packager import ResultPackagerError, ResultsUnreadableError

log = logging.getLogger(__name__)

# A cleanup goes on within milliseconds, on a busy machine within some more: what rests for longer
# than all looks together is taken as it is.
LATELY_NS = 2_000_000_000
LOOKS, LOOK_EVERY_S = 5, 0.05


def why_not_ready(job: Job) -> Decision:
    """Refuse a job that is not ready; what a cleanup is half way through is not incomplete.

    Raises StorageUnavailableError if the storage itself is gone.
    """
    for _ in range(LOOKS):
        if job.status is not JobStatus.INCOMPLETE or not _was_touched_lately(job.job_id):
            break
        time.sleep(LOOK_EVERY_S)
        now = get_job(job.job_id)
        if now.status is not JobStatus.INCOMPLETE:
            return _as_it_is(now)
        if now.outputs != job.outputs:
            return _changing(job.job_id)
    return job.decision


def why_not_packed(job_id: str, fault: ResultPackagerError) -> Decision:
    """Refuse a job that was ready and could not be packed, by what it is now.

    Raises StorageUnavailableError if the storage itself is gone.
    """
    log.warning("packing job %s failed: %s", job_id, fault)
    if isinstance(fault, ResultsUnreadableError):
        code = ErrorCode.RESULTS_UNREADABLE
        return Decision(JobStatus.UNREADABLE, code, refusal_for(code).text, {"job_id": job_id})
    return _as_it_is(get_job(job_id))


def _as_it_is(job: Job) -> Decision:
    return _changing(job.job_id) if job.status is JobStatus.READY else why_not_ready(job)


def _changing(job_id: str) -> Decision:
    details = {"job_id": job_id, "status": JobStatus.READY.value}
    message = f"The files of job {job_id} changed while they were being packed."
    return Decision(JobStatus.READY, ErrorCode.RESULTS_CHANGING, message, details)


def _was_touched_lately(job_id: str) -> bool:
    """Tell whether an entry came or went in the directories of a job's outputs."""
    try:
        touched_ns = max(
            path.lstat().st_mtime_ns for path in _directories(output_directory(job_id))
        )
    except OSError:  # it went while we looked
        return True
    return abs(time.time_ns() - touched_ns) < LATELY_NS


def _directories(output: Path) -> Iterator[Path]:
    """The output directory and those in it, two levels deep; links are not followed."""
    yield output
    for model in output.iterdir():
        if stat.S_ISDIR(model.lstat().st_mode):
            yield model
            yield from (each for each in (model / "previews",) if each.exists())
