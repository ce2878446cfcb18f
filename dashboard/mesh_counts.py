"""How many vertices and faces a mesh file holds, told by its header and without loading it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO

from dashboard.glb import read_head

PLY_HEADER_MAX_BYTES = 64 << 10
BLOCK_BYTES = 1 << 20
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
    try:
        counts = {"ply": _count_ply, "glb": _count_glb, "obj": _count_obj}[file_type](file)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as exc:
        raise UnreadableMeshError("its header cannot be read") from exc
    # A vertex takes at least six bytes in every one of the formats, a face at least three.
    if min(counts.vertices, counts.faces) < 0 or 6 * counts.vertices > size_bytes:
        raise UnreadableMeshError("its header promises more than the file holds")
    return counts


def _count_ply(file: BinaryIO) -> MeshCounts:
    header, end, _ = file.read(PLY_HEADER_MAX_BYTES).partition(b"end_header")
    if not end or not header.startswith(b"ply"):
        raise ValueError("not a PLY")
    words = [line.split() for line in header.splitlines() if line.startswith(b"element ")]
    counts = {name: int(count) for _, name, count in words}
    return MeshCounts(counts[b"vertex"], counts.get(b"face", 0))


def _count_glb(file: BinaryIO) -> MeshCounts:
    scene = read_head(file).scene
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


def _count_obj(file: BinaryIO) -> MeshCounts:
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
