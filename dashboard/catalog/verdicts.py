"""Verdicts in the catalog: given upon the last one or not at all, and never changed."""

import itertools
import logging
import uuid
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, insert, select, update

from dashboard.catalog.columns import review_columns, review_from_row
from dashboard.catalog.database import Database
from dashboard.catalog.journal import Journal, Lines, journal_of
from dashboard.catalog.reading import ASKED_AT_ONCE, load_entries, load_reviews
from dashboard.catalog.tables import revision, verdicts
from dashboard.catalog.writing import write_changes
from dashboard.verdict import Review, Verdict

log = logging.getLogger(__name__)

TICK = timedelta(microseconds=1)


class OvertakenError(Exception):
    """Somebody else has decided since the verdict was made; `review` is what they said."""

    def __init__(self, review: Review | None) -> None:
        super().__init__("the job has another verdict by now")
        self.review = review


def give(
    connection: Connection,
    job_id: str,
    verdict: Verdict,
    note: str,
    reviewer: str,
    *,
    upon: str | None,
    now: datetime,
) -> tuple[Review, bool]:
    """Give a verdict upon the review with the id `upon`, or None upon none.

    Returns it, and whether it is new: who says the same once more adds nothing.
    Raises OvertakenError, with nothing written, if the last review is another.
    """
    last = load_reviews(connection, [job_id]).get(job_id)
    if last and last.says(verdict, note, reviewer):
        return last, False
    if (last.id if last else None) != upon:
        raise OvertakenError(last)
    # Clocks differ; the order of a job's reviews is that of their times.
    decided_at = max(now, last.decided_at + TICK) if last else now
    review = Review(
        id=uuid.uuid4().hex,
        job_id=job_id,
        verdict=verdict,
        note=note,
        reviewer=reviewer,
        decided_at=decided_at,
        replaced=upon,
    )
    take_in(connection, [review])
    return review, True


def take_in(connection: Connection, reviews: Iterable[Review]) -> list[Review]:
    """Add the reviews that are not known, and return those; the latest of each job counts."""
    wanted = {review.id: review for review in reviews}
    new = [wanted[review_id] for review_id in wanted.keys() - _known(connection, wanted)]
    new.sort(key=lambda review: review.job_id)
    of_jobs = [list(group) for _, group in itertools.groupby(new, lambda review: review.job_id)]
    for start in range(0, len(of_jobs), ASKED_AT_ONCE):
        _add(connection, of_jobs[start : start + ASKED_AT_ONCE])
    if new:
        connection.execute(update(revision).values(value=revision.c.value + 1))
    return new


class Keeper:
    """Keeps verdicts in the journal, too, while they are given; what it cannot keep is not given.

    After a death between journal and catalog the verdict counts. Where it is the catalog that
    refuses it in the end, `with` takes it back from the journal, so that it never comes to count.
    """

    def __init__(self, catalog_url: str) -> None:
        self._journal = journal_of(catalog_url)
        self._written: Lines | None = None

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(self, fault: object, *_: object) -> None:
        if fault and self._journal is not None and self._written is not None:
            try:
                with suppress(FileNotFoundError):
                    self._journal.blank(self._written)
            except OSError:
                log.exception("a verdict that was refused stands in the journal, and will count")

    def keep(self, connection: Connection, reviews: Sequence[Review]) -> None:
        """Write to the journal, before the transaction ends. Raises OSError."""
        if self._journal is None or not reviews:
            return
        if not self._journal.exists():
            new = {review.id for review in reviews}
            self._journal.append(each for each in load_all(connection) if each.id not in new)
        ordered = sorted(reviews, key=lambda review: (review.decided_at, review.id))
        self._written = self._journal.append(ordered)


def _add(connection: Connection, of_jobs: Sequence[Sequence[Review]]) -> None:
    job_ids = [reviews[0].job_id for reviews in of_jobs]
    before = load_entries(connection, job_ids)
    rows = [review_columns(review) for reviews in of_jobs for review in reviews]
    connection.execute(insert(verdicts), [{**row, "is_current": False} for row in rows])
    _mark_last(connection, job_ids)
    after = load_entries(connection, job_ids)
    pairs = ((entry, after[job_id]) for job_id, entry in before.items())
    if changes := [(then, now) for then, now in pairs if then != now]:
        write_changes(connection, changes)


def _mark_last(connection: Connection, job_ids: Collection[str]) -> None:
    of_jobs = verdicts.c.job_id.in_(job_ids)
    order = (verdicts.c.decided_at, verdicts.c.id)
    asked = select(verdicts.c.job_id, verdicts.c.id).where(of_jobs).order_by(*order)
    last = {row.job_id: row.id for row in connection.execute(asked)}
    is_current = verdicts.c.is_current.is_(True)
    connection.execute(update(verdicts).where(of_jobs, is_current).values(is_current=False))
    is_last = verdicts.c.id.in_(list(last.values()))
    connection.execute(update(verdicts).where(is_last).values(is_current=True))


def _known(connection: Connection, review_ids: Collection[str]) -> set[str]:
    wanted, found = list(review_ids), set()
    for start in range(0, len(wanted), ASKED_AT_ONCE):
        part = wanted[start : start + ASKED_AT_ONCE]
        asked = select(verdicts.c.id).where(verdicts.c.id.in_(part))
        found |= set(connection.execute(asked).scalars())
    return found


def load_history(connection: Connection, job_id: str) -> list[Review]:
    """Every review of a job, the last one first."""
    order = (verdicts.c.decided_at.desc(), verdicts.c.id.desc())
    asked = select(verdicts).where(verdicts.c.job_id == job_id).order_by(*order)
    return [review_from_row(row) for row in connection.execute(asked).mappings()]


def load_all(connection: Connection) -> list[Review]:
    """Every review of every job, the oldest first."""
    asked = select(verdicts).order_by(verdicts.c.decided_at, verdicts.c.id)
    return [review_from_row(row) for row in connection.execute(asked).mappings()]


def open_catalog(url: str) -> Database:
    """The catalog, with the verdicts of its journal whenever it is opened anew."""
    journal = journal_of(url)
    return Database(url, partial(_agree, journal=journal) if journal else None)


def _agree(connection: Connection, journal: Journal) -> None:
    """Let a catalog and its journal hold the same reviews, whichever of them was lost or is new.

    A journal that cannot be read or written only keeps new verdicts from being given.
    """
    try:
        written = journal.read()
        new = take_in(connection, written)
        ids = {review.id for review in written}
        journal.append(review for review in load_all(connection) if review.id not in ids)
    except OSError as exc:
        log.error("the journal of verdicts cannot be used: %s", exc.strerror)  # noqa: TRY400
        return
    if new:
        log.warning("%s verdicts were taken into the catalog from its journal", len(new))
