"""What a list of jobs is asked for: the same parameters in the page's address and in the API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dashboard.errors import JobStatus

SORT_KEYS = ("job_id", "created_at", "updated_at", "size_bytes", "psnr", "ssim")
DEFAULT_SORT = "-created_at"
DEFAULT_LIMIT, MAX_LIMIT = 50, 200
TEXT_MAX_CHARS = 200


class InvalidParameterError(ValueError):
    """A parameter has a value that it cannot have."""

    def __init__(self, parameter: str, value: str, wanted: str) -> None:
        super().__init__(f"{parameter} cannot be {value[:80]!r}: it must be {wanted}.")
        self.parameter, self.value, self.wanted = parameter, value[:80], wanted


@dataclass(frozen=True, kw_only=True)
class JobQuery:
    """A filter, an order and a page. Empty `statuses` or `models` let every one pass.

    `text` is sought in the job id, whatever its case. `sort` is one of SORT_KEYS, with a leading
    `-` for descending; jobs that lack the figure come last either way.
    """

    statuses: frozenset[JobStatus] = frozenset()
    models: frozenset[str] = frozenset()
    text: str = ""
    sort: str = DEFAULT_SORT
    limit: int = DEFAULT_LIMIT
    offset: int = 0

    @property
    def sort_key(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def descending(self) -> bool:
        return self.sort.startswith("-")


def parse_query(parameters: Mapping[str, Iterable[str]]) -> JobQuery:
    """Read a query from an address's parameters; empty values count as not given.

    `status` and `model` may be repeated; `status` may also hold several, with commas between.
    Raises InvalidParameterError.
    """
    given = {name: [v for v in values if v] for name, values in parameters.items()}
    return JobQuery(
        statuses=frozenset(
            _status(text) for value in given.get("status", ()) for text in value.split(",") if text
        ),
        models=frozenset(given.get("model", ())),
        text=_single(given, "q", "")[:TEXT_MAX_CHARS],
        sort=_sort(_single(given, "sort", DEFAULT_SORT)),
        limit=_whole("limit", _single(given, "limit", str(DEFAULT_LIMIT)), 1, MAX_LIMIT),
        offset=_whole("offset", _single(given, "offset", "0"), 0, 10**9),
    )


def _single(given: Mapping[str, list[str]], name: str, default: str) -> str:
    """Return the last value, as a later one replaces an earlier one on a command line."""
    values = given.get(name)
    return values[-1] if values else default


def _status(text: str) -> JobStatus:
    try:
        return JobStatus(text)
    except ValueError:
        raise InvalidParameterError("status", text, f"one of {', '.join(JobStatus)}") from None


def _sort(text: str) -> str:
    if text.removeprefix("-") not in SORT_KEYS:
        wanted = f"one of {', '.join(SORT_KEYS)}, with a leading - for descending"
        raise InvalidParameterError("sort", text, wanted)
    return text


def _whole(name: str, text: str, least: int, most: int) -> int:
    # int() alone would also take "1_0", "+1" and digits of other scripts.
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and least <= int(text) <= most):
        raise InvalidParameterError(name, text, f"a whole number from {least} to {most}")
    return int(text)
