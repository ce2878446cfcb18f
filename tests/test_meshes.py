"""Mesh facts: counts from headers as trimesh would count, and nothing that a file can break."""

import json
import struct
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import trimesh

from dashboard import meshes
from dashboard.mesh_counts import MeshCounts, UnreadableMeshError, count_mesh
from dashboard.mesh_surface import measure
from dashboard.meshes import read_counts, read_surface


def count(content: bytes, file_type: str) -> MeshCounts:
    return count_mesh(BytesIO(content), file_type, len(content))


def glb(scene: object) -> bytes:
    text = json.dumps(scene).encode()
    length = 20 + len(text)
    return struct.pack("<4sIIII", b"glTF", 2, length, len(text), 0x4E4F534A) + text + b" " * 90_000


@pytest.mark.parametrize("file_type", ["ply", "glb", "obj"])
@pytest.mark.parametrize("mesh", [trimesh.creation.box(), trimesh.creation.icosphere(4)])
def test_counts_are_those_of_the_loaded_mesh(mesh: trimesh.Trimesh, file_type: str) -> None:
    content = mesh.export(file_type=file_type)
    content = content.encode() if isinstance(content, str) else content
    assert count(content, file_type) == MeshCounts(len(mesh.vertices), len(mesh.faces))


def test_an_ascii_ply_is_counted_too() -> None:
    mesh = trimesh.creation.icosphere(2)
    content = mesh.export(file_type="ply", encoding="ascii")
    assert count(content, "ply") == MeshCounts(len(mesh.vertices), len(mesh.faces))


def test_lines_across_two_blocks_of_an_obj_are_counted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = b"v 1 2 3\nvn 0 0 1\nvt 0 0\r\nv\t1 2 3\nf 1 2 1\nv 4 5 6\nf 1 2 3\n# v 1\n"
    for size in range(2, len(lines) + 1):
        monkeypatch.setattr("dashboard.mesh_counts.BLOCK_BYTES", size)
        assert count(lines + b" " * 40, "obj") == MeshCounts(3, 2)


def test_primitives_that_share_vertices_count_them_once() -> None:
    attributes = {"attributes": {"POSITION": 0}}
    primitives = [
        {**attributes, "indices": 1},
        {**attributes, "indices": 1, "mode": 5},
        {**attributes, "mode": 1},
    ]
    scene = {"accessors": [{"count": 4}, {"count": 6}], "meshes": [{"primitives": primitives}]}
    assert count(glb(scene), "glb") == MeshCounts(4, 2 + 4)


def textured_sphere() -> trimesh.Trimesh:
    """A closed sphere whose texture seam splits vertices, as GLB and OBJ store it."""
    sphere = trimesh.creation.uv_sphere(count=[12, 12])
    seam = sphere.submesh([range(0, len(sphere.faces), 2), range(1, len(sphere.faces), 2)])
    return trimesh.util.concatenate(seam)


@pytest.mark.parametrize("file_type", ["ply", "glb", "obj"])
def test_a_closed_surface_with_seams_is_watertight(file_type: str) -> None:
    split = textured_sphere()
    assert not split.is_watertight
    content = split.export(file_type=file_type)
    content = content.encode() if isinstance(content, str) else content
    assert measure(BytesIO(content), file_type).is_watertight


def test_an_open_surface_is_not_watertight_and_has_extents() -> None:
    mesh = trimesh.creation.box(extents=(1, 2, 3))
    mesh.update_faces([True] * 11 + [False])
    surface = measure(BytesIO(mesh.export(file_type="ply")), "ply")
    assert not surface.is_watertight
    assert surface.extents == pytest.approx((1, 2, 3))


def wait_for_surface(job_id: str, name: str) -> object:
    for _ in range(600):
        found = read_surface(job_id, "reconviagen", name)
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("the surface was never measured")


def test_a_surface_is_measured_once_and_kept(
    storage: Path, put_outputs: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_outputs("meshed")
    found = wait_for_surface("meshed", "mesh.ply")
    meshes._measured.clear()
    monkeypatch.setattr(meshes, "_measure", lambda _: pytest.fail("measured again"))
    assert read_surface("meshed", "reconviagen", "mesh.ply") == found


def test_a_process_that_dies_says_why_and_harms_nobody(
    storage: Path, put_outputs: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_outputs("killed")
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(UnreadableMeshError, match="memory that is allowed"):
        wait_for_surface("killed", "mesh.ply")


def test_a_mesh_that_was_removed_says_so(storage: Path, put_outputs: Callable[..., Path]) -> None:
    (put_outputs("gone") / "reconviagen" / "mesh.ply").unlink()
    with pytest.raises(UnreadableMeshError, match="removed"):
        read_counts("gone", "reconviagen", "mesh.ply")
