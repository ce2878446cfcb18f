"""Meshes made ready for the browser: real files, real programs, and over HTTP."""

import io
import json
import os
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image
from starlette.testclient import TestClient

from dashboard import file_cache, mesh_views, meshes
from dashboard.glb import read_head
from dashboard.mesh_counts import UnreadableMeshError
from dashboard.mesh_views import open_view
from dashboard.outputs import StorageUnavailableError

REAL_JOBS = Path(__file__).parents[2] / "shared" / "data" / "jobs"
# Distinct colours at the corners of two triangles; rows are x, y, z.
CORNERS = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]
COLOURS = [[160, 80, 80, 255], [80, 160, 80, 255], [80, 80, 160, 255], [160, 160, 80, 255]]
PROMISING = b"""ply
format ascii 1.0
element vertex 2147483648
property float x
property float y
property float z
element face 2147483648
property list uchar int vertex_indices
end_header
"""


@pytest.fixture
def model(storage: Path) -> Path:
    """The directory of a job's only model, empty."""
    path = storage / "turned" / "output" / "nvdiffrec"
    path.mkdir(parents=True)
    return path


def coloured() -> trimesh.Trimesh:
    faces = [[0, 1, 2], [2, 1, 3]]
    return trimesh.Trimesh(CORNERS, faces, vertex_colors=COLOURS, process=False)


def put_obj(model: Path, texture: str = "mesh.png") -> None:
    """A square whose lower left quarter is red, and the others green."""
    lines = ["mtllib mesh.mtl", "usemtl skin", *(f"v {x} {y} {z}" for x, y, z in CORNERS)]
    lines += ["vt 0 0", "vt 1 0", "vt 0 1", "vt 1 1", "f 1/1 2/2 3/3", "f 3/3 2/2 4/4"]
    (model / "mesh.obj").write_text("\n".join(lines))
    (model / "mesh.mtl").write_text(f"newmtl skin\nmap_Kd {texture}\n")
    picture = Image.new("RGB", (64, 64), (0, 255, 0))
    picture.paste((255, 0, 0), (0, 32, 32, 64))
    picture.save(model / "mesh.png")


def made(wait: bool = True) -> bytes:
    view = open_view("turned", "nvdiffrec", wait=wait)
    assert view
    with view.file:
        content = view.file.read()
    assert len(content) == view.size_bytes
    return content


def scene_of(content: bytes) -> dict[str, Any]:
    return read_head(io.BytesIO(content)).scene


def mesh_of(content: bytes) -> Any:
    return trimesh.load_mesh(io.BytesIO(content), file_type="glb")


def colour_at(mesh: Any, point: tuple[float, float, float]) -> list[int]:
    """The texture's colour there, read as a viewer would: between texels, smoothly."""
    closest, _, [face] = trimesh.proximity.closest_point_naive(mesh, [point])
    weights = trimesh.triangles.points_to_barycentric(mesh.triangles[[face]], closest)[0]
    u, v = weights @ mesh.visual.uv[mesh.faces[face]]
    picture = np.asarray(mesh.visual.material.baseColorTexture.convert("RGB"), float)
    height, width, _ = picture.shape
    x, y = u * width - 0.5, (1 - v) * height - 0.5
    left, top = min(int(x), width - 2), min(int(y), height - 2)
    a, b = x - left, y - top
    upper = picture[top, left] * (1 - a) + picture[top, left + 1] * a
    lower = picture[top + 1, left] * (1 - a) + picture[top + 1, left + 1] * a
    return [round(each) for each in upper * (1 - b) + lower * b]


def problem() -> str:
    with pytest.raises(UnreadableMeshError) as refused:
        open_view("turned", "nvdiffrec", wait=True)
    return str(refused.value)


# --- what is drawn


def test_a_glb_is_handed_over_as_it_is_but_for_its_head(model: Path) -> None:
    (model / "mesh.glb").write_bytes(trimesh.creation.box().export(file_type="glb"))
    content, original = made(), (model / "mesh.glb").read_bytes()
    ends = read_head(io.BytesIO(content)).end, read_head(io.BytesIO(original)).end
    assert content[ends[0] :] == original[ends[1] :]


def test_a_glb_goes_before_obj_and_ply(model: Path) -> None:
    put_obj(model)
    (model / "mesh.glb").write_bytes(trimesh.creation.icosphere(2).export(file_type="glb"))
    assert len(mesh_of(made()).faces) == 320


