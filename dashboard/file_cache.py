"""A directory of small derived files, each named by what it was made from."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from dashboard.settings import read_settings

log = logging.getLogger(__name__)


def cached(kind: str, key: tuple[object, ...], make: Callable[[], bytes]) -> bytes:
    """Return the bytes kept for this key, or make and keep them.

    A cache that cannot be read or written costs time, never the answer.
    """
    kept = find_cached(kind, key)
    if kept is not None:
        return kept
    content = make()
    try:
        _write(_path(kind, key), content)
    except OSError as exc:
        log.warning("cannot keep %s in the cache: %s", kind, exc.strerror)
    return content


def find_cached(kind: str, key: tuple[object, ...]) -> bytes | None:
    """Return the bytes kept for this key, or None."""
    try:
        return _path(kind, key).read_bytes()
    except OSError:
        return None


def keep(kind: str, key: tuple[object, ...], content: bytes, *, limit_bytes: int) -> None:
    """Keep what is too large to be kept without a limit: the oldest of its kind goes for it.

    Raises OSError where the cache cannot be written.
    """
    _write(_path(kind, key), content)
    found = [(path, path.stat()) for path in (read_settings().cache_path / kind).glob("*/*")]
    total = sum(stat.st_size for _, stat in found)
    for path, stat in sorted(found, key=lambda each: each[1].st_mtime_ns):
        if total <= limit_bytes:
            return
        path.unlink(missing_ok=True)  # who is reading it reads on
        total -= stat.st_size


def open_cached(kind: str, key: tuple[object, ...]) -> BinaryIO | None:
    """Open what is kept for this key, or return None."""
    try:
        return _path(kind, key).open("rb")
    except OSError:
        return None


def _path(kind: str, key: tuple[object, ...]) -> Path:
    name = hashlib.sha256(repr(key).encode()).hexdigest()
    return read_settings().cache_path / kind / name[:2] / name[2:]


def _write(path: Path, content: bytes) -> None:
    """Write beside and rename, so that no reader ever sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
