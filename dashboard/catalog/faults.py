"""What goes wrong with a database, and what that means for the catalog in it."""

import re

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, IntegrityError, NoResultFound, SQLAlchemyError

from dashboard.catalog.postgresql import NoAnswerError

# What SQLite says of a file that is broken.
DAMAGED = ("malformed", "not a database", "corrupt", "Could not decode")
# PostgreSQL's code for a table that is not there, and how it says where it failed.
NO_TABLE = "42P01"
WHERE = re.compile(
    r"connection to server .*? failed: |connection failed: |(?<=failed to resolve host) '[^']*'"
)


class DamagedError(Exception):
    """The catalog holds what was never written there."""


# CommandError: a newer dashboard has brought the catalog to a schema that is unknown here.
FAULTS = (
    SQLAlchemyError, OSError, DamagedError, UnicodeDecodeError, CommandError, NoAnswerError,
)  # fmt: skip


def is_damage(exc: Exception) -> bool:
    """Writers take turns, so not even a duplicate comes about in a sound catalog."""
    if isinstance(exc, DamagedError | UnicodeDecodeError | IntegrityError | NoResultFound):
        return True
    return isinstance(exc, DBAPIError) and any(word in str(exc.orig) for word in DAMAGED)


def is_emptied(exc: Exception) -> bool:
    """Tell whether somebody has taken the tables away."""
    cause = exc.orig if isinstance(exc, DBAPIError) else None
    return str(cause).startswith("no such table") or getattr(cause, "sqlstate", "") == NO_TABLE


def reason(exc: Exception) -> str:
    """Say what is wrong in the driver's words, but only their first line, and not where."""
    cause = exc.orig if isinstance(exc, DBAPIError) and exc.orig else exc
    told = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    lines = told.strip().splitlines()
    return WHERE.sub("", lines[0])[:200] if lines else type(cause).__name__
