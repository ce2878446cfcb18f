"""From one job of a sorted list to those beside it, whatever was added or removed meanwhile."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, select

from dashboard.catalog.reading import (
    Counted,
    Segment,
    behind,
    fetch,
    find_jobs,
    holds,
    merged,
    segments,
)
from dashboard.catalog.tables import jobs
from dashboard.job_query import JobQuery, Position


@dataclass(frozen=True)
class Path:
    """All jobs that pass a filter, in order; `is_all` tells that every job does."""

    query: JobQuery
    counted: tuple[Counted, ...]
    is_all: bool


@dataclass(frozen=True)
class Trail:
    """Jobs that follow one another in a list and were shown; `before` counts those ahead of it."""

    query: JobQuery
    places: tuple[Position, ...]
    before: int

    @property
    def job_ids(self) -> tuple[str, ...]:
        return tuple(place.job_id for place in self.places)


@dataclass(frozen=True)
class Stop:
    """Where a walk stands: at job `number` of `total`, counted from 1.

    `previous` and `following` are the jobs beside it, None at an end; `longer` is the trail with
    these on it.
    """

    job_id: str
    number: int
    total: int
    previous: str | None
    following: str | None
    trail: Trail
    longer: Trail


def set_out(connection: Connection, path: Path, job_id: str | None) -> Trail | None:
    """Begin a walk at a job, or at the first of all."""
    if job_id is None:
        place = find_next(connection, path, None)
    else:
        place = find_place(connection, path.query, job_id)
    return place and Trail(path.query, (place,), count_before(connection, path, place))


def stop_on(connection: Connection, path: Path, trail: Trail, job_id: str | None) -> Stop:
    """Stop at a job of the trail, None for its first, and look for those beside it."""
    index = trail.job_ids.index(job_id) if job_id is not None else 0
    rest = count_behind(connection, path, trail.places[-1])
    longer = trail
    if index == 0 and (place := find_previous(connection, path, trail.places[0])):
        longer = replace(longer, places=(place, *longer.places), before=max(trail.before - 1, 0))
    if index + 1 == len(trail.places) and (place := find_next(connection, path, trail.places[-1])):
        longer = replace(longer, places=(*longer.places, place))
    job_ids = longer.job_ids
    here = job_ids.index(trail.job_ids[index])
    return Stop(
        job_id=trail.job_ids[index],
        number=trail.before + index + 1,
        total=trail.before + len(trail.places) + rest,
        previous=job_ids[here - 1] if here else None,
        following=job_ids[here + 1] if here + 1 < len(job_ids) else None,
        trail=trail,
        longer=longer,
    )


def find_place(connection: Connection, query: JobQuery, job_id: str) -> Position | None:
    """Where a job stands in this order, be it in the list or not; None if it is not catalogued."""
    asked = select(jobs.c[query.sort_key]).where(jobs.c.job_id == job_id)
    row = connection.execute(asked).one_or_none()
    return None if row is None else Position(query.sort, row[0], job_id)


def find_next(connection: Connection, path: Path, place: Position | None) -> Position | None:
    """The first job behind a place, or of all."""
    query = replace(path.query, after=place, limit=1, offset=0)
    found = find_jobs(connection, query, path.counted, is_all=path.is_all)
    return found[0] if found else None


def find_previous(connection: Connection, path: Path, place: Position) -> Position | None:
    """The last job before a place."""
    for segment, after in _ahead(path, place):
        rows = fetch(connection, segment, path.query.text, after, 0, 1)
        if rows:
            [(job_id, figure)] = rows
            is_lack = segment.key != path.query.sort_key
            return Position(path.query.sort, None if is_lack else figure, job_id)
    return None


def count_before(connection: Connection, path: Path, place: Position) -> int:
    """How many jobs stand before a place."""
    return sum(_count(connection, path, *part) for part in _ahead(path, place))


def count_behind(connection: Connection, path: Path, place: Position) -> int:
    """How many jobs stand behind a place."""
    parts = segments(path.query, path.counted, is_all=path.is_all)
    told = [(part, _after(path, part, place)) for part in parts if not _is_past(path, part, place)]
    return sum(_count(connection, path, part, after) for part, after in told)


def _ahead(path: Path, place: Position) -> list[tuple[Segment, Position | None]]:
    """The list backwards from a place on, as segments in the other direction."""
    found = []
    for part in reversed(segments(path.query, path.counted, is_all=path.is_all)):
        if place.figure is None or part.key == path.query.sort_key:
            back = replace(part, descending=not part.descending)
            found.append((back, _after(path, part, place)))
    return found


def _is_past(path: Path, part: Segment, place: Position) -> bool:
    """Tell whether all of a segment stands before a place among the jobs that lack the figure."""
    return place.figure is None and part.key == path.query.sort_key


def _after(path: Path, part: Segment, place: Position) -> Position | None:
    """The place, if it lies within the segment."""
    is_lack = part.key != path.query.sort_key
    return place if is_lack == (place.figure is None) else None


def _count(connection: Connection, path: Path, part: Segment, after: Position | None) -> int:
    if after is None:
        return part.total
    text = path.query.text
    conditions = [*([holds(connection, text)] if text else []), *behind(part, after)]
    counted = select(func.count()).select_from(merged(part, conditions).subquery())
    return int(connection.execute(counted).scalar_one())
