"""Pages of the list of jobs, out of the catalog."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from dashboard.catalog.entries import Entry, Sighting, merge
from dashboard.catalog.kinds import Circumstances, Kind
from dashboard.catalog.reading import (
    Counted,
    count_holding,
    find_jobs,
    load_entries,
    load_kinds,
    load_revision,
    sum_sizes,
)
from dashboard.errors import JobStatus
from dashboard.job_query import JobQuery, Position
from dashboard.jobs import Job, judge
from dashboard.live import Live, live
from dashboard.outputs import has_changed, read_outputs, require_storage
from dashboard.settings import read_settings

# So many are read at once where a whole list is walked: about ten MB.
WALKED_AT_ONCE = 1000


@dataclass(frozen=True)
class JobPage:
    """One page of a list: `total` jobs pass the filter; the rest is about all jobs.

    `following` is the place behind which the next page begins. `unsurveyed` counts jobs that are
    known by name and record alone: until somebody looks, their files are taken for complete.
    `catalog_fault` tells why the list may be out of date, if it may.
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
    catalog_fault: str | None = None


def list_jobs(query: JobQuery) -> JobPage:
    """List jobs out of the catalog; those on the page are checked against the disk.

    Raises StorageUnavailableError if the storage cannot be entered, or CatalogUnavailableError.
    """
    keeper = enter()
    now = circumstances(keeper)
    with keeper.database.reading() as connection:
        every = [counted for counted in load_kinds(connection) if counted[2]]
        wanted = choose(every, query, now)
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
        catalog_fault=keeper.catalog_fault,
    )


def walk_jobs(query: JobQuery) -> Iterator[tuple[Job, ...]]:
    """All jobs that pass, some at a time, each as a page of the list shows it.

    Nothing is held open between two steps. A job that stays as it is comes exactly once, whatever
    comes and goes around it; one whose place in the order moves may come twice or not at all.
    Raises StorageUnavailableError or CatalogUnavailableError, at any step.
    """
    keeper = enter()
    now = circumstances(keeper)
    for job_ids in _walk(keeper, query, now):
        with keeper.database.reading() as connection:
            entries = load_entries(connection, job_ids)
        yield _show(keeper, entries.values(), backend_away=now.backend_away)


def walk_ready(query: JobQuery) -> Iterator[str]:
    """The ids of all jobs that pass and are ready, walked as `walk_jobs` does."""
    keeper = enter()
    for job_ids in _walk(keeper, query, circumstances(keeper), JobStatus.READY):
        yield from job_ids


def measure_ready(query: JobQuery) -> tuple[int, int]:
    """How many jobs pass and are ready, and how many bytes of files they hold.

    Raises CatalogUnavailableError.
    """
    keeper = live()
    with keeper.database.reading() as connection:
        every = load_kinds(connection)
        wanted = choose(every, query, circumstances(keeper), JobStatus.READY)
        if query.text:
            wanted = count_holding(connection, wanted, query.text)
        return sum(count for _, _, count in wanted), sum_sizes(connection, wanted, query.text)


def count_jobs() -> tuple[Mapping[JobStatus, int], int]:
    """How many jobs of each status there are, and how many nobody has looked into yet.

    Raises CatalogUnavailableError.
    """
    keeper = live()
    now = circumstances(keeper)
    with keeper.database.reading() as connection:
        every = load_kinds(connection)
    unsurveyed = sum(count for _, kind, count in every if not kind.is_surveyed)
    return _sum((kind.status(now), count) for _, kind, count in every), unsurveyed


def read_pulse() -> tuple[int, bool, str | None]:
    """What differs as soon as any list may: cheap enough to ask twice a second.

    Raises CatalogUnavailableError.
    """
    keeper = live()
    with keeper.database.reading() as connection:
        return load_revision(connection), keeper.backend_away, keeper.catalog_fault


def enter() -> Live:
    """Find the catalog in a state in which it can be listed.

    Raises StorageUnavailableError if the storage cannot be entered.
    """
    require_storage()
    keeper = live()
    keeper.wait_until_listed()
    return keeper


def circumstances(keeper: Live) -> Circumstances:
    """What a job's status depends on right now."""
    return Circumstances(keeper.backend_away, read_settings().serve_unrecorded)


def choose(
    counted: Iterable[Counted], query: JobQuery, now: Circumstances, only: JobStatus | None = None
) -> list[Counted]:
    """The kinds of jobs that pass a filter, but for its text."""
    passing = (each for each in counted if _passes(each[1], query, now))
    return [each for each in passing if only in {None, each[1].status(now)}]


def _walk(
    keeper: Live, query: JobQuery, now: Circumstances, only: JobStatus | None = None
) -> Iterator[list[str]]:
    """Job ids in order, each step in a transaction of its own that goes on behind the last id."""
    step = replace(query, limit=WALKED_AT_ONCE, offset=0)
    while True:
        with keeper.database.reading() as connection:
            every = [counted for counted in load_kinds(connection) if counted[2]]
            wanted = choose(every, step, now, only)
            places = find_jobs(connection, step, wanted, is_all=len(wanted) == len(every))
        yield [place.job_id for place in places[:WALKED_AT_ONCE]]
        if len(places) <= WALKED_AT_ONCE:
            return
        step = replace(step, after=places[WALKED_AT_ONCE - 1])


def _passes(kind: Kind, query: JobQuery, now: Circumstances) -> bool:
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
        seen: Entry | None = entry
        if has_changed(entry.job_id, entry.outputs):
            outputs = read_outputs(entry.job_id)
            seen = merge(entry, Sighting(job_id=entry.job_id, seen_at=moment, outputs=outputs))
        if seen != entry:
            keeper.hint([entry.job_id])
        if seen is None:
            continue
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
