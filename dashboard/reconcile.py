"""Finds what no push told of: new and removed directories, missed records, outputs that changed.

Names first, then only what is new or has not ended; the rest is looked at again bit by bit.
"""

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import islice

from dashboard.catalog.database import Database
from dashboard.catalog.entries import Entry, Sighting
from dashboard.catalog.kinds import Phase, phase_of
from dashboard.catalog.reading import (
    find_states,
    list_by_id,
    list_unfinished,
    list_unsurveyed,
    list_with_directory,
    load_entries,
)
from dashboard.catalog.writing import CHUNK_JOBS, note_sightings
from dashboard.celery_record import PENDING, CeleryRecord, RecordFault
from dashboard.outputs import (
    NO_OUTPUTS,
    StorageUnavailableError,
    glance,
    has_changed,
    jobs_on_disk,
    presume,
    read_outputs,
)
from dashboard.records import RecordReader, StateUnavailableError
from dashboard.settings import read_settings

# All names are compared this often; sooner where the storage's own date says that some came or
# went, but comparing takes no more than a twentieth of the time.
NAMES_EVERY_S = 60.0
NAMES_REST = 20
SETTLED_NS = 2_000_000_000
# How much else one round looks at, by number and by time.
AT_ONCE = 200
SURVEY_S = 0.5

Record = CeleryRecord | RecordFault


class Reconciler:
    """Keeps one catalog up with the storage and one result backend; for one thread at a time."""

    def __init__(self, database: Database, reader: RecordReader) -> None:
        self._database, self._reader = database, reader
        self._storage_changed_ns = 0
        self._names_rest_until = self._names_due = self._records_due = 0.0
        self._unfinished_from = self._again_from = ""
        self._generation = 0
        self._is_behind = False

    def take(self, job_ids: Collection[str], *, is_alive: bool) -> set[str]:
        """Catalogue jobs of which there is news, and return those whose record could not be read.

        `is_alive` tells that the worker has just stored their records.
        """
        began, records = _now(), self._reader.read(job_ids)
        self._note(
            _sighting(job_id, began, record, is_alive=is_alive)
            for job_id, record in records.items()
        )
        return {job_id for job_id, record in records.items() if record is RecordFault.UNAVAILABLE}

    def ask_for_all(self) -> None:
        """Let the next round compare all names, as after an interruption or with a new catalog."""
        self._names_due = self._records_due = self._names_rest_until = 0.0

    def round(self, may_go_on: Callable[[], bool]) -> bool:
        """Look once, for a bounded time; only new names are all taken in, however many.

        Return whether directories are left that nobody has looked into. A part that fails keeps
        none of the others from its work.
        Raises StorageUnavailableError, StateUnavailableError or CatalogUnavailableError.
        """
        if self._generation != self._database.generation:
            self._generation = self._database.generation
            self.ask_for_all()
        faults = []
        for part in (
            partial(self._compare_directories, may_go_on),
            partial(self._compare_records, may_go_on),
            self._follow_unfinished,
            self._survey,
            self._look_again,
        ):
            try:
                part()
            except (StorageUnavailableError, StateUnavailableError) as exc:
                faults.append(exc)
        if faults:
            raise faults[0]
        return self._is_behind

    def _compare_directories(self, may_go_on: Callable[[], bool]) -> None:
        changed_ns, began = _storage_changed_ns(), time.monotonic()
        is_same = changed_ns == self._storage_changed_ns and began < self._names_due
        if is_same or began < self._names_rest_until:
            return
        on_disk = jobs_on_disk()
        with self._database.reading() as connection:
            known = list_with_directory(connection)
        took = time.monotonic() - began
        if not self._note_gone(known - on_disk.keys(), may_go_on):
            return
        if not self._take_in(on_disk.keys() - known, on_disk, may_go_on):
            return
        self._names_rest_until = began + min(took * NAMES_REST, NAMES_EVERY_S)
        self._names_due = time.monotonic() + NAMES_EVERY_S
        # What changed a moment ago may have changed again since it was listed.
        is_settled = time.time_ns() - changed_ns > SETTLED_NS
        self._storage_changed_ns = changed_ns if is_settled else 0

    def _compare_records(self, may_go_on: Callable[[], bool]) -> None:
        """Take in jobs of which the backend has a record, and nobody knew or knew of a record."""
        if time.monotonic() < self._records_due:
            return
        for job_ids in self._reader.job_ids():
            with self._database.reading() as connection:
                states = find_states(connection, job_ids)
            if not self._take_in(job_ids - states.keys(), {}, may_go_on):
                return
            self._look_at([job_id for job_id, state in states.items() if state == PENDING])
        self._records_due = time.monotonic() + NAMES_EVERY_S

    def _note_gone(self, gone: Collection[str], may_go_on: Callable[[], bool]) -> bool:
        for part in _in_chunks(gone):
            if not may_go_on():
                return False
            self._note(_sighting(job_id, _now(), None) for job_id in part)
        return True

    def _take_in(
        self, new: Collection[str], on_disk: Mapping[str, datetime], may_go_on: Callable[[], bool]
    ) -> bool:
        """Catalogue new jobs without looking into their directories: that comes later.

        False where somebody else has to do the rest.
        """
        for part in _in_chunks(new):
            if not may_go_on():
                return False
            began, records = _now(), self._reader.read(part)
            self._note(
                _first_sighting(job_id, began, records[job_id], on_disk.get(job_id))
                for job_id in part
            )
        return True

    def _follow_unfinished(self) -> None:
        """Ask again for what is queued or running, should a push have been missed."""
        with self._database.reading() as connection:
            part = list_unfinished(connection, self._unfinished_from, AT_ONCE)
        self._unfinished_from = part[-1] if len(part) == AT_ONCE else ""
        self._look_at(part)

    def _survey(self) -> None:
        """Look into directories that are known by name alone, for a while."""
        until, self._is_behind = time.monotonic() + SURVEY_S, True
        while time.monotonic() < until:
            with self._database.reading() as connection:
                part = list_unsurveyed(connection, AT_ONCE)
            if not part:
                self._is_behind = False
                return
            self._note(_sighting(job_id, _now(), None) for job_id in part)

    def _look_again(self) -> None:
        """Look at some of all jobs again, so that every one has its turn."""
        with self._database.reading() as connection:
            part = list_by_id(connection, self._again_from, AT_ONCE)
        self._again_from = part[-1] if len(part) == AT_ONCE else ""
        self._look_at(part)

    def _look_at(self, job_ids: Collection[str]) -> None:
        began, records = _now(), self._reader.read(job_ids)
        with self._database.reading() as connection:
            known = load_entries(connection, job_ids)
        self._note(
            _second_sighting(entry, began, records[job_id]) for job_id, entry in known.items()
        )

    def _note(self, sightings: Iterable[Sighting]) -> None:
        note_sightings(self._database, sightings)


