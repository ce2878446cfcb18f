"""What may be a job id, and the one way from a job id to a path."""

import re
from pathlib import Path

from dashboard.settings import read_settings

JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class NotAJobIdError(ValueError):
    """The text cannot be a job id, so it reaches neither Redis nor a path."""


def is_job_id(text: str) -> bool:
    """Tell whether the text is a job id: a Celery task id in the contract's alphabet."""
    return JOB_ID.fullmatch(text) is not None


def get_job_path(job_id: str) -> Path:
    """Return the job's directory below JOB_STORAGE_PATH, whether or not it exists.

    Raises NotAJobIdError for anything that is not a job id.
    """
    if not is_job_id(job_id):
        raise NotAJobIdError(job_id[:80])
    return read_settings().job_storage_path / job_id
