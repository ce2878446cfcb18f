"""What the packager refuses to do, each refusal with a type of its own.

No message holds a path of the server: members are named as they are in the archive.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

# What the system says of a thing that is not there, or not any more (ESTALE, on a network disk),
# or is there but of another kind (a link, a file for a directory, a socket).
_ABSENT = frozenset(
    {errno.ENOENT, errno.ESTALE, errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.ENAMETOOLONG}
)


class ResultPackagerError(Exception):
    """Any refusal of the packager."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class IncompleteResultsError(ResultPackagerError):
    """Required outputs are not there; `missing_items` says which."""

    def __init__(self, message: str, missing_items: list[str]) -> None:
        super().__init__(message)
        self.missing_items = missing_items


class ResultsChangedError(ResultPackagerError):
    """A file changed, shrank, grew or went away meanwhile; the job's outputs are still there."""


class ResultsVanishedError(ResultPackagerError):
    """The output directory was there at first and is not there any more."""


class ResultsUnreadableError(ResultPackagerError):
    """The outputs are there but may not or cannot be read (permissions, I/O error)."""


def is_absence(error: OSError) -> bool:
    """Say whether an error means "no such thing of this kind" (and not "you may not")."""
    return error.errno in _ABSENT


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Refuse when the system will not let us read `name`; that it is absent passes through."""
    try:
        yield
    except OSError as error:
        if is_absence(error):
            raise
        reason = errno.errorcode.get(error.errno or 0, type(error).__name__)
        raise ResultsUnreadableError(f"{name} cannot be read ({reason})") from error
