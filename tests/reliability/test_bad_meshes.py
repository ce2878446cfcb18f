"""Meshes that are empty, cut off, enormous, or promise what they do not hold.

What must be observed: facts "unavailable" with the reason, on the page and in the report; memory
and time bounded; whatever has to load a mesh does so in a process of its own that is ended when it
takes too long. What the 3D view makes of such files: tests/test_mesh_views.py.
"""

import json
import struct
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import trimesh
from starlette.testclient import TestClient

from dashboard import meshes
from dashboard.mesh_counts import UnreadableMeshError, count_mesh
from dashboard.mesh_views import open_view
from dashboard.meshes import read_counts, read_surface
from dashboard.report import models
from tests.pages import open_page, words

BALL = trimesh.creation.icosphere(3)
GB = 1_000_000_000


def ball(file_type: str, **options: Any) -> bytes:
    content = BALL.export(file_type=file_type, **options)
    return content.encode() if isinstance(content, str) else bytes(content)


def glb(scene: object, length: int = 0) -> bytes:
    text = json.dumps(scene).encode()
    length = length or 20 + len(text)
    return struct.pack("<4sIIII", b"glTF", 2, length, len(text), 0x4E4F534A) + text + b" " * 90_000


def counted(count: object) -> bytes:
    primitives = [{"attributes": {"POSITION": 0}}]
    return glb({"accessors": [{"count": count}], "meshes": [{"primitives": primitives}]})


