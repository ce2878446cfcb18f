"""The bytes of a ZIP file around its members (PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.5).

Written by hand because `zipfile` compresses whole members in one thread, and because an archive
that is streamed cannot go back to a header: a member whose compressed size is not known when its
header goes out gets its sizes in a data descriptor behind it (general purpose flag 3).
"""

import struct
import time
from dataclasses import dataclass

# From here on a value does not fit its field and moves to a ZIP64 field (tests lower these).
ZIP64_SIZE = 0xFFFFFFFF
ZIP64_COUNT = 0xFFFF

_SIZE_ELSEWHERE = 0xFFFFFFFF
_COUNT_ELSEWHERE = 0xFFFF
_ZIP64_FIELD = 0x0001
_NEEDS_DEFLATE, _NEEDS_ZIP64 = 20, 45
_SIZES_BEHIND, _NAME_IS_UTF8 = 0x0008, 0x0800
_DEFLATED = 8
_MADE_ON_UNIX = 3
_REGULAR_0644 = 0o100644 << 16

_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTOR = struct.Struct("<4s3L")
_DESCRIPTOR_64 = struct.Struct("<4sL2Q")
_CENTRAL = struct.Struct("<4s2B5H3L5H2L")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")


@dataclass(frozen=True, slots=True)
class Content:
    """What is known of a member's data once it is compressed; sizes in bytes."""

    crc: int
    compressed: int
    size: int


@dataclass(frozen=True, slots=True)
class Mark:
    """How far an archive was: where its next member starts, and what its directory lists."""

    offset: int
    count: int
    directory_bytes: int


@dataclass(frozen=True, slots=True)
class _Entry:
    name: bytes
    flags: int
    stamp: tuple[int, int]
    offset: int


class Container:
    """Makes the headers of one archive, in the order in which they are written.

    Of each member it keeps what the central directory will say: 46 bytes and the name.
    """

    def __init__(self) -> None:
        self._directory = bytearray()
        self._count = 0
        self._offset = 0
        self._begun: _Entry | None = None
        self._is_wide = False

    def mark(self) -> Mark:
        """Note how far the archive is, between two members."""
        return Mark(self._offset, self._count, len(self._directory))

    def go_back(self, mark: Mark) -> None:
        """Forget what was added since; of that, no byte may have been written out."""
        self._offset, self._count = mark.offset, mark.count
        del self._directory[mark.directory_bytes :]
        self._begun = None

    def header(self, arcname: str, mtime_ns: int, content: Content) -> bytes:
        """Start a member whose compressed data is at hand: it follows this header."""
        wide = _exceeds(content.compressed, content.size)
        entry = self._entry(arcname, mtime_ns, 0)
        self._list(entry, content)
        header = _local_header(entry, content, wide)
        self._offset += len(header) + content.compressed
        return header

    def header_of_stream(self, arcname: str, mtime_ns: int, size: int) -> bytes:
        """Start a member of `size` bytes still to be compressed; `descriptor` ends it."""
        unknown = Content(crc=0, compressed=0, size=0)
        self._begun = entry = self._entry(arcname, mtime_ns, _SIZES_BEHIND)
        # The width of the descriptor is fixed here: by the most that DEFLATE can make of `size`
        # (incompressible data grows by some bytes a block and a piece).
        self._is_wide = _exceeds(size + size // 256 + 4096)
        header = _local_header(entry, unknown, self._is_wide)
        self._offset += len(header)
        return header

    def descriptor(self, content: Content) -> bytes:
        """End the member begun by `header_of_stream`, once its data has been written."""
        if self._begun is None:
            raise ValueError("no member has been begun")
        self._list(self._begun, content)
        self._begun = None
        form = _DESCRIPTOR_64 if self._is_wide else _DESCRIPTOR
        descriptor = form.pack(b"PK\7\x08", content.crc, content.compressed, content.size)
        self._offset += content.compressed + len(descriptor)
        return descriptor

    def end(self) -> bytes:
        """Close the archive: the central directory and the records that lead to it."""
        directory, count = bytes(self._directory), self._count
        size, start = len(directory), self._offset
        if not _exceeds(size, start) and count < ZIP64_COUNT:
            return directory + _END.pack(b"PK\5\6", 0, 0, count, count, size, start, 0)
        wide = _END_64.pack(
            b"PK\6\6", 44, _NEEDS_ZIP64, _NEEDS_ZIP64, 0, 0, count, count, size, start
        )
        locator = _LOCATOR_64.pack(b"PK\6\7", 0, start + size, 1)
        return (
            directory
            + wide
            + locator
            + _END.pack(
                b"PK\5\6", 0, 0, *[min(count, _COUNT_ELSEWHERE)] * 2, *_narrow(size, start), 0
            )
        )

    def _entry(self, arcname: str, mtime_ns: int, flags: int) -> _Entry:
        if not arcname.isascii():
            flags |= _NAME_IS_UTF8
        return _Entry(arcname.encode(), flags, dos_stamp(mtime_ns), self._offset)

    def _list(self, entry: _Entry, content: Content) -> None:
        self._directory += _central_header(entry, content)
        self._count += 1


def dos_stamp(mtime_ns: int) -> tuple[int, int]:
    """Turn a date into MS-DOS time and date in UTC (2 s steps), clamped to 1980..2107."""
    earliest, latest = 315_532_800, 4_354_819_199  # 1980-01-01 and 2107-12-31 23:59:59
    at = time.gmtime(min(max(mtime_ns // 1_000_000_000, earliest), latest))
    return (
        at.tm_hour << 11 | at.tm_min << 5 | at.tm_sec // 2,
        (at.tm_year - 1980) << 9 | at.tm_mon << 5 | at.tm_mday,
    )


def _exceeds(*values: int) -> bool:
    return max(values) >= ZIP64_SIZE


def _narrow(*values: int) -> list[int]:
    """Give each value as its 32-bit field holds it."""
    return [_SIZE_ELSEWHERE if _exceeds(value) else value for value in values]


def _wide_field(*values: int) -> bytes:
    return struct.pack(f"<2H{len(values)}Q", _ZIP64_FIELD, 8 * len(values), *values)


def _local_header(entry: _Entry, content: Content, wide: bool) -> bytes:
    sizes = [content.compressed, content.size]
    # A local header has both wide sizes or none (4.5.3), the uncompressed one first.
    extra = _wide_field(content.size, content.compressed) if wide else b""
    fixed = _LOCAL.pack(
        b"PK\3\4",
        _NEEDS_ZIP64 if wide else _NEEDS_DEFLATE,
        entry.flags,
        _DEFLATED,
        *entry.stamp,
        content.crc,
        *([_SIZE_ELSEWHERE] * 2 if wide else sizes),
        len(entry.name),
        len(extra),
    )
    return fixed + entry.name + extra


def _central_header(entry: _Entry, content: Content) -> bytes:
    # The central directory has only those wide values that do not fit (4.5.3), in this order.
    wide = [v for v in (content.size, content.compressed, entry.offset) if _exceeds(v)]
    extra = _wide_field(*wide) if wide else b""
    version = _NEEDS_ZIP64 if wide else _NEEDS_DEFLATE
    compressed, size, offset = _narrow(content.compressed, content.size, entry.offset)
    fixed = _CENTRAL.pack(
        b"PK\1\2",
        version,
        _MADE_ON_UNIX,
        version,
        entry.flags,
        _DEFLATED,
        *entry.stamp,
        content.crc,
        compressed,
        size,
        len(entry.name),
        len(extra),
        0,  # comment
        0,  # disk
        0,  # not text
        _REGULAR_0644,
        offset,
    )
    return fixed + entry.name + extra
