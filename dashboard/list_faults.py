"""Why there is no list right now, for page and HTTP alike."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dashboard.catalog.database import CatalogUnavailableError
from dashboard.errors import ErrorCode
from dashboard.job_query import InvalidParameterError
from dashboard.outputs import StorageUnavailableError

FAULTS = (InvalidParameterError, StorageUnavailableError, CatalogUnavailableError)


class ListFault(NamedTuple):
    """The code, what more is known in words ("" is nothing), and the refusal's details."""

    code: ErrorCode
    reason: str = ""
    details: Mapping[str, Any] = {}


def fault_of(exc: Exception) -> ListFault:
    """Tell what one of FAULTS means."""
    if isinstance(exc, InvalidParameterError):
        details = {"parameter": exc.parameter, "value": exc.value, "allowed": exc.wanted}
        return ListFault(ErrorCode.INVALID_PARAMETER, str(exc), details)
    if isinstance(exc, StorageUnavailableError):
        return ListFault(ErrorCode.STORAGE_UNAVAILABLE)
    return ListFault(ErrorCode.CATALOG_UNAVAILABLE, str(exc), {"reason": str(exc)})
