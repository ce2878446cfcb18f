"""Finished ZIPs on disk: named by what they hold, bounded; the least recently used goes first."""

import hashlib
import logging
import os
import shutil
import struct
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from dashboard.outputs import output_directory
from dashboard.settings import read_settings
from result_packager import list_members

log = logging.getLogger(__name__)

SUFFIX, UNFINISHED = ".zip", ".part"
# A change of the archive's format must not find the archives of the format before.
FORMAT = 1


# End of central directory: signature, disks, entries, the directory's length and start, comment.
END_RECORD = struct.Struct("<4s4H2LH")
ASK_ZIP64 = 0xFFFFFFFF


class CacheFullError(OSError):
    """The archive does not fit into the cache."""


def archive_key(job_id: str) -> tuple[str, int]:
    """Name the archive of a job's present files, and sum up the files' bytes.

    The same files (path, size, mtime) always pack to the same bytes, so this is an ETag too.
    """
    members = list_members(output_directory(job_id))
    parts = [(member.arcname, member.size_bytes, member.mtime_ns) for member in members]
    digest = hashlib.sha256(repr((FORMAT, job_id, parts)).encode()).hexdigest()
    return digest[:40], sum(member.size_bytes for member in members)


def is_enabled() -> bool:
    return read_settings().zip_cache_mb > 0


def open_cached(key: str) -> BinaryIO | None:
    """Open a finished archive and mark it as used now; None if it is not there."""
    path = _directory() / f"{key}{SUFFIX}"
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    except OSError:
        return None
    if not _ends_as_archive(file):
        log.warning("%s is damaged and is packed anew", path.name)
        file.close()
        with suppress(OSError):
            path.unlink()
        return None
    try:
        os.utime(path)
    except OSError as exc:
        log.warning("cannot mark %s as used: %s", path.name, exc.strerror)
    return file


def _ends_as_archive(file: BinaryIO) -> bool:
    """Tell whether a file ends where its ZIP says; a crash may have cut off what was written.

    By APPNOTE.TXT 4.3.16, the last 22 bytes tell where the central directory lies; archives with
    ZIP64 say "ask the record before", of which only the place is checked here.
    """
    size_bytes = file.seek(0, os.SEEK_END)
    if size_bytes < END_RECORD.size:
        return False
    file.seek(-END_RECORD.size, os.SEEK_END)
    signature, *_, length, start, comment = END_RECORD.unpack(file.read())
    if signature != b"PK\5\6" or comment:
        return False
    return ASK_ZIP64 in {length, start} or start + length + END_RECORD.size == size_bytes


class NewArchive:
    """An archive that is being written; it appears in the cache when it is whole, or never.

    Raises OSError where the cache cannot be written. Whoever makes one closes it.
    """

    def __init__(self, key: str, expected_bytes: int) -> None:
        directory = _directory()
        directory.mkdir(parents=True, exist_ok=True)
        _make_room(directory, expected_bytes)
        descriptor, name = tempfile.mkstemp(dir=directory, suffix=UNFINISHED)
        self._file = os.fdopen(descriptor, "w+b", buffering=0)
        self._path, self._final = Path(name), directory / f"{key}{SUFFIX}"

    def write(self, chunk: bytes) -> None:
        if self._file.write(chunk) != len(chunk):
            raise CacheFullError("the disk took only a part")

    def read(self, offset: int, length: int) -> bytes:
        """Read of what is written so far; stays possible until `close`, whatever becomes of it."""
        return os.pread(self._file.fileno(), length, offset)

    def finish(self) -> None:
        """Let it be found; what was not used for longest makes room, had it grown beside others."""
        self._path.replace(self._final)
        with suppress(OSError):  # the archive is whole, whatever cannot go for it
            _make_room(self._final.parent, 0)

    def flush(self) -> None:
        """Bring the bytes to the disk itself, so that a loss of power does not leave holes."""
        os.fsync(self._file.fileno())

    def discard(self) -> None:
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        self._file.close()


def _make_room(directory: Path, expected_bytes: int) -> None:
    """Remove what was not used for longest until the new archive fits.

    Archives that are being written count as well. Raises CacheFullError.
    """
    limit = read_settings().zip_cache_mb * 1_000_000
    total = sum(_size(path) for path in directory.iterdir())
    kept = sorted(directory.glob(f"*{SUFFIX}"), key=_last_used)
    while expected_bytes > min(limit - total, shutil.disk_usage(directory).free):
        if not kept or expected_bytes > limit:
            raise CacheFullError("the archive does not fit into the cache or onto the disk")
        oldest = kept.pop(0)
        total -= _size(oldest)
        oldest.unlink(missing_ok=True)  # who is reading it reads on


def kept_bytes() -> int:
    """The size of all archives that are kept or being written. Raises OSError."""
    directory = _directory()
    return sum(map(_size, directory.iterdir())) if directory.is_dir() else 0


def remove_unfinished() -> None:
    """Remove what a killed server left half written; for the start, before anything is packed."""
    for path in _directory().glob(f"*{UNFINISHED}"):
        try:
            path.unlink(missing_ok=True)
        except OSError as exc:
            log.warning("cannot remove %s from the cache: %s", path.name, exc.strerror)


def _directory() -> Path:
    return read_settings().cache_path / "zips"


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
