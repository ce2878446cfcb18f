"""What lists ask of the catalog, each answered out of an index."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    func,
    select,
    tuple_,
    union_all,
)

from dashboard.catalog.columns import entry_from_rows, review_from_row
from dashboard.catalog.entries import Entry
from dashboard.catalog.faults import DamagedError
from dashboard.catalog.kinds import Kind, Phase, kind_from_columns
from dashboard.catalog.tables import jobs, kinds, model_outputs, revision, verdicts
from dashboard.job_query import JobQuery, Position
from dashboard.status import OutputState
from dashboard.verdict import Review

# SQLite takes at most 500 parts of one UNION; beyond these, one walk over all is as quick.
MERGED_MAX = 60
ASKED_AT_ONCE = 500

Counted = tuple[int, Kind, int]  # a kind's id, the kind, how many jobs are of it


@dataclass(frozen=True)
class Segment:
    """Jobs of these kinds that have the figure of a sort, or all that lack it.

    `is_all` tells that no other jobs have it, so that the kind need not be asked for.
    """

    counted: tuple[Counted, ...]
    key: str
    descending: bool
    is_all: bool

    @property
    def total(self) -> int:
        return sum(count for _, _, count in self.counted)


def load_kinds(connection: Connection) -> list[Counted]:
    """Every kind with its number of jobs, those without any included."""
    rows = connection.execute(select(kinds)).all()
    with _as_it_was_written():
        return [
            (
                row.id,
                kind_from_columns(
                    row.phase,
                    row.output,
                    row.models,
                    row.lacks,
                    is_surveyed=row.is_surveyed,
                    verdict=row.verdict,
                ),
                row.jobs,
            )
            for row in rows
        ]


def load_revision(connection: Connection) -> int:
    """A number that grows with every change."""
    return int(connection.execute(select(revision.c.value)).scalar_one())


def load_entries(connection: Connection, job_ids: Collection[str]) -> dict[str, Entry]:
    """The entries of these jobs, in their order; those that are not catalogued are left out."""
    wanted = list(job_ids)
    found: dict[str, RowMapping] = {}
    models: dict[str, list[RowMapping]] = defaultdict(list)
    for start in range(0, len(wanted), ASKED_AT_ONCE):
        part = wanted[start : start + ASKED_AT_ONCE]
        asked = select(jobs).where(jobs.c.job_id.in_(part))
        here = {row["job_id"]: row for row in connection.execute(asked).mappings()}
        found |= here
        if here:
            of_jobs = model_outputs.c.job_id.in_(list(here))
            ordered = select(model_outputs).order_by(model_outputs.c.job_id, model_outputs.c.model)
            for row in connection.execute(ordered.where(of_jobs)).mappings():
                models[row["job_id"]].append(row)
    reviews = load_reviews(connection, found)
    with _as_it_was_written():
        return {
            job_id: entry_from_rows(found[job_id], models[job_id], reviews.get(job_id))
            for job_id in wanted
            if job_id in found
        }


@contextmanager
def _as_it_was_written() -> Iterator[None]:
    try:
        yield
    except (ArithmeticError, LookupError, TypeError, ValueError) as exc:
        raise DamagedError("a row holds what was never written there") from exc


def load_reviews(connection: Connection, job_ids: Collection[str]) -> dict[str, Review]:
    """The last review of each of these jobs, catalogued or not, that has one."""
    wanted = list(job_ids)
    found: dict[str, Review] = {}
    is_current = verdicts.c.is_current.is_(True)
    for start in range(0, len(wanted), ASKED_AT_ONCE):
        part = wanted[start : start + ASKED_AT_ONCE]
        asked = select(verdicts).where(verdicts.c.job_id.in_(part), is_current)
        rows = connection.execute(asked).mappings().all()
        with _as_it_was_written():
            found |= {row["job_id"]: review_from_row(row) for row in rows}
    return found


def count_holding(connection: Connection, counted: Iterable[Counted], text: str) -> list[Counted]:
    """Count again, only the jobs whose id holds a text."""
    asked = select(jobs.c.kind, func.count()).where(holds(connection, text)).group_by(jobs.c.kind)
    numbers = {row[0]: row[1] for row in connection.execute(asked)}
    return [(kind_id, kind, numbers[kind_id]) for kind_id, kind, _ in counted if kind_id in numbers]


def sum_sizes(connection: Connection, counted: Iterable[Counted], text: str = "") -> int:
    """The bytes of all jobs of these kinds, of those whose id holds a text."""
    of_kinds = jobs.c.kind.in_([kind_id for kind_id, _, _ in counted])
    asked = select(func.sum(jobs.c.size_bytes)).where(of_kinds, jobs.c.size_bytes.is_not(None))
    asked = asked.where(holds(connection, text)) if text else asked
    return int(connection.execute(asked).scalar() or 0)


def find_jobs(
    connection: Connection, query: JobQuery, counted: Sequence[Counted], *, is_all: bool
) -> list[Position]:
    """Find one job more than the page holds, in order: the last says that more follow."""
    missing, skip = query.limit + 1, 0 if query.after else query.offset
    found: list[Position] = []
    for segment in segments(query, counted, is_all=is_all):
        is_lack = segment.key != query.sort_key
        if query.after and is_lack < (query.after.figure is None):
            continue
        if skip >= segment.total and not query.after:
            skip -= segment.total
            continue
        after = query.after if query.after and is_lack == (query.after.figure is None) else None
        rows = fetch(connection, segment, query.text, after, skip, missing - len(found))
        found += [
            Position(query.sort, None if is_lack else figure, job_id) for job_id, figure in rows
        ]
        skip = 0
        if len(found) >= missing:
            break
    return found


def segments(query: JobQuery, counted: Sequence[Counted], *, is_all: bool) -> list[Segment]:
    have = tuple(each for each in counted if query.sort_key not in each[1].lacks)
    lack = tuple(each for each in counted if query.sort_key in each[1].lacks)
    first = Segment(have, query.sort_key, query.descending, is_all)
    return [
        part
        for part in (first, Segment(lack, "job_id", descending=False, is_all=False))
        if part.counted
    ]


def fetch(
    connection: Connection,
    segment: Segment,
    text: str,
    after: Position | None,
    skip: int,
    limit: int,
) -> list[tuple[str, Any]]:
    """Job ids and figures from a place on. What lies in the far half is counted from its end."""
    descending, is_far = segment.descending, skip > segment.total // 2
    if is_far:
        limit = min(limit, segment.total - skip)
        skip, descending = segment.total - skip - limit, not descending
    conditions = [*([holds(connection, text)] if text else []), *behind(segment, after)]
    figure, job_id = ("figure", "job_id")
    asked: Any = merged(segment, conditions)
    columns = asked.selected_columns
    order = [columns[figure]] if segment.key == "job_id" else [columns[figure], columns[job_id]]
    asked = asked.order_by(*(column.desc() if descending else column for column in order))
    rows = [(row[0], row[1]) for row in connection.execute(asked.limit(limit).offset(skip))]
    return rows[::-1] if is_far else rows


def merged(segment: Segment, conditions: list[ColumnElement[bool]]) -> Any:
    """All jobs in order, or each kind in order: the database then merges them as far as asked."""
    key = jobs.c[segment.key]
    base = select(jobs.c.job_id, key.label("figure")).where(*conditions)
    if segment.key not in {"job_id", "created_at", "updated_at"}:
        base = base.where(key.is_not(None))
    if segment.is_all:
        return base
    ids = [kind_id for kind_id, _, _ in segment.counted]
    if len(ids) > MERGED_MAX:
        # As a sum, lest the database takes the kinds' index and sorts all that it finds there.
        return base.where((jobs.c.kind + 0).in_(ids))
    parts: list[Select[Any]] = [base.where(jobs.c.kind == kind_id) for kind_id in ids]
    return union_all(*parts) if len(parts) > 1 else parts[0]


def behind(segment: Segment, after: Position | None) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    if segment.key == "job_id":
        place: Any = jobs.c.job_id
        found: Any = after.job_id
    else:
        place, found = tuple_(jobs.c[segment.key], jobs.c.job_id), (after.figure, after.job_id)
    return [place < found if segment.descending else place > found]


def holds(connection: Connection, text: str) -> ColumnElement[bool]:
    """SQLite's LIKE takes no notice of case by itself."""
    if connection.dialect.name == "sqlite":
        return jobs.c.job_id.contains(text, autoescape=True)
    return jobs.c.job_id.icontains(text, autoescape=True)


