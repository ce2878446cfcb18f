"""Sightings go into the catalog: merged with what is known, in one transaction."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, update

from dashboard.catalog.columns import job_columns, model_columns
from dashboard.catalog.database import Database
from dashboard.catalog.entries import Entry, Sighting, merge
from dashboard.catalog.kinds import Kind, kind_of
from dashboard.catalog.reading import load_entries, load_kinds
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
        after[sighting.job_id] = merge(after.get(sighting.job_id), sighting)
    changes = [
        (known.get(job_id), entry) for job_id, entry in after.items() if entry != known.get(job_id)
    ]
    if changes:
        _write(connection, changes)
    return len(changes)


Change = tuple[Entry | None, Entry | None]  # before and after; None where there is no such job


def _write(connection: Connection, changes: Sequence[Change]) -> None:
    kind_ids = KindIds(connection)
    rows = [
        {**job_columns(after), "kind": kind_ids.id_of(kind_of(after))}
        for _, after in changes
        if after
    ]
    known = {before.job_id for before, _ in changes if before}
    gone = {before.job_id for before, after in changes if before and not after}
    _execute(connection, insert(jobs), [row for row in rows if row["job_id"] not in known])
    _execute(connection, UPDATE_JOB, [_keyed(row) for row in rows if row["job_id"] in known])
    _execute(connection, DELETE_JOB, [{"of_job": job_id} for job_id in gone])
    _write_models(connection, changes)
    kind_ids.count(changes)
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
    _execute(connection, insert(model_outputs), rows)


class KindIds:
    """The ids of kinds within one transaction; new kinds are added as they come."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids = {kind: kind_id for kind_id, kind, _ in load_kinds(connection)}

    def id_of(self, kind: Kind) -> int:
        if kind not in self._ids:
            made = self._connection.execute(insert(kinds), {**kind.as_columns(), "jobs": 0})
            self._ids[kind] = int(made.inserted_primary_key[0])  # type: ignore[index]
        return self._ids[kind]

    def count(self, changes: Sequence[Change]) -> None:
        """Move the jobs that changed from one kind's number to the other's."""
        moves: Counter[Kind] = Counter()
        for before, after in changes:
            if before:
                moves[kind_of(before)] -= 1
            if after:
                moves[kind_of(after)] += 1
        rows = [{"of_kind": self.id_of(kind), "more": more} for kind, more in moves.items() if more]
        _execute(self._connection, COUNT_KIND, rows)


def _keyed(row: dict[str, Any]) -> dict[str, Any]:
    """A column's name cannot be the parameter's that finds the row."""
    return {**row, "of_job": row["job_id"]}


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
