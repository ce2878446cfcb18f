"""A PostgreSQL that hangs: nobody waits for it for long, and while it does, nobody else at all."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.errors import ConnectionTimeout
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

CONNECT_TIMEOUT_S = 2
# A dashboard that hangs while it writes is cut off, so that others have their turn.
STATEMENT_TIMEOUT_S = 30
LIMITS = f"-c statement_timeout={STATEMENT_TIMEOUT_S}s -c idle_in_transaction_session_timeout=10s"
# After this time one of those who ask may find out whether the server is back.
AWAY_S = 2.0


class NoAnswerError(psycopg.OperationalError):
    """The server is there and says nothing."""

    def __init__(self) -> None:
        super().__init__("the server does not answer")


class ImpatientConnection(psycopg.Connection[Any]):
    """Gives a statement up after `answer_wait_s`, and with it the connection.

    libpq has no such limit: the kernel of a hung server's machine goes on confirming packets.
    """

    answer_wait_s: float = CONNECT_TIMEOUT_S

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server's answer. Raises NoAnswerError."""
        until = time.monotonic() + self.answer_wait_s
        try:
            return super().wait(gen, interval, timeout or self.answer_wait_s)
        except psycopg.OperationalError as exc:
            if time.monotonic() < until:
                raise
            self.pgconn.finish()  # to end the transaction, the server would have to answer
            raise NoAnswerError from exc


def make_engine(url: URL) -> Engine:
    """Make connections that give up."""
    limits = {"connect_timeout": CONNECT_TIMEOUT_S, "options": LIMITS}
    engine = create_engine(url, connect_args=limits, pool_pre_ping=True)

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, given: Any, named: Any) -> Any:
        return ImpatientConnection.connect(*given, **named)

    return engine


@contextmanager
def waiting(connection: Connection, answer_wait_s: float) -> Iterator[None]:
    """Wait so long for each answer meanwhile."""
    found = connection.connection.driver_connection
    if not isinstance(found, ImpatientConnection):
        raise TypeError("this is no connection of ours")
    before, found.answer_wait_s = found.answer_wait_s, answer_wait_s
    try:
        yield
    finally:
        found.answer_wait_s = before


class Patience:
    """While a server hangs, only one at a time waits for it, to find out whether it is back."""

    def __init__(self) -> None:
        self._turn, self._ask_at = threading.Lock(), 0.0

    @contextmanager
    def asking(self, wait_s: float) -> Iterator[None]:
        """Ask something that takes no longer. Raises NoAnswerError where it is no use."""
        self._require(wait_s)
        is_hung = False
        try:
            yield
        except DBAPIError as exc:
            is_hung = isinstance(exc.orig, NoAnswerError | ConnectionTimeout)
            raise
        finally:
            with self._turn:
                self._ask_at = time.monotonic() + AWAY_S if is_hung else 0.0

    def _require(self, wait_s: float) -> None:
        with self._turn:
            now = time.monotonic()
            if now < self._ask_at:
                raise NoAnswerError
            if self._ask_at:  # others need not wait for what this one finds out
                self._ask_at = now + wait_s