def test_an_obj_is_converted_with_its_texture(model: Path) -> None:
    put_obj(model)
    mesh = mesh_of(made())
    assert colour_at(mesh, (0.2, 0.2, 0)) == [255, 0, 0]
    assert colour_at(mesh, (0.7, 0.7, 0)) == [0, 255, 0]
    surface = scene_of(made())["materials"][0]["pbrMetallicRoughness"]
    assert surface["metallicFactor"] == 0
    assert "baseColorFactor" not in surface


@pytest.mark.parametrize("encoding", ["binary", "ascii"])
def test_colours_of_a_ply_become_a_texture(model: Path, encoding: str) -> None:
    (model / "mesh.ply").write_bytes(coloured().export(file_type="ply", encoding=encoding))
    mesh = mesh_of(made())
    for corner, colour in zip(CORNERS, COLOURS, strict=True):
        assert colour_at(mesh, tuple(corner)) == pytest.approx(colour[:3], abs=1)
    assert colour_at(mesh, (0.5, 0, 0)) == pytest.approx([120, 120, 80], abs=1)
    assert colour_at(mesh, (0.25, 0.25, 0)) == pytest.approx([120, 100, 100], abs=1)
    [sampler] = scene_of(made())["samplers"]
    assert sampler["minFilter"] == 9729  # smaller copies would mix faces


def test_colours_of_a_glb_become_a_texture_too(model: Path) -> None:
    (model / "mesh.glb").write_bytes(coloured().export(file_type="glb"))
    assert colour_at(mesh_of(made()), (1, 1, 0)) == pytest.approx([160, 160, 80], abs=1)


def test_colours_of_many_faces_stay_apart(model: Path) -> None:
    ball = trimesh.creation.icosphere(3)
    apart = trimesh.Trimesh(ball.triangles.reshape(-1, 3), np.arange(3840).reshape(-1, 3))
    apart.unmerge_vertices()
    reds = np.repeat(np.arange(len(ball.faces)) % 251, 3)
    apart.visual.vertex_colors = [[red, 90, 0, 255] for red in reds]
    (model / "mesh.glb").write_bytes(apart.export(file_type="glb"))
    mesh = mesh_of(made())
    centres = ball.triangles_center
    for face in (0, 17, 400, len(ball.faces) - 1):
        seen = colour_at(mesh, tuple(centres[face]))
        assert seen == pytest.approx([face % 251, 90, 0], abs=1)


def test_a_mesh_without_colours_is_converted_all_the_same(model: Path) -> None:
    (model / "mesh.ply").write_bytes(trimesh.creation.box().export(file_type="ply"))
    view = open_view("turned", "nvdiffrec", wait=True)
    assert view
    view.file.close()
    assert not view.drawable.has_texture
    assert view.drawable.diagonal == pytest.approx(3**0.5)


# --- once, and within limits


