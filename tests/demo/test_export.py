"""The files carry the pipeline's names, name each other, and open in trimesh."""

import numpy as np
import pytest
import trimesh
from PIL import Image

from dashboard.demo.export import export_meshes, save_picture
from dashboard.demo.objects import make_object
from dashboard.demo.seeds import seeded_random
from dashboard.demo.textured_mesh import reference_mesh
from dashboard.demo.textures import paint_texture


@pytest.fixture(scope="module")
def mesh():
    thing = make_object("abcd1234", "pumpkin")
    return reference_mesh(thing, paint_texture(thing, seeded_random("paint"), edge_px=128))


@pytest.fixture(scope="module")
def folder(mesh, tmp_path_factory):
    folder = tmp_path_factory.mktemp("output") / "nvdiffrec"
    export_meshes(mesh, folder, with_obj=True)
    return folder


def test_all_five_files_are_there(folder):
    names = sorted(file.name for file in folder.iterdir())
    assert names == ["mesh.glb", "mesh.mtl", "mesh.obj", "mesh.ply", "mesh.png"]


def test_a_model_without_obj_leaves_glb_and_ply_only(mesh, tmp_path):
    export_meshes(mesh, tmp_path, with_obj=False)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mesh.glb", "mesh.ply"]


def test_the_obj_names_the_mtl_and_the_mtl_the_texture(folder):
    assert "mtllib mesh.mtl" in (folder / "mesh.obj").read_text().splitlines()
    assert "map_Kd mesh.png" in (folder / "mesh.mtl").read_text().splitlines()


@pytest.mark.parametrize("name", ["mesh.glb", "mesh.obj"])
def test_a_mesh_opens_textured(folder, name):
    body = trimesh.load_mesh(folder / name)
    material = body.visual.material
    picture = getattr(material, "baseColorTexture", None) or material.image
    assert picture.size == (128, 128)


def test_the_ply_is_closed_and_coloured(folder):
    body = trimesh.load_mesh(folder / "mesh.ply")
    assert body.is_watertight
    assert len(np.unique(body.visual.vertex_colors, axis=0)) > 50


def test_a_picture_keeps_its_colour_under_half_transparency(tmp_path):
    half = np.zeros((4, 4, 4), dtype=np.float32)
    half[..., 0], half[..., 3] = 0.4, 0.5  # premultiplied: red of 0.8
    save_picture(half, tmp_path / "previews" / "textured_00.png")
    with Image.open(tmp_path / "previews" / "textured_00.png") as picture:
        assert picture.mode == "RGBA"
        assert picture.getpixel((1, 1)) == (204, 0, 0, 128)
