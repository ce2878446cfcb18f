"""One model's files on disk, under the names that the pipeline gives them."""

from pathlib import Path

import numpy as np
import trimesh
from PIL import Image
from scipy.spatial import cKDTree
from trimesh.exchange.obj import export_obj
from trimesh.visual.material import PBRMaterial, SimpleMaterial
from trimesh.visual.texture import TextureVisuals

from dashboard.demo.render import sample
from dashboard.demo.surfaces import Floats
from dashboard.demo.textured_mesh import TexturedMesh, joined

PNG_LEVEL = 4  # zlib's: half the time of the default 6 for 3 % more bytes


def export_meshes(mesh: TexturedMesh, folder: Path, with_obj: bool) -> None:
    """Write mesh.glb and mesh.ply, and with `with_obj` mesh.obj, mesh.mtl and mesh.png too.

    The PLY is one closed body with colours at its vertices; the others carry the texture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(mesh.texture)
    coat = PBRMaterial(  # type: ignore[no-untyped-call]
        name="mesh", baseColorTexture=picture, metallicFactor=0.0,
        roughnessFactor=0.95 - 0.6 * mesh.gloss,
    )  # fmt: skip
    _textured(mesh, coat).export(folder / "mesh.glb")
    _coloured(mesh).export(folder / "mesh.ply")
    if with_obj:
        _write_obj(mesh, picture, folder)


def _textured(mesh: TexturedMesh, material: PBRMaterial | SimpleMaterial) -> trimesh.Trimesh:
    return trimesh.Trimesh(
        vertices=mesh.vertices, faces=mesh.faces, vertex_normals=mesh.normals,
        visual=TextureVisuals(uv=mesh.uv, material=material), process=False,  # type: ignore[no-untyped-call]
    )  # fmt: skip


def _coloured(mesh: TexturedMesh) -> trimesh.Trimesh:
    vertices, faces = joined(mesh.vertices, mesh.faces)
    _, nearest = cKDTree(mesh.vertices).query(vertices)
    colours = sample(mesh.texture.astype(np.float32), mesh.uv[nearest]).astype(np.uint8)
    return trimesh.Trimesh(vertices, faces, vertex_colors=colours, process=False)


def _write_obj(mesh: TexturedMesh, picture: Image.Image, folder: Path) -> None:
    """The material's name is the picture's: trimesh writes `map_Kd mesh.png` for "mesh"."""
    white = [255, 255, 255, 255]
    coat = SimpleMaterial(name="mesh", image=picture, diffuse=white)  # type: ignore[no-untyped-call]
    text, files = export_obj(  # type: ignore[no-untyped-call]
        _textured(mesh, coat), return_texture=True, mtl_name="mesh.mtl", digits=6, header=None
    )
    (folder / "mesh.obj").write_text(text)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def save_picture(colour: Floats, file: Path) -> None:
    """Write a picture (h, w, 4) of premultiplied colour as a PNG with a clear background."""
    file.parent.mkdir(parents=True, exist_ok=True)
    alpha = colour[..., 3:]
    straight = colour[..., :3] / np.maximum(alpha, 1e-6)
    pixels = np.round(np.clip(np.concatenate([straight, alpha], axis=-1), 0, 1) * 255)
    Image.fromarray(pixels.astype(np.uint8)).save(file, compress_level=PNG_LEVEL)
