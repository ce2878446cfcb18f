"""What a list of jobs is asked for: the same parameters in the page's address and in the API."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from dashboard.celery_record import clean_text, number
from dashboard.errors import JobStatus
from dashboard.job_ids import is_job_id
from dashboard.quality import QualityStatus
from dashboard.verdict import VERDICTS

SORT_KEYS = ("job_id", "created_at", "updated_at", "size_bytes", "psnr", "ssim")
# Beside the pipeline's own judgements: a model that left none.
NO_QUALITY = "none"
QUALITIES = (*QualityStatus, NO_QUALITY)
SORTS = frozenset((*SORT_KEYS, *(f"-{key}" for key in SORT_KEYS)))
# What narrows a list down, as addresses name it.
FILTERS = ("q", "status", "model", "quality", "verdict")
DEFAULT_SORT = "-created_at"
DEFAULT_LIMIT, MAX_LIMIT = 50, 200
TEXT_MAX_CHARS = 200


Choice = TypeVar("Choice", bound=str)


class InvalidParameterError(ValueError):
    """A parameter has a value that it cannot have."""

    def __init__(self, parameter: str, value: str, wanted: str) -> None:
        super().__init__(f"{parameter} cannot be {value[:80]!r}: it must be {wanted}.")
        self.parameter, self.value, self.wanted = parameter, value[:80], wanted


class Position(NamedTuple):
    """A place in a sorted list: behind this job, which has this figure or lacks it."""

    sort: str
    figure: float | str | None
    job_id: str

    def as_cursor(self) -> str:
        """One word for an address."""
        return urlsafe_b64encode(json.dumps(self).encode()).decode().rstrip("=")


@dataclass(frozen=True, kw_only=True)
class JobQuery:
    """A filter, an order and a page. Empty `statuses`, `models` and so on let every one pass.

    A job passes `models` and `qualities` if one of its models does both; `verdicts` are of
    VERDICTS. `text` is sought in the job id, whatever its case. `sort` is one of SORT_KEYS, with a
    leading `-` for descending; jobs that lack the figure come last either way. `after` goes on
    behind a job, whatever was added or removed before it, and then `offset` does not count.
    """

    statuses: frozenset[JobStatus] = frozenset()
    models: frozenset[str] = frozenset()
    qualities: frozenset[str] = frozenset()
    verdicts: frozenset[str] = frozenset()
    text: str = ""
    sort: str = DEFAULT_SORT
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    after: "Position | None" = None

    @property
    def narrowing(self) -> tuple[Collection[str], ...]:
        """All that keeps jobs out; order and page do not."""
        return (self.text, self.statuses, self.models, self.qualities, self.verdicts)

    @property
    def is_narrowed(self) -> bool:
        """Tell whether any job is kept out."""
        return any(self.narrowing)

    @property
    def sort_key(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def descending(self) -> bool:
        return self.sort.startswith("-")


def parse_query(parameters: Mapping[str, Iterable[str]]) -> JobQuery:
    """Read a query from an address's parameters; empty values count as not given.

    `status`, `model`, `quality` and `verdict` may be repeated; all but `model` may also hold
    several, with commas between. A `cursor` goes on with the sort that it comes from.
    Raises InvalidParameterError.
    """
    given = {name: [v for v in values if v] for name, values in parameters.items()}
    after = _position(_single(given, "cursor", ""))
    sort = _sort(_single(given, "sort", after.sort if after else DEFAULT_SORT))
    if after and after.sort != sort:
        raise InvalidParameterError("sort", sort, f"{after.sort}, with which the cursor was made")
    return JobQuery(
        statuses=frozenset(_choices("status", given, JobStatus)),
        models=frozenset(given.get("model", ())),
        qualities=frozenset(_choices("quality", given, QUALITIES)),
        verdicts=frozenset(_choices("verdict", given, VERDICTS)),
        text=(clean_text(_single(given, "q", ""), TEXT_MAX_CHARS) or "").strip(),
        sort=sort,
        limit=_whole("limit", _single(given, "limit", str(DEFAULT_LIMIT)), 1, MAX_LIMIT),
        offset=_whole("offset", _single(given, "offset", "0"), 0, 10**9),
        after=after,
    )


def parse_filter(parameters: Mapping[str, Iterable[str]]) -> JobQuery:
    """Read a query for all jobs that pass, as `parse_query` does.

    What that would take no notice of is refused: nobody gets more than they asked for by a slip.
    Raises InvalidParameterError.
    """
    taken = (*FILTERS, "sort")
    for name, values in parameters.items():
        value = next(filter(None, values), None)
        if value and name not in taken:
            wanted = f"left out: a whole list takes {', '.join(taken)}"
            raise InvalidParameterError(name, value, wanted)
    return parse_query(parameters)


def _single(given: Mapping[str, list[str]], name: str, default: str) -> str:
    """Return the last value, as a later one replaces an earlier one on a command line."""
    values = given.get(name)
    return values[-1] if values else default


def _choices(
    name: str, given: Mapping[str, list[str]], allowed: Iterable[Choice]
) -> Iterator[Choice]:
    known = {str(choice): choice for choice in allowed}
    for text in (text for value in given.get(name, ()) for text in value.split(",") if text):
        if text not in known:
            raise InvalidParameterError(name, text, f"one of {', '.join(known)}")
        yield known[text]


def _position(cursor: str) -> Position | None:
    if not cursor:
        return None
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        sort, figure, job_id = json.loads(raw)
        is_place = sort in SORTS and is_job_id(job_id) and _is_figure(sort, figure)
    except (ValueError, TypeError, RecursionError):
        is_place = False
    if not is_place:
        raise InvalidParameterError("cursor", cursor, "what `next` said in the answer before")
    return Position(sort, figure, job_id)


def _is_figure(sort: str, figure: object) -> bool:
    if figure is None or sort.endswith("job_id"):
        return isinstance(figure, str) == sort.endswith("job_id")
    # No database takes a larger whole number.
    return number(figure) is not None and not (isinstance(figure, int) and abs(figure) >> 63)


def _sort(text: str) -> str:
    if text not in SORTS:
        wanted = f"one of {', '.join(SORT_KEYS)}, with a leading - for descending"
        raise InvalidParameterError("sort", text, wanted)
    return text


def _whole(name: str, text: str, least: int, most: int) -> int:
    # int() alone would also take "1_0", "+1" and digits of other scripts.
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and least <= int(text) <= most):
        raise InvalidParameterError(name, text, f"a whole number from {least} to {most}")
    return int(text)