def test_a_conversion_is_made_once_and_anew_for_other_files(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_obj(model)
    first = made()
    with monkeypatch.context() as patched:
        patched.setattr(mesh_views, "_convert", lambda _: pytest.fail("converted again"))
        assert made(wait=False) == first
    Image.new("RGB", (8, 8), (0, 0, 255)).save(model / "mesh.png")
    assert colour_at(mesh_of(made()), (0.2, 0.2, 0)) == [0, 0, 255]


def test_a_conversion_does_not_keep_who_asks_waiting(model: Path) -> None:
    put_obj(model)
    assert open_view("turned", "nvdiffrec") is None
    for _ in range(600):
        view = open_view("turned", "nvdiffrec")
        if view:
            view.file.close()
            return
        time.sleep(0.05)
    pytest.fail("it was never converted")


def test_what_takes_too_long_is_ended(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_obj(model)
    monkeypatch.setattr(mesh_views, "CONVERSION_TIMEOUT_S", 0.05)
    assert problem() == "it took more than 0.05 s"


def test_a_program_that_dies_harms_nobody(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_obj(model)
    monkeypatch.setattr("sys.executable", "/bin/false")
    assert problem() == "it cannot be read in the memory that is allowed"


def test_files_above_the_limit_are_left_alone(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_obj(model)
    monkeypatch.setenv("VIEWER_MAX_MB", "1")
    with (model / "mesh.png").open("ab") as picture:
        picture.truncate(1_000_000)
    monkeypatch.setattr(mesh_views, "_convert", lambda _: pytest.fail("converted"))
    assert problem() == "it is larger than 1 MB"


def test_a_higher_limit_counts_for_what_was_too_large_before(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a texture for its colours, a mesh is larger than it was."""
    mesh = trimesh.creation.icosphere(5)
    colours = np.random.default_rng(3).integers(0, 255, (len(mesh.vertices), 4), np.uint8)
    mesh.visual.vertex_colors = colours
    (model / "mesh.ply").write_bytes(mesh.export(file_type="ply"))
    assert (model / "mesh.ply").stat().st_size < 1_000_000
    monkeypatch.setenv("VIEWER_MAX_MB", "1")
    with pytest.raises(UnreadableMeshError, match="larger than 1 MB"):
        open_view("turned", "nvdiffrec", wait=True)
    monkeypatch.setenv("VIEWER_MAX_MB", "60")
    view = open_view("turned", "nvdiffrec", wait=True)
    assert view
    view.file.close()


def test_a_storage_that_was_away_for_a_moment_spoils_nothing(
    storage: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_obj(model)
    (model / "mesh.ply").write_bytes(coloured().export(file_type="ply"))

    def without_storage(work: Any) -> Any:
        def call(*arguments: Any) -> Any:
            storage.rename(storage.with_name("away"))
            try:
                return work(*arguments)
            finally:
                storage.with_name("away").rename(storage)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(mesh_views, "_convert", without_storage(mesh_views._convert))
        patch.setattr(meshes, "_measure", without_storage(meshes._measure))
        with pytest.raises(StorageUnavailableError):
            open_view("turned", "nvdiffrec", wait=True)
        file, key = meshes._open("turned", "nvdiffrec", "mesh.ply")
        file.close()
        with pytest.raises(StorageUnavailableError):
            meshes._measure_later(key).result()
    view = open_view("turned", "nvdiffrec", wait=True)
    assert view
    view.file.close()
    meshes._measure_later(key).result()
    assert meshes.read_surface("turned", "nvdiffrec", "mesh.ply")


def test_the_oldest_views_go_when_there_are_too_many(storage: Path, tmp_path: Path) -> None:
    for number in range(5):
        file_cache.keep("kind", (number,), b"x" * 100_000, limit_bytes=350_000)
        for path in (tmp_path / "cache" / "kind").glob("*/*"):
            os.utime(path, ns=(0, path.stat().st_mtime_ns - 10**9))
    kept = []
    for number in range(5):
        if file := file_cache.open_cached("kind", (number,)):
            kept.append(number)
            file.close()
    assert kept == [2, 3, 4]


# --- what is not to be trusted


@pytest.mark.parametrize("name", ["../../../secret.png", "/etc/passwd", "previews/../mesh.mtl"])
def test_no_texture_is_looked_for_outside(model: Path, name: str) -> None:
    Image.new("RGB", (8, 8), (1, 2, 3)).save(model.parents[2] / "secret.png")
    put_obj(model, name)
    view = open_view("turned", "nvdiffrec", wait=True)
    assert view
    view.file.close()
    assert not view.drawable.has_texture


def test_a_link_out_of_the_job_is_no_texture(model: Path, tmp_path: Path) -> None:
    put_obj(model)
    (model / "mesh.png").replace(tmp_path / "outside.png")
    (model / "mesh.png").symlink_to(tmp_path / "outside.png")
    view = open_view("turned", "nvdiffrec", wait=True)
    assert view
    view.file.close()
    assert not view.drawable.has_texture


def test_a_link_out_of_the_job_is_no_mesh(model: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.glb").write_bytes(trimesh.creation.box().export(file_type="glb"))
    (model / "mesh.glb").symlink_to(tmp_path / "outside.glb")
    with pytest.raises(FileNotFoundError):
        open_view("turned", "nvdiffrec")


def png_of(width: int, height: int) -> bytes:
    """A PNG that says that it is so large, and is not."""
    header = struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + header + b"\0" * 40


@pytest.mark.parametrize(
    "picture",
    [
        png_of(60_000, 60_000),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"",
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_what_is_no_texture_is_left_out(model: Path, picture: bytes) -> None:
    put_obj(model)
    (model / "mesh.png").write_bytes(picture)
    assert "images" not in scene_of(made())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mesh.obj", b""),
        ("mesh.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\n"),
        ("mesh.obj", b"f 1 2 3\n"),
        ("mesh.obj", b"v 0 0 0\nv nan nan nan\nv 0 1 0\nf 1 2 3\n"),
        ("mesh.obj", b"v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n"),
        ("mesh.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999\n"),
        ("mesh.obj", os.urandom(5000)),
        ("mesh.ply", b""),
        ("mesh.ply", PROMISING + b"0 0 0\n3 0 0 0\n"),
        ("mesh.ply", b"ply\nformat binary_little_endian 1.0\n"),
        ("mesh.ply", coloured().export(file_type="ply")[:-20]),
        ("mesh.glb", b""),
        ("mesh.glb", b'{"problem": "told by the file itself"}'),
        ("mesh.glb", b"glTF" + os.urandom(5000)),
    ],
)
def test_a_broken_mesh_is_a_sentence(model: Path, name: str, content: bytes) -> None:
    (model / name).write_bytes(content)
    assert "told by the file itself" not in problem()
    assert problem()[0].isalpha()


# --- over HTTP


def test_a_view_comes_with_length_etag_and_ranges(http: TestClient, model: Path) -> None:
    put_obj(model)
    url = "/jobs/turned/view/nvdiffrec.glb"
    whole = http.get(url, headers={"Accept-Encoding": "gzip"})
    assert whole.headers["content-type"] == "model/gltf-binary"
    assert "content-encoding" not in whole.headers
    assert int(whole.headers["content-length"]) == len(whole.content)
    assert len(mesh_of(whole.content).faces) == 2
    part = http.get(url, headers={"Range": "bytes=100-"})
    assert part.status_code == 206
    assert part.content == whole.content[100:]
    again = http.get(url, headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304
    assert http.head(url).headers["content-length"] == whole.headers["content-length"]


def test_a_view_is_kept_by_the_browser_under_its_version_only(
    http: TestClient, model: Path
) -> None:
    put_obj(model)
    url = "/jobs/turned/view/nvdiffrec.glb"
    version = http.get(url).headers["etag"].strip('"')
    assert "immutable" in http.get(f"{url}?v={version}").headers["cache-control"]
    assert "no-cache" in http.get(f"{url}?v=other").headers["cache-control"]
    assert "no-cache" in http.get(url).headers["cache-control"]


def test_a_mesh_that_cannot_be_drawn_is_refused_with_the_reason(
    http: TestClient, model: Path
) -> None:
    (model / "mesh.glb").write_bytes(b"")
    response = http.get("/jobs/turned/view/nvdiffrec.glb")
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, "MESH_NOT_DRAWABLE")
    assert error["message"] == "The mesh cannot be drawn: it is empty."
    assert "GET /jobs/turned " in error["suggestion"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/jobs/turned/view/other.glb", "FILE_NOT_FOUND"),
        ("/jobs/turned/view/nvdiffrec.glb", "FILE_NOT_FOUND"),
        ("/jobs/nosuchjob/view/nvdiffrec.glb", "FILE_NOT_FOUND"),
        ("/jobs/-/view/nvdiffrec.glb", "JOB_NOT_FOUND"),
        ("/jobs/turned/view/nvdiffrec", "PATH_NOT_FOUND"),
        ("/jobs/turned/view/..%2fx.glb", "JOB_NOT_FOUND"),
    ],
)
def test_what_is_not_there_is_refused(http: TestClient, model: Path, path: str, code: str) -> None:
    response = http.get(path)
    assert (response.status_code, response.json()["error"]["code"]) == (404, code)


# --- the real job


@pytest.mark.skipif(not REAL_JOBS.is_dir(), reason="the real job is not there")
def test_the_real_mesh_is_drawable_and_measured(
    storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB_STORAGE_PATH", str(REAL_JOBS))
    view = open_view("poxv1ikj", "reconviagen")
    assert view
    mesh = mesh_of(view.file.read())
    view.file.close()
    assert view.drawable.has_texture
    assert view.drawable.centre == pytest.approx(mesh.bounds.mean(axis=0), abs=1e-5)
    assert view.drawable.diagonal == pytest.approx(mesh.scale, rel=1e-5)
    assert json.dumps(view.drawable.centre)
