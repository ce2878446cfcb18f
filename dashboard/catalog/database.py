"""The database under the catalog: opened, brought to the current schema, replaced when broken."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

log = logging.getLogger(__name__)

# A writer holds the database for some ten milliseconds; who has it for seconds is somebody else.
LOCK_WAIT_S = 2.0
CONNECT_TIMEOUT_S = 2
# Any number, the same for every dashboard: writers of one PostgreSQL catalog take turns.
WRITERS_TURN = 7_305_113_042
SQLITE_SETUP = (
    "PRAGMA journal_mode = WAL",  # readers and the writer do not wait for each other
    "PRAGMA synchronous = NORMAL",
    f"PRAGMA busy_timeout = {int(LOCK_WAIT_S * 1000)}",
    "PRAGMA cache_size = -32768",  # kB, for each of the connections
    "PRAGMA cache_spill = OFF",  # a transaction is written once, when it is whole
)
JOURNALS = ("-wal", "-shm")
DAMAGED = ("malformed", "not a database", "corrupt", "disk image")


class CatalogUnavailableError(Exception):
    """The catalog cannot be read or written; the text says why, without addresses or paths."""


class Database:
    """One catalog; safe to share between threads. It is opened when it is first used.

    `generation` changes when it is opened anew, be it because another file is in its place; then
    `prepare` is called in the transaction that opens it.
    """

    def __init__(self, url: str, prepare: Callable[[Connection], None] | None = None) -> None:
        self._url = make_url(url.replace("postgresql://", "postgresql+psycopg://", 1))
        self._prepare = prepare
        self._engine: Engine | None = None
        self._file_id: tuple[int, int] | None = None
        self._opening = threading.Lock()
        self.generation = 0

    @property
    def is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state. Raises CatalogUnavailableError."""
        with self._connected("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The one transaction that writes, among all dashboards. Raises CatalogUnavailableError."""
        with self._connected("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        """Give back files and connections."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
            self._engine = None

    @contextmanager
    def _connected(self, begin: str) -> Iterator[Connection]:
        try:
            engine = self._open()
            with _transaction(engine, begin) as connection:
                yield connection
        except (SQLAlchemyError, OSError) as exc:
            if self.is_sqlite and _is_damage(exc):
                self._set_aside()
            raise CatalogUnavailableError(_reason(exc)) from exc

    def _open(self) -> Engine:
        with self._opening:
            if self._engine is not None and self._file_id != self._find_file():
                log.warning("the catalog's file is gone or another: opening it anew")
                self._engine.dispose()
                self._engine = None
            if self._engine is None:
                self._engine = self._make_engine()
                self.generation += 1
                self._file_id = self._find_file()
            return self._engine

    def _make_engine(self) -> Engine:
        if self.is_sqlite and self._find_file() is None:
            _remove_journals(f"{self._url.database}")
        engine = make_engine(self._url)
        try:
            with _transaction(engine, "BEGIN IMMEDIATE") as connection:
                migrate(connection)
                if self._prepare is not None:
                    self._prepare(connection)
        except BaseException:
            engine.dispose()
            raise
        return engine

    def _find_file(self) -> tuple[int, int] | None:
        """Which file the catalog is; None for PostgreSQL, and for a file that is not there."""
        if not self.is_sqlite:
            return None
        with suppress(OSError):
            found = os.stat(str(self._url.database))  # noqa: PTH116  asked with every transaction
            return found.st_dev, found.st_ino
        return None

    def _set_aside(self) -> None:
        """Keep a copy of a damaged file; the next use begins a new one, which fills by itself."""
        self.close()
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        with self._opening:
            for suffix in ("", *JOURNALS):
                file = Path(f"{self._url.database}{suffix}")
                with suppress(FileNotFoundError):
                    file.rename(f"{self._url.database}.damaged-{moment}{suffix}")
        log.error("the catalog was damaged; its copy ends in .damaged-%s", moment)


def make_engine(url: Any) -> Engine:
    """Make connections that take part in transactions as we begin them."""
    if url.get_backend_name() != "sqlite":
        limits = {"connect_timeout": CONNECT_TIMEOUT_S, "options": "-c statement_timeout=30000"}
        return create_engine(url, pool_pre_ping=True, connect_args=limits)
    engine = create_engine(url, connect_args={"isolation_level": None}, pool_size=8)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        for statement in SQLITE_SETUP:
            connection.execute(statement).close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


@contextmanager
def _transaction(engine: Engine, begin: str) -> Iterator[Connection]:
    with engine.connect().execution_options(begin=begin) as connection, connection.begin():
        if begin != "BEGIN" and engine.dialect.name == "postgresql":
            turn = text("SELECT pg_advisory_xact_lock(:number)")
            connection.execute(turn, {"number": WRITERS_TURN})
        yield connection


def migrate(connection: Connection) -> None:
    """Bring the tables to the current schema; nothing to do is quick."""
    config = Config()
    config.set_main_option("script_location", "dashboard.catalog:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _remove_journals(path: str) -> None:
    """What a lost database left beside it would otherwise be played into the new one."""
    for suffix in JOURNALS:
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _is_damage(exc: Exception) -> bool:
    return isinstance(exc, DBAPIError) and any(word in str(exc.orig) for word in DAMAGED)


def _reason(exc: Exception) -> str:
    """Say what is wrong in the driver's words, but only their first line."""
    cause = exc.orig if isinstance(exc, DBAPIError) and exc.orig else exc
    told = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    lines = told.strip().splitlines()
    return lines[0][:200] if lines else type(cause).__name__
