"""The head of a GLB file: what it holds, as JSON, before the bytes of meshes and pictures."""

import io
import json
import math
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

# glTF 2.0, section 4.4: magic, version, length; then the JSON chunk's length and type.
GLB_HEADER = struct.Struct("<4sIIII")
CHUNK_HEADER = struct.Struct("<II")
GLB_JSON, GLB_BINARY = 0x4E4F534A, 0x004E4942
# A scene of thousands of parts takes 1 MB; as Python's objects it can take thirty times as much.
GLB_JSON_MAX_BYTES = 2 << 20


@dataclass(frozen=True)
class GlbHead:
    """A GLB's JSON, the length that it gives itself, and where what follows the JSON begins."""

    scene: dict[str, Any]
    length: int
    end: int


def read_head(file: BinaryIO) -> GlbHead:
    """Read the head of a GLB 2, from the file's beginning. Raises ValueError or TypeError."""
    magic, version, length, json_bytes, kind = GLB_HEADER.unpack(_exactly(file, GLB_HEADER.size))
    if (magic, version, kind) != (b"glTF", 2, GLB_JSON) or json_bytes > GLB_JSON_MAX_BYTES:
        raise ValueError("not a GLB of version 2")
    text = _exactly(file, json_bytes).decode("utf-8")
    scene = json.loads(text, parse_float=_finite, parse_constant=_finite)
    if not isinstance(scene, dict):
        raise TypeError("not a GLB's JSON")
    return GlbHead(scene, length, GLB_HEADER.size + json_bytes)


def read_binary_length(file: BinaryIO, head: GlbHead) -> int:
    """Read how many bytes of meshes and pictures follow the head; 0 if there are none."""
    file.seek(head.end)
    header = file.read(CHUNK_HEADER.size)
    if len(header) < CHUNK_HEADER.size:
        return 0
    length, kind = CHUNK_HEADER.unpack(header)
    return int(length) if kind == GLB_BINARY else 0


def write_head(scene: dict[str, Any], rest_bytes: int) -> bytes:
    """Write a head for what follows it in a file: chunks of so many bytes."""
    text = json.dumps(scene, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    length = GLB_HEADER.size + len(text) + rest_bytes
    return GLB_HEADER.pack(b"glTF", 2, length, len(text), GLB_JSON) + text


def with_head(head: bytes, file: BinaryIO, end: int) -> BinaryIO:
    """Read a file as if it began with this head, and not with what it has up to `end`.

    Closing one closes the other.
    """
    return io.BufferedReader(_Reheaded(head, file, end))


class _Reheaded(io.RawIOBase):
    def __init__(self, head: bytes, file: BinaryIO, end: int) -> None:
        self.head, self.file, self.end = head, file, end
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the beginning")
        self.position = offset
        return offset

    def readinto(self, buffer: Any) -> int:
        piece = self.head[self.position : self.position + len(buffer)]
        if not piece:
            self.file.seek(self.end + self.position - len(self.head))
            piece = self.file.read(len(buffer))
        buffer[: len(piece)] = piece
        self.position += len(piece)
        return len(piece)

    def close(self) -> None:
        self.file.close()
        super().close()


def _finite(text: str) -> float:
    """Read a number; what JSON has no word for, but Python reads, cannot be written again."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not finite")
    return number


def _exactly(file: BinaryIO, length: int) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise ValueError("the file ends too early")
    return data
