"""A directory of small derived files, each named by what it was made from."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

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
