"""Measure one mesh's surface with trimesh; run as a program, so that it can be killed."""

import json
import resource
import sys
from dataclasses import asdict, dataclass
from typing import BinaryIO

from dashboard.mesh_counts import UnreadableMeshError

MEMORY_MAX_BYTES = 3 << 30
# Ends it also where nobody is left to kill it.
PROCESSOR_MAX_S = 120


@dataclass(frozen=True)
class Surface:
    """What only the loaded mesh tells; nothing is repaired.

    Extents are in the file's own units: a reconstruction has no metric scale. Watertight is
    asked with vertices at one place taken as one, because UV seams split them.
    """

    is_watertight: bool
    extents: tuple[float, float, float]


def measure(file: BinaryIO, file_type: str) -> Surface:
    """Read a mesh of type `ply`, `glb` or `obj`; what it refers to is not looked up.

    Raises UnreadableMeshError.
    """
    try:
        return _measure(file, file_type)
    except MemoryError as exc:
        raise UnreadableMeshError("it is too large to be read here") from exc
    except Exception as exc:  # a parser of untrusted files raises what it likes
        raise UnreadableMeshError(f"it cannot be parsed ({type(exc).__name__})") from exc


def _measure(file: BinaryIO, file_type: str) -> Surface:
    import trimesh  # noqa: PLC0415  half a second, and only a process of its own needs it

    scene = trimesh.load_scene(file, file_type=file_type, process=False, skip_materials=True)
    mesh = scene.to_mesh()
    x, y, z = (float(length) for length in mesh.extents)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    return Surface(bool(mesh.is_watertight), (x, y, z))


def main() -> None:
    """Read a mesh from standard input, its type from the command line; print JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_MAX_S, PROCESSOR_MAX_S))
    try:
        answer = asdict(measure(sys.stdin.buffer, sys.argv[1]))
    except UnreadableMeshError as exc:
        answer = {"problem": str(exc)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
