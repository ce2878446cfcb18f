"""Packs a job's reconstruction results into a ZIP: whole, deterministic and fast, or not at all.

Knows files only: neither the dashboard nor Streamlit, Celery or Starlette.
"""

from result_packager.archive import ResultStream, create_result_zip, stream_result_zip
from result_packager.collection import Collection
from result_packager.completeness import survey_outputs, validate_job_outputs
from result_packager.errors import (
    IncompleteResultsError,
    ResultPackagerError,
    ResultsChangedError,
    ResultsUnreadableError,
    ResultsVanishedError,
)
from result_packager.listing import list_members
from result_packager.members import Member
from result_packager.opening import open_member

__all__ = [
    "Collection",
    "IncompleteResultsError",
    "Member",
    "ResultPackagerError",
    "ResultStream",
    "ResultsChangedError",
    "ResultsUnreadableError",
    "ResultsVanishedError",
    "create_result_zip",
    "list_members",
    "open_member",
    "stream_result_zip",
    "survey_outputs",
    "validate_job_outputs",
]
