"""How many vertices and faces a mesh file holds, told by its header and without loading it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO

from dashboard.glb import read_head

PLY_HEADER_MAX_BYTES = 64 << 10
BLOCK_BYTES = 1 << 20
# An OBJ has no header and is read as a whole, at about 1 GB a second.
OBJ_MAX_BYTES = 800_000_000
PLY_BYTES = {
    **dict.fromkeys((b"char", b"uchar", b"int8", b"uint8"), 1),
    **dict.fromkeys((b"short", b"ushort", b"int16", b"uint16"), 2),
    **dict.fromkeys((b"int", b"uint", b"float", b"int32", b"uint32", b"float32"), 4),
    **dict.fromkeys((b"double", b"float64"), 8),
}
PROMISED = "its header promises more than the file holds"
# glTF 2.0, section 5.24: primitive modes that draw triangles.
TRIANGLES, TRIANGLE_STRIP, TRIANGLE_FAN = 4, 5, 6


class UnreadableMeshError(Exception):
    """A mesh cannot be read; the text says why, in words for the page."""


@dataclass(frozen=True)
class MeshCounts:
    """Counts as stored: UV seams may have split vertices, a polygon of an OBJ is one face."""

    vertices: int
    faces: int


def count_mesh(file: BinaryIO, file_type: str, size_bytes: int) -> MeshCounts:
    """Count what a mesh of type `ply`, `glb` or `obj` holds, from the file's beginning.

    Raises UnreadableMeshError, also for a header that promises more than the file can hold.
    """
    if not size_bytes:
        raise UnreadableMeshError("it is empty")
    try:
        counts = {"ply": _count_ply, "glb": _count_glb, "obj": _count_obj}[file_type](
            file, size_bytes
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as exc:
        raise UnreadableMeshError("its header cannot be read") from exc
    # A vertex takes at least six bytes in every one of the formats.
    if min(counts.vertices, counts.faces) < 0 or 6 * counts.vertices > size_bytes:
        raise UnreadableMeshError(PROMISED)
    if not counts.vertices:
        raise UnreadableMeshError("there are no vertices in it")
    return counts


def _count_ply(file: BinaryIO, size_bytes: int) -> MeshCounts:
    header, end, _ = file.read(PLY_HEADER_MAX_BYTES).partition(b"end_header")
    if not end or not header.startswith(b"ply"):
        raise ValueError("not a PLY")
    lines = [line.split() for line in header.splitlines()]
    counts = {line[1]: int(line[2]) for line in lines if line[:1] == [b"element"]}
    if len(header) + len(end) + _least_bytes(lines) > size_bytes:
        raise UnreadableMeshError(PROMISED)
    return MeshCounts(counts[b"vertex"], counts.get(b"face", 0))


def _least_bytes(header: list[list[bytes]]) -> int:
    """How many bytes the elements of a PLY take at least; a face has three corners or more."""
    is_text = any(line[:2] == [b"format", b"ascii"] for line in header)
    total = count = 0
    for word, *words in filter(None, header):
        if word == b"element":
            count = int(words[1])
        elif word == b"property":
            is_list = words[0] == b"list"
            corners = 3 if words[-1] in {b"vertex_indices", b"vertex_index"} else 0
            types = [words[1], *corners * words[2:3]] if is_list else words[:1]
            # As text, a number takes a digit and what stands between it and the next.
            total += count * sum(2 if is_text else PLY_BYTES[each] for each in types)
    return total


def _count_glb(file: BinaryIO, size_bytes: int) -> MeshCounts:
    head = read_head(file)
    if head.length > size_bytes:
        raise UnreadableMeshError("it is cut off")
    scene = head.scene
    accessors = scene["accessors"]
    primitives = [p for mesh in scene["meshes"] for p in mesh["primitives"]]
    positions = {primitive["attributes"]["POSITION"] for primitive in primitives}
    return MeshCounts(
        sum(_count(accessors, position) for position in positions),
        sum(_triangles(accessors, primitive) for primitive in primitives),
    )


def _triangles(accessors: list[dict[str, Any]], primitive: dict[str, Any]) -> int:
    corners = _count(accessors, primitive.get("indices", primitive["attributes"]["POSITION"]))
    mode = primitive.get("mode", TRIANGLES)
    if mode == TRIANGLES:
        return corners // 3
    return max(corners - 2, 0) if mode in {TRIANGLE_STRIP, TRIANGLE_FAN} else 0


def _count(accessors: list[dict[str, Any]], index: int) -> int:
    count = accessors[index]["count"]
    if not isinstance(count, int):
        raise TypeError("a count is a whole number")
    return count


def _count_obj(file: BinaryIO, size_bytes: int) -> MeshCounts:
    if size_bytes > OBJ_MAX_BYTES:
        raise UnreadableMeshError(f"it is larger than {OBJ_MAX_BYTES // 1_000_000} MB")
    vertices = faces = 0
    for before, block in pairwise(_blocks(file)):
        lines = before[-2:] + block  # a line's start may lie across two blocks
        if b"\t" in lines:  # rare, and far quicker to look for than to count
            lines = lines.replace(b"\t", b" ")
        vertices += lines.count(b"\nv ")
        faces += lines.count(b"\nf ")
    return MeshCounts(vertices, faces)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    yield b"\n"
    while block := file.read(BLOCK_BYTES):
        yield block