def list_with_directory(connection: Connection) -> set[str]:
    """All jobs that had a directory when last seen."""
    asked = select(jobs.c.job_id).where(jobs.c.output != OutputState.NO_JOB.value)
    return set(connection.execute(asked).scalars())


def find_states(connection: Connection, job_ids: Collection[str]) -> dict[str, str | None]:
    """Celery's states of those of these jobs that are catalogued; None for an unreadable record."""
    wanted = list(job_ids)
    found: dict[str, str | None] = {}
    for start in range(0, len(wanted), ASKED_AT_ONCE):
        part = wanted[start : start + ASKED_AT_ONCE]
        asked = select(jobs.c.job_id, jobs.c.state).where(jobs.c.job_id.in_(part))
        found |= {row.job_id: row.state for row in connection.execute(asked)}
    return found


def list_by_id(connection: Connection, after: str, limit: int) -> list[str]:
    """The next jobs by id."""
    return _next(connection, jobs.c.job_id > after, limit)


def list_unfinished(connection: Connection, after: str, limit: int) -> list[str]:
    """The next jobs by id that are queued or running."""
    moving = kinds.c.phase == Phase.RUNNING.value
    queued = (kinds.c.phase == Phase.PENDING.value) & (kinds.c.output == OutputState.ABSENT.value)
    return _next(connection, (jobs.c.job_id > after) & _is_one_of(moving | queued), limit)


def list_unsurveyed(connection: Connection, limit: int) -> list[str]:
    """Some jobs that are known by name alone."""
    return _next(connection, _is_one_of(kinds.c.is_surveyed.is_(False)), limit)


def _is_one_of(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return jobs.c.kind.in_(select(kinds.c.id).where(condition, kinds.c.jobs > 0))


def _next(connection: Connection, condition: ColumnElement[bool], limit: int) -> list[str]:
    asked = select(jobs.c.job_id).where(condition).order_by(jobs.c.job_id).limit(limit)
    return list(connection.execute(asked).scalars())