def _in_chunks(job_ids: Collection[str]) -> Iterator[list[str]]:
    pending = iter(sorted(job_ids))  # rows that come in order are written with less effort
    while part := list(islice(pending, CHUNK_JOBS)):
        yield part


def _sighting(
    job_id: str, began: datetime, record: Record | None, *, is_alive: bool = False
) -> Sighting:
    """Look into the job's directory; of a running job only what it stands at is of interest."""
    is_running = record is not None and phase_of(record) is Phase.RUNNING
    outputs = None if is_running else read_outputs(job_id)
    return Sighting(job_id=job_id, seen_at=began, record=record, outputs=outputs, is_alive=is_alive)


def _first_sighting(
    job_id: str, began: datetime, record: Record, created_at: datetime | None
) -> Sighting:
    """Take for granted what can be found out later: whether outputs are there and complete."""
    if created_at is None:
        outputs = NO_OUTPUTS
    elif phase_of(record) is Phase.PENDING:
        outputs = glance(job_id, created_at)
    else:
        outputs = presume(created_at)
    return Sighting(job_id=job_id, seen_at=began, record=record, outputs=outputs)


def _second_sighting(entry: Entry, began: datetime, record: Record) -> Sighting:
    """Look into the directory only if something there has changed."""
    outputs = read_outputs(entry.job_id) if has_changed(entry.job_id, entry.outputs) else None
    return Sighting(job_id=entry.job_id, seen_at=began, record=record, outputs=outputs)


def _storage_changed_ns() -> int:
    """When a directory came to or went from the storage. Raises StorageUnavailableError."""
    try:
        return os.stat(read_settings().job_storage_path).st_mtime_ns  # noqa: PTH116  each second
    except OSError as exc:
        raise StorageUnavailableError(exc.strerror or "cannot be entered") from exc


def _now() -> datetime:
    return datetime.now(UTC)
