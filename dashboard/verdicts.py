"""The verdicts that are kept: give one, read a job's history, and save or merge all of them.

`python -m dashboard.verdicts export` writes every verdict ever given to the standard output, one
JSON object a line; `import` takes such lines in from the standard input. Both may be done while
dashboards run.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from dashboard.catalog.database import CatalogUnavailableError, Database
from dashboard.catalog.verdicts import (
    Keeper,
    give,
    load_all,
    load_history,
    open_catalog,
    take_in,
)
from dashboard.live import live
from dashboard.settings import read_settings
from dashboard.verdict import (
    Review,
    UnreadableReviewError,
    Verdict,
    as_line,
    clean_name,
    clean_note,
    read_lines,
)


def give_verdict(
    job_id: str, verdict: Verdict, note: str, reviewer: str, *, upon: str | None
) -> Review:
    """Give a verdict upon the review that the reviewer has seen, None where there was none.

    Raises OvertakenError if somebody else decided meanwhile, CatalogUnavailableError if it cannot
    be kept, ValueError without a name; then nothing is written.
    """
    note, reviewer = clean_note(note), clean_name(reviewer)
    if not reviewer:
        raise ValueError("a verdict needs its reviewer's name")
    url, database = read_settings().catalog_url, live().database
    with Keeper(url) as keeper, database.writing() as connection:
        now = datetime.now(UTC)
        review, is_new = give(connection, job_id, verdict, note, reviewer, upon=upon, now=now)
        keeper.keep(connection, [review] if is_new else [])
    return review


def read_history(job_id: str) -> list[Review]:
    """Every review of a job, the last one first. Raises CatalogUnavailableError."""
    with live().database.reading() as connection:
        return load_history(connection, job_id)


def export_lines(database: Database) -> list[str]:
    """Every review of every job, the oldest first. Raises CatalogUnavailableError."""
    with database.reading() as connection:
        return list(map(as_line, load_all(connection)))


def import_lines(database: Database, lines: Iterable[str]) -> tuple[int, int]:
    """Merge reviews into those that are kept; return how many were new, of how many.

    Raises UnreadableReviewError with nothing taken in, or CatalogUnavailableError.
    """
    reviews = list(_readable(lines))
    with Keeper(read_settings().catalog_url) as keeper, database.writing() as connection:
        new = take_in(connection, reviews)
        keeper.keep(connection, new)
    return len(new), len(reviews)


def _readable(lines: Iterable[str]) -> Iterator[Review]:
    for found in read_lines(lines):
        if isinstance(found, UnreadableReviewError):
            raise found
        yield found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the two commands; the answer is the process's exit code."""
    parser = ArgumentParser(prog="python -m dashboard.verdicts", description="Save all verdicts.")
    parser.add_argument("command", choices=("export", "import"))
    command = parser.parse_args(arguments).command
    database = open_catalog(read_settings().catalog_url)
    try:
        if command == "export":
            sys.stdout.writelines(export_lines(database))
        else:
            new, count = import_lines(database, sys.stdin)
            sys.stderr.write(f"{new} of {count} verdicts were new\n")
    except (CatalogUnavailableError, UnreadableReviewError) as exc:
        sys.stderr.write(f"{exc}; nothing was {command}ed\n")
        return 1
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
