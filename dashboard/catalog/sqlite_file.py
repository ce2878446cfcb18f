"""The file of a catalog in SQLite: it may be lost, replaced or damaged at any time."""

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

log = logging.getLogger(__name__)

# Another dashboard makes a new catalog within some hundredths of a second.
TURN_S = 2.0
PARTS = ("", "-wal", "-shm")

FileId = tuple[int, int]


class SqliteFile:
    """One path, whatever file is there."""

    def __init__(self, path: str) -> None:
        self._path = path

    def find(self) -> FileId | None:
        """Which file it is; None for one that is not there, or has been emptied.

        Raises OSError where that cannot be said.
        """
        with suppress(FileNotFoundError):
            found = os.stat(self._path)  # noqa: PTH116  asked with every transaction
            return (found.st_dev, found.st_ino) if found.st_size else None
        return None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other dashboards from making or replacing the file. Raises OSError."""
        directory = os.open(Path(self._path).absolute().parent, os.O_RDONLY)
        try:
            until = time.monotonic() + TURN_S
            while not _lock(directory):
                if time.monotonic() > until:
                    raise TimeoutError(errno.ETIMEDOUT, "another dashboard keeps the catalog")
                time.sleep(0.01)
            yield
        finally:
            os.close(directory)

    def remove_remains(self) -> None:
        """What a lost database left behind would otherwise be played into the new one."""
        for part in PARTS:
            Path(f"{self._path}{part}").unlink(missing_ok=True)

    def set_aside(self) -> None:
        """Keep what is there as a copy under another name."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        for part in PARTS:
            with suppress(FileNotFoundError):
                Path(f"{self._path}{part}").rename(f"{self._path}.damaged-{moment}{part}")
        log.error("the catalog was damaged; its copy ends in .damaged-%s", moment)


def _lock(directory: int) -> bool:
    """Take a lock that ends with the process at the latest; false while somebody else has it."""
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
