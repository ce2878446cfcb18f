"""A directory of small derived files, each named by what it was made from, within a bound."""

import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from dashboard.settings import read_settings

log = logging.getLogger(__name__)

# Of each kind: the pictures of some thousand jobs, or facts about a quarter of a million meshes.
KEPT_BYTES = 1 << 30
# What a file takes of a disk at least, however little is in it.
BLOCK_BYTES = 4096
# To look at each of many files takes a moment, so it is done when this part of the bound is new.
LOOKED_AT_AGAIN = 10
SEAL_BYTES = 16

# How many bytes each directory takes before it is looked at again.
_room: dict[Path, int] = {}
_lock = threading.Lock()


def cached(kind: str, key: tuple[object, ...], make: Callable[[], bytes]) -> bytes:
    """Return the bytes kept for this key, or make and keep them.

    A cache that cannot be read or written costs time, never the answer.
    """
    kept = find_cached(kind, key)
    if kept is not None:
        return kept
    content = make()
    try:
        keep(kind, key, _seal(content) + content)
    except OSError as exc:
        log.warning("cannot keep %s in the cache: %s", kind, exc.strerror)
    return content


def find_cached(kind: str, key: tuple[object, ...]) -> bytes | None:
    """Return what `cached` keeps for this key; None too for what a crash or a disk damaged."""
    try:
        kept = _path(kind, key).read_bytes()
    except OSError:
        return None
    seal, content = kept[:SEAL_BYTES], kept[SEAL_BYTES:]
    return content if seal == _seal(content) else None


def keep(
    kind: str, key: tuple[object, ...], content: bytes, *, limit_bytes: int = KEPT_BYTES
) -> None:
    """Keep bytes as they are; the oldest of their kind go for them.

    Raises OSError where the cache cannot be written.
    """
    _write(_path(kind, key), content)
    _bound(_directory(kind), len(content), limit_bytes)


def open_cached(kind: str, key: tuple[object, ...]) -> BinaryIO | None:
    """Open what `keep` has kept for this key, or return None."""
    try:
        return _path(kind, key).open("rb")
    except OSError:
        return None


def _directory(kind: str) -> Path:
    return read_settings().cache_path / kind


def _path(kind: str, key: tuple[object, ...]) -> Path:
    name = hashlib.sha256(repr(key).encode()).hexdigest()
    return _directory(kind) / name[:2] / name[2:]


def _seal(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=SEAL_BYTES).digest()


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


def _bound(directory: Path, added: int, limit_bytes: int) -> None:
    """Count what was written; look at the directory when it may hold too much.

    Other dashboards may write to it too, so what is counted here is never the whole truth.
    """
    most = limit_bytes // LOOKED_AT_AGAIN
    with _lock:
        room = _room.get(directory, 0) - max(added, BLOCK_BYTES)
        _room[directory] = room if room >= 0 else most  # while one looks, others need not
    if room < 0:
        room = _remove_oldest(directory, limit_bytes)
        with _lock:
            _room[directory] = min(_room[directory], room, most)


def _remove_oldest(directory: Path, limit_bytes: int) -> int:
    """Remove what was kept first if it is too much, and a little more; return what room is left."""
    found = sorted(_files(directory))
    total = sum(size for _, size, _ in found)
    if total > limit_bytes:
        for _, size, path in found:
            if total <= limit_bytes - limit_bytes // LOOKED_AT_AGAIN:
                break
            path.unlink(missing_ok=True)  # who is reading it reads on
            total -= size
    return limit_bytes - total


def _files(directory: Path) -> Iterator[tuple[int, int, Path]]:
    """Each file's date in ns, the bytes it takes, and its path; what goes meanwhile is left out."""
    for folder, _, names in os.walk(directory):
        for name in names:
            path = Path(folder, name)
            with suppress(FileNotFoundError):
                found = path.lstat()
                yield found.st_mtime_ns, max(found.st_size, BLOCK_BYTES), path
