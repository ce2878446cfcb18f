"""Safe steps through the file system: no symbolic link is followed, only regular files are opened.

Every step is relative to an open directory (`dir_fd`), so that nobody can put a link in a
directory's place between two steps.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO would otherwise wait for a writer that never comes.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def enter(path: str | Path, parent: int | None = None) -> int:
    """Open a directory and return its descriptor; a symbolic link in its place is an absence."""
    return os.open(path, _DIRECTORY, dir_fd=parent)


@contextmanager
def entered(path: str | Path, parent: int | None = None) -> Iterator[int]:
    """Hold a directory open for the length of a block."""
    descriptor = enter(path, parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def entries(directory: int) -> list[tuple[str, os.stat_result]]:
    """List an open directory with what each entry is (links described, not followed)."""
    found = []
    with os.scandir(directory) as listed:
        for entry in listed:
            try:
                found.append((entry.name, entry.stat(follow_symlinks=False)))
            except FileNotFoundError:
                continue  # removed between listing and asking: it is not there
    return found


def open_regular(directory: int, *parts: str) -> int:
    """Open the regular file at `parts` below an open directory and return its descriptor.

    Raises FileNotFoundError for whatever else lies there.
    """
    first, *rest = parts
    if rest:
        with entered(first, directory) as child:
            return open_regular(child, *rest)
    # Asked before opening as well, because merely opening a device can do something.
    _require_regular(os.stat(first, dir_fd=directory, follow_symlinks=False), first)
    descriptor = os.open(first, _FILE, dir_fd=directory)
    try:
        _require_regular(os.fstat(descriptor), first)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(status: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise FileNotFoundError(errno.ENOENT, "not a regular file", name)
