"""A file beside a SQLite catalog to which each verdict is added before it counts.

The catalog may be damaged, deleted or set back: all but its verdicts fills again by itself, and
those are taken in again from here. PostgreSQL keeps its own journal.
"""

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import make_url

from dashboard.verdict import Review, UnreadableReviewError, as_line, read_lines

log = logging.getLogger(__name__)

SUFFIX = ".verdicts.jsonl"


class Lines(NamedTuple):
    """Whole lines of the file, in bytes."""

    start: int
    length: int


class Journal:
    """One review a line, the oldest first; only for who holds the catalog's writing transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def exists(self) -> bool:
        return self._path.exists()

    def read(self) -> list[Review]:
        """Read what stands there; a line cut off by a full disk or a crash is passed over.

        Raises OSError.
        """
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        reviews = []
        for found in read_lines(text.split("\n")):
            if isinstance(found, UnreadableReviewError):
                log.warning("%s: %s", self._path.name, found)
            else:
                reviews.append(found)
        return reviews

    def append(self, reviews: Iterable[Review]) -> Lines:
        """Add reviews, and return where they stand when they are safe on the disk.

        Raises OSError.
        """
        content = "".join(map(as_line, reviews)).encode()
        if not content:
            return Lines(0, 0)
        is_new = not self.exists()
        with self._path.open("ab+") as file:
            # Behind a line that was cut off, ours would be lost with it.
            if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                content = b"\n" + content
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            lines = Lines(file.tell() - len(content), len(content))
        if is_new:
            _keep_name(self._path.parent)
        return lines

    def blank(self, lines: Lines) -> None:
        """Take back what was appended, wherever others have gone on since, and on a full disk too.

        Raises OSError.
        """
        with self._path.open("rb+") as file:
            file.seek(lines.start)
            file.write(b" " * (lines.length - 1) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def journal_of(catalog_url: str) -> Journal | None:
    """The journal of a catalog; None for one that needs none."""
    url = make_url(catalog_url)
    is_file = url.get_backend_name() == "sqlite"
    return Journal(Path(f"{url.database}{SUFFIX}")) if is_file else None


def _keep_name(directory: Path) -> None:
    """A new file's name lasts only once its directory is on the disk too."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
