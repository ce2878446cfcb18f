"""The file of all API tokens: who holds one is let in; only its hash is kept."""

import fcntl
import hmac
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from dashboard.settings import read_settings

log = logging.getLogger(__name__)

# Scanners of repositories and logs find a lost token by this.
PREFIX = "rdt_"

Sight = tuple[int, int, int] | None


class TokenError(Exception):
    """A command about a token cannot be carried out; the text says why."""


@dataclass(frozen=True)
class Token:
    """One token that was given out. Its hash needs no salt: nobody guesses 256 random bits."""

    name: str
    sha256: str
    created_at: datetime
    expires_at: datetime | None

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def as_json(self) -> dict[str, str | None]:
        return {
            "name": self.name,
            "sha256": self.sha256,
            "created_at": self.created_at.isoformat(),
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }


class TokenFile:
    """The file of all tokens; it is written by the command alone, and read by every dashboard."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[Sight, tuple[Token, ...]] = (None, ())

    def find(self, presented: str, now: datetime) -> str | None:
        """Return whose token this is; None for one that is unknown, revoked or expired.

        Every hash is compared to its end, so that the time it takes tells nothing.
        """
        hashed = hash_token(presented)
        found = [each for each in self._current() if hmac.compare_digest(each.sha256, hashed)]
        return found[0].name if found and not found[0].is_expired(now) else None

    def load(self) -> tuple[Token, ...]:
        """Read all tokens. Raises TokenError if the file cannot be read."""
        try:
            return tuple(map(_token, json.loads(self._path.read_bytes())["tokens"]))
        except FileNotFoundError:
            return ()
        except OSError as exc:
            raise TokenError(f"{self._path} cannot be read: {exc.strerror}") from exc
        except (ValueError, TypeError, KeyError, RecursionError) as exc:
            raise TokenError(f"{self._path} is not a file of tokens") from exc

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other commands from changing the file meanwhile. Raises TokenError."""
        try:
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise TokenError(f"{self._path}.lock cannot be written: {exc.strerror}") from exc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def replace(self, tokens: Sequence[Token]) -> None:
        """Put another file in its place, readable by its owner alone. Raises TokenError."""
        content = json.dumps({"tokens": [each.as_json() for each in tokens]}, indent=1)
        try:
            _write(self._path, f"{content}\n".encode())
        except OSError as exc:
            raise TokenError(f"{self._path} cannot be written: {exc.strerror}") from exc

    def _current(self) -> tuple[Token, ...]:
        """All tokens, read anew when the file has changed; none where it cannot be read."""
        sight, (seen, tokens) = self._look(), self._known
        if sight == seen:
            return tokens
        try:
            tokens = self.load()
        except TokenError as exc:
            log.error("no API token is accepted: %s", exc)  # noqa: TRY400  no traceback needed
            tokens = ()
        self._known = sight, tokens
        return tokens

    def _look(self) -> Sight:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size


@lru_cache(maxsize=8)
def token_file(path: Path) -> TokenFile:
    """Return the one reader of this file."""
    return TokenFile(path)


def find_token(presented: str) -> str | None:
    """Return the name of a presented token, None if it opens nothing."""
    return token_file(read_settings().tokens_path).find(presented, datetime.now(UTC))


def _token(stored: Any) -> Token:
    until = stored["expires_at"]
    return Token(
        stored["name"],
        str(stored["sha256"]).encode("ascii").decode(),  # what compare_digest takes
        datetime.fromisoformat(stored["created_at"]).astimezone(UTC),
        datetime.fromisoformat(until).astimezone(UTC) if until is not None else None,
    )


def hash_token(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _write(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
