"""The database under the catalog: opened, brought to the current schema, replaced when broken."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text

from dashboard.catalog import postgresql
from dashboard.catalog.faults import FAULTS, is_damage, is_emptied, reason
from dashboard.catalog.sqlite_file import FileId, SqliteFile

log = logging.getLogger(__name__)

# Readers wait for nobody but a stranger who has locked the whole file; writers wait their turn,
# which takes some ten milliseconds, or seconds where a machine is overloaded.
LOCK_WAIT_S = 2
TURN_WAIT_S = 10
# A server keeps a time limit for each statement, but not while it hangs: then this one counts.
ANSWER_WAIT_S = 5
MIGRATION_WAIT_S = postgresql.STATEMENT_TIMEOUT_S + 5
# Any number, the same for every dashboard: writers of one PostgreSQL catalog take turns.
WRITERS_TURN = 7_305_113_042
# What is read in several statements is of one moment. A writer waits for its turn first, and must
# then see what others have written until then.
READING = {"begin": "BEGIN", "isolation_level": "REPEATABLE READ"}
WRITING = {"begin": "BEGIN IMMEDIATE", "isolation_level": "READ COMMITTED"}
SQLITE_SETUP = (
    "PRAGMA journal_mode = WAL",  # readers and the writer do not wait for each other
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = -32768",  # kB, for each of the connections
    "PRAGMA cache_spill = OFF",  # a transaction is written once, when it is whole
)


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
        is_sqlite = self._url.get_backend_name() == "sqlite"
        self._file = SqliteFile(f"{self._url.database}") if is_sqlite else None
        self._file_id: FileId | None = None
        self._engine: Engine | None = None
        self._patience = postgresql.Patience()
        self._opening, self._turn = threading.Lock(), threading.Lock()
        self.generation = 0

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state. Raises CatalogUnavailableError."""
        with self._connected(READING) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The one transaction that writes, among all dashboards. Raises CatalogUnavailableError."""
        with self._turn, self._connected(WRITING) as connection:
            yield connection

    def close(self) -> None:
        """Give back files and connections."""
        with self._opening:
            self._close()

    @contextmanager
    def _connected(self, options: Mapping[str, str]) -> Iterator[Connection]:
        try:
            with self._patience.asking(TURN_WAIT_S):
                engine = self._open()
                with _transaction(engine, options) as connection:
                    yield connection
        except FAULTS as exc:
            if is_emptied(exc):
                self.close()  # opened anew, it gets its tables again
            elif is_damage(exc):
                self._set_aside()
            raise CatalogUnavailableError(reason(exc)) from exc

    def _open(self) -> Engine:
        with self._opening:
            if self._engine is not None and self._file_id != self._find_file():
                log.warning("the catalog's file is gone or another: opening it anew")
                self._close()
            if self._engine is None:
                self._engine = self._make_engine()
                self.generation += 1
            return self._engine

    def _close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
        self._engine = None

    def _make_engine(self) -> Engine:
        engine = make_engine(self._url)
        try:
            with self._file.alone() if self._file else nullcontext():
                self._file_id = self._find_file()
                if self._file and self._file_id is None:
                    self._file.remove_remains()
                with _transaction(engine, WRITING, MIGRATION_WAIT_S) as connection:
                    migrate(connection)
                    if self._prepare is not None:
                        self._prepare(connection)
                self._file_id = self._find_file()
        except BaseException:
            engine.dispose()
            raise
        return engine

    def _find_file(self) -> FileId | None:
        return self._file.find() if self._file else None

    def _set_aside(self) -> None:
        """Keep a copy of a damaged file; the next use begins a new one, which fills by itself."""
        if self._file is None:
            return
        with self._opening, suppress(OSError), self._file.alone():
            self._close()
            if self._file.find() == self._file_id:  # else somebody was quicker
                self._file.set_aside()


def make_engine(url: Any) -> Engine:
    """Make connections that take part in transactions as we begin them."""
    if url.get_backend_name() != "sqlite":
        return postgresql.make_engine(url)
    engine = create_engine(url, connect_args={"isolation_level": None}, pool_size=8)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        for statement in SQLITE_SETUP:
            connection.execute(statement).close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get("begin", "BEGIN")
        wait_s = LOCK_WAIT_S if statement == "BEGIN" else TURN_WAIT_S
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait_s * 1000}").close()
        connection.exec_driver_sql(statement)

    return engine


@contextmanager
def _transaction(
    engine: Engine, options: Mapping[str, str], wait_s: int | None = None
) -> Iterator[Connection]:
    is_sqlite = engine.dialect.name == "sqlite"
    name = "begin" if is_sqlite else "isolation_level"
    chosen: dict[str, Any] = {name: options[name]}
    with engine.connect().execution_options(**chosen) as connection:
        if is_sqlite:
            with connection.begin():
                yield connection
            return
        wait_s = wait_s or (TURN_WAIT_S if options is WRITING else ANSWER_WAIT_S)
        with postgresql.waiting(connection, wait_s), connection.begin():
            if options is WRITING:
                turn = text("SELECT pg_advisory_xact_lock(:number)")
                connection.execute(turn, {"number": WRITERS_TURN})
            yield connection


# Alembic has one context for the whole process.
_migrating = threading.Lock()


def migrate(connection: Connection) -> None:
    """Bring the tables to the current schema; nothing to do is quick."""
    config = Config()
    config.set_main_option("script_location", "dashboard.catalog:migrations")
    config.attributes["connection"] = connection
    with _migrating:
        command.upgrade(config, "head")