def ply(vertices: object, faces: object = 1, form: str = "binary_little_endian") -> bytes:
    return (
        f"ply\nformat {form} 1.0\nelement vertex {vertices}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {faces}\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode()


PROMISED, CUT = "promises more than the file holds", "cut off"
UNREAD, EMPTY, NOTHING = "header cannot be read", "empty", "no vertices"
BROKEN = {
    "empty PLY": ("ply", b"", EMPTY),
    "empty GLB": ("glb", b"", EMPTY),
    "empty OBJ": ("obj", b"", EMPTY),
    "no OBJ": ("obj", b"<html>", NOTHING),
    "zeros as OBJ": ("obj", b"\0" * 5000, NOTHING),
    "no vertices": ("ply", ply(0, 0), NOTHING),
    "PLY cut in half": ("ply", ball("ply")[: len(ball("ply")) // 2], PROMISED),
    "PLY cut by a little": ("ply", ball("ply")[:-20], PROMISED),
    "text PLY cut in half": ("ply", ball("ply", encoding="ascii")[:9000], PROMISED),
    "PLY's header cut": ("ply", ball("ply")[:60], UNREAD),
    "GLB cut in half": ("glb", ball("glb")[: len(ball("glb")) // 2], CUT),
    "GLB's header cut": ("glb", ball("glb")[:40], UNREAD),
    "PLY of 2^31 vertices": ("ply", ply(2**31) + b"0" * 1000, PROMISED),
    "PLY of 2^31 faces": ("ply", ply(3, 2**31) + b"0" * 1000, PROMISED),
    "text PLY of 2^31": ("ply", ply(2**31, form="ascii") + b"0 0 0\n", PROMISED),
    "PLY of many": ("ply", ply("many"), UNREAD),
    "PLY of -4": ("ply", ply(-4), PROMISED),
    "PLY of 5,000 digits": ("ply", ply("9" * 5000), UNREAD),
    "PLY of an odd type": ("ply", ply(1).replace(b"float x", b"blob x"), UNREAD),
    "PLY without vertices": ("ply", b"ply\nelement face 5\nend_header\n", UNREAD),
    "GLB of 2^31 vertices": ("glb", counted(2**31), PROMISED),
    "GLB of '9'": ("glb", counted("9"), UNREAD),
    "GLB of no parts": ("glb", glb({"accessors": [], "meshes": []}), NOTHING),
    "GLB of a list": ("glb", glb([]), UNREAD),
    "GLB of nothing known": ("glb", glb({}), UNREAD),
    "GLB longer than it is": ("glb", glb({}, 2**31), CUT),
    "GLB with 2^31 of JSON": ("glb", struct.pack("<4sIIII", b"glTF", 2, 99, 2**31, 0), UNREAD),
    "GLB with a JSON of lists": ("glb", glb([[]] * 2_000_000), UNREAD),
    "nested GLB": ("glb", glb({}).replace(b"{}", b"[[", 1).replace(b" ", b"["), UNREAD),
}


@pytest.fixture
def put(storage: Path) -> Callable[..., str]:
    """Write the only mesh of a job, sparse up to a size; returns its name."""

    def write(file_type: str, content: bytes, size_bytes: int = 0) -> str:
        path = storage / "meshed" / "output" / "reconviagen" / f"mesh.{file_type}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if size_bytes:
            with path.open("r+b") as file:
                file.truncate(size_bytes)
        return path.name

    return write


@pytest.mark.parametrize(("file_type", "content", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_counts_are_unavailable_with_the_reason(
    file_type: str, content: bytes, reason: str
) -> None:
    used = time.process_time()
    with pytest.raises(UnreadableMeshError, match=reason):
        count_mesh(BytesIO(content), file_type, len(content))
    assert time.process_time() - used < 1


@pytest.mark.parametrize("file_type", ["ply", "glb", "obj"])
def test_a_mesh_of_a_gigabyte_is_not_loaded(put: Callable[..., str], file_type: str) -> None:
    whole = ball(file_type)
    used = time.process_time()
    name = put(file_type, whole, GB)
    if file_type == "obj":
        with pytest.raises(UnreadableMeshError, match="larger than 800 MB"):
            read_counts("meshed", "reconviagen", name)
    else:  # told by the header, whatever follows
        assert read_counts("meshed", "reconviagen", name).faces == 1280
    with pytest.raises(UnreadableMeshError, match="larger than 60 MB"):
        open_view("meshed", "reconviagen")
    assert problem_of_surface(name) == "it is larger than 400 MB"
    put(file_type, b"", GB)
    with pytest.raises(UnreadableMeshError):
        read_counts("meshed", "reconviagen", name)
    assert time.process_time() - used < 2


def problem_of_surface(name: str) -> str:
    for _ in range(1200):
        try:
            assert read_surface("meshed", "reconviagen", name) is None
        except UnreadableMeshError as exc:
            return str(exc)
        time.sleep(0.05)
    raise AssertionError("it was never measured")


LISTED = ply(3, 1).replace(b"list uchar", b"list uint")
TRAPS = {
    "GLB of noise": ("glb", ball("glb")[:1500] + b"\xff" * (len(ball("glb")) - 1500)),
    "PLY whose face has 2^31 corners": ("ply", LISTED + bytes(36) + b"\0\0\0\x80" + bytes(24)),
    "OBJ of a vertex that is not there": ("obj", b"v 0 0 0\n" * 3 + b"f 1 2 99999999\n"),
}


@pytest.mark.parametrize(("file_type", "content"), TRAPS.values(), ids=TRAPS.keys())
def test_what_only_shows_when_it_is_loaded_is_told_too(
    put: Callable[..., str], file_type: str, content: bytes
) -> None:
    name = put(file_type, content)
    assert read_counts("meshed", "reconviagen", name).vertices >= 3
    assert problem_of_surface(name).startswith("it ")


def test_what_takes_too_long_is_ended(
    put: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meshes, "MEASURE_TIMEOUT_S", 0.05)
    assert problem_of_surface(put("ply", ball("ply"))) == "it took more than 0.05 s"


def test_page_and_report_say_that_facts_are_unavailable(
    http: TestClient,
    put: Callable[..., str],
    put_record: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models, "SURFACE_WAIT_S", 0)
    put("glb", b"glTF")
    put_record("meshed", "SUCCESS", {"status": "completed"})
    told = "Facts about mesh.glb are unavailable: its header cannot be read"
    assert told in http.get("/jobs/meshed/report").text
    assert told in words(open_page(job="meshed"))
    view = http.get("/jobs/meshed/view/reconviagen.glb")
    assert (view.status_code, view.json()["error"]["code"]) == (422, "MESH_NOT_DRAWABLE")
    assert http.get("/jobs/meshed/download").status_code == 200
