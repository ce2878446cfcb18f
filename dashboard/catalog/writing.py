"""Sightings go into the catalog: merged with what is known, in one transaction."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, insert, update

from dashboard.catalog.columns import job_columns, model_columns
from dashboard.catalog.database import Database
from dashboard.catalog.entries import Entry, Sighting, is_overtaken, merge
from dashboard.catalog.faults import DamagedError
from dashboard.catalog.kinds import kind_of
from dashboard.catalog.reading import load_entries, load_kinds, load_reviews
from dashboard.catalog.tables import jobs, kinds, model_outputs, revision

# So many jobs are written in one transaction: others may write, and readers see, in between.
CHUNK_JOBS = 2000


def note_sightings(database: Database, sightings: Iterable[Sighting]) -> int:
    """Bring the catalog up to date and return how many jobs that changed.

    What brings nothing new is not written. Raises CatalogUnavailableError.
    """
    changed = 0
    pending = iter(sightings)
    while chunk := list(itertools.islice(pending, CHUNK_JOBS)):
        with database.writing() as connection:
            changed += _note(connection, chunk)
    return changed


def _note(connection: Connection, sightings: Sequence[Sighting]) -> int:
    known = load_entries(connection, {sighting.job_id for sighting in sightings})
    after: dict[str, Entry | None] = dict(known)
    for sighting in sightings:
        before = after.get(sighting.job_id)
        if not is_overtaken(before, sighting):
            after[sighting.job_id] = merge(before, sighting)
    # Reviews outlive the catalog's other memory of a job.
    for job_id, review in load_reviews(connection, after.keys() - known.keys()).items():
        if entry := after[job_id]:
            after[job_id] = replace(entry, review=review)
    changes = [
        (known.get(job_id), entry) for job_id, entry in after.items() if entry != known.get(job_id)
    ]
    if changes:
        write_changes(connection, changes)
    return len(changes)


Change = tuple[Entry | None, Entry | None]  # before and after; None where there is no such job


def write_changes(connection: Connection, changes: Sequence[Change]) -> None:
    """Bring the rows of jobs, and the numbers of each kind, from what was to what is."""
    counter = KindCounter(connection)
    new, changed, gone = [], [], []
    for before, after in changes:
        if before:
            counter.leave(before)
        if after is None:
            gone.append({"of_job": before.job_id if before else ""})
            continue
        row = {**job_columns(after), "kind": counter.join(after)}
        if before:
            changed.append({**row, "of_job": row["job_id"]})
        else:
            new.append(row)
    _insert(connection, jobs, new)
    _execute(connection, UPDATE_JOB, changed)
    _execute(connection, DELETE_JOB, gone)
    _write_models(connection, changes)
    counter.store()
    connection.execute(update(revision).values(value=revision.c.value + 1))


def _write_models(connection: Connection, changes: Sequence[Change]) -> None:
    others = [
        (before, after)
        for before, after in changes
        if (before.outputs.models if before else ()) != (after.outputs.models if after else ())
    ]
    renewed = [{"of_job": before.job_id} for before, _ in others if before]
    _execute(connection, DELETE_MODELS, renewed)
    rows = [row for _, after in others if after for row in model_columns(after)]
    _insert(connection, model_outputs, rows)


class KindCounter:
    """Jobs that leave a kind and join another within one transaction; new kinds are added."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids = {kind: kind_id for kind_id, kind, _ in load_kinds(connection)}
        self._moves: Counter[int] = Counter()

    def join(self, entry: Entry) -> int:
        """Count a job to its kind, and return the kind's id."""
        kind = kind_of(entry)
        if kind not in self._ids:
            made = self._connection.execute(insert(kinds), {**kind.as_columns(), "jobs": 0})
            self._ids[kind] = int(made.inserted_primary_key[0])  # type: ignore[index]
        self._moves[self._ids[kind]] += 1
        return self._ids[kind]

    def leave(self, entry: Entry) -> None:
        kind = kind_of(entry)
        if kind not in self._ids:
            raise DamagedError("a job is of a kind that is not counted")
        self._moves[self._ids[kind]] -= 1

    def store(self) -> None:
        rows = [{"of_kind": kind_id, "more": more} for kind_id, more in self._moves.items() if more]
        _execute(self._connection, COUNT_KIND, rows)


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Hand rows to the driver as they are: a cold start is mostly this."""
    if not rows:
        return
    compiled = insert(table).compile(dialect=connection.dialect, column_keys=list(rows[0]))
    values: Any = rows
    if compiled.positiontup:
        values = list(map(itemgetter(*compiled.positiontup), rows))
    connection.exec_driver_sql(str(compiled), values)


def _execute(connection: Connection, statement: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


UPDATE_JOB = update(jobs).where(jobs.c.job_id == bindparam("of_job"))
DELETE_JOB = delete(jobs).where(jobs.c.job_id == bindparam("of_job"))
DELETE_MODELS = delete(model_outputs).where(model_outputs.c.job_id == bindparam("of_job"))
COUNT_KIND = (
    update(kinds)
    .where(kinds.c.id == bindparam("of_kind"))
    .values(jobs=kinds.c.jobs + bindparam("more"))
)
