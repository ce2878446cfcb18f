"""Pages of the list of jobs, out of the catalog."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from dashboard.catalog.entries import Entry, without_files
from dashboard.catalog.kinds import Circumstances, Kind
from dashboard.catalog.reading import (
    count_holding,
    find_jobs,
    load_entries,
    load_kinds,
    load_revision,
)
from dashboard.errors import JobStatus
from dashboard.job_query import JobQuery, Position
from dashboard.jobs import Job, judge
from dashboard.live import Live, live
from dashboard.outputs import has_changed, read_outputs, require_storage
from dashboard.settings import read_settings


@dataclass(frozen=True)
class JobPage:
    """One page of a list: `total` jobs pass the filter; the rest is about all jobs.

    `following` is the place behind which the next page begins. `unsurveyed` counts jobs that are
    known by name and record alone: until somebody looks, their files are taken for complete.
    """

    jobs: tuple[Job, ...]
    total: int
    following: Position | None
    by_status: Mapping[JobStatus, int]
    by_model: Mapping[str, int]
    by_quality: Mapping[str, int]
    by_verdict: Mapping[str, int]
    unsurveyed: int
    backend_away: bool


def list_jobs(query: JobQuery) -> JobPage:
    """List jobs out of the catalog; those on the page are checked against the disk.

    Raises StorageUnavailableError if the storage cannot be entered, or CatalogUnavailableError.
    """
    require_storage()
    keeper = live()
    keeper.wait_until_listed()
    now = circumstances(keeper)
    with keeper.database.reading() as connection:
        every = [counted for counted in load_kinds(connection) if counted[2]]
        wanted = [counted for counted in every if passes(counted[1], query, now)]
        is_all = len(wanted) == len(every)
        if query.text:
            wanted = count_holding(connection, wanted, query.text)
        places = find_jobs(connection, query, wanted, is_all=is_all)
        entries = load_entries(connection, [place.job_id for place in places[: query.limit]])
    return JobPage(
        jobs=_show(keeper, entries.values(), backend_away=now.backend_away),
        total=sum(count for _, _, count in wanted),
        following=places[query.limit - 1] if len(places) > query.limit else None,
        by_status=_sum((kind.status(now), count) for _, kind, count in every),
        by_model=_sum((name, n) for _, kind, n in every for name in dict(kind.models)),
        by_quality=_sum((q, n) for _, kind, n in every for q in {q for _, q in kind.models}),
        by_verdict=_sum((kind.verdict, count) for _, kind, count in every),
        unsurveyed=sum(count for _, kind, count in every if not kind.is_surveyed),
        backend_away=now.backend_away,
    )


def read_pulse() -> tuple[int, bool]:
    """What differs as soon as any list may: cheap enough to ask twice a second.

    Raises CatalogUnavailableError.
    """
    keeper = live()
    with keeper.database.reading() as connection:
        return load_revision(connection), keeper.backend_away


def circumstances(keeper: Live) -> Circumstances:
    return Circumstances(keeper.backend_away, read_settings().serve_unrecorded)


def passes(kind: Kind, query: JobQuery, now: Circumstances) -> bool:
    status = kind.status(now)
    if status is None or (query.statuses and status not in query.statuses):
        return False
    if query.verdicts and kind.verdict not in query.verdicts:
        return False
    if not query.models and not query.qualities:
        return True
    return any(
        (not query.models or name in query.models)
        and (not query.qualities or quality in query.qualities)
        for name, quality in kind.models
    )


def _show(keeper: Live, entries: Iterable[Entry], *, backend_away: bool) -> tuple[Job, ...]:
    """Look again at what changed since it was catalogued, so that what is shown is true."""
    moment, shown = datetime.now(UTC), []
    for entry in entries:
        seen = entry
        if has_changed(entry.job_id, entry.outputs):
            outputs = read_outputs(entry.job_id)
            seen = replace(entry, outputs=without_files(outputs))
        if seen != entry:
            keeper.hint([entry.job_id])
        # Pages are compared with one another: by what they show.
        seen = replace(seen, outputs=replace(seen.outputs, signature=""))
        shown.append(judge(seen, backend_away=backend_away, now=moment))
    return tuple(shown)


Key = TypeVar("Key")


def _sum(numbers: Iterable[tuple[Key | None, int]]) -> Mapping[Key, int]:
    total: Counter[Key] = Counter()
    for key, number in numbers:
        if key is not None:
            total[key] += number
    return total
