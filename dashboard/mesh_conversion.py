"""Make a GLB of an OBJ or PLY with trimesh; run as a program, so that it can be killed.

It opens no file: those that it reads come open, and what one of them names is looked for among
these alone.
"""

import json
import math
import os
import resource
import struct
import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import numpy as np
import trimesh
from PIL import Image
from trimesh.exchange.gltf import export_glb
from trimesh.visual.material import PBRMaterial
from trimesh.visual.texture import TextureVisuals

from dashboard.mesh_counts import UnreadableMeshError
from dashboard.settings import read_settings

MEMORY_MAX_BYTES = 3 << 30
PROCESSOR_MAX_S = 120
PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
# What every browser takes as a texture: 8192 by 8192.
TEXTURE_MAX_PIXELS = 8192**2
# glTF 2.0, section 5.26: smooth between texels, and no smaller copies, which would mix faces.
BAKED, BAKED_SAMPLER = "colours", {"magFilter": 9729, "minFilter": 9729}


class Companions(Mapping[str, bytes]):
    """What a mesh may refer to: its MTL and texture, found by the last part of their names."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def __getitem__(self, name: str) -> bytes:
        plain = PurePosixPath(name.strip().replace("\\", "/")).name
        content = self.files[plain]
        if plain.endswith(".png") and not _is_picture(content):
            raise KeyError(name)
        return content

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def _is_picture(content: bytes) -> bool:
    """Keep from Pillow what it would open in another way, even with a program, and bombs."""
    width, height = struct.unpack_from(">II", content.ljust(24), 16)
    return content.startswith(PNG_START) and width * height <= TEXTURE_MAX_PIXELS


def convert(file: BinaryIO, file_type: str, companions: dict[str, bytes]) -> bytes:
    """Make a GLB of a mesh of type `obj`, `ply` or `glb`, its colours as a texture.

    Raises UnreadableMeshError.
    """
    try:
        return _convert(file, file_type, Companions(companions))
    except UnreadableMeshError:
        raise
    except MemoryError as exc:
        raise UnreadableMeshError("it is too large to be read here") from exc
    except Exception as exc:  # a parser of untrusted files raises what it likes
        raise UnreadableMeshError(f"it cannot be parsed ({type(exc).__name__})") from exc


def _convert(file: BinaryIO, file_type: str, companions: Companions) -> bytes:
    scene = trimesh.load_scene(file, file_type=file_type, resolver=companions, process=False)
    meshes = {k: v for k, v in scene.geometry.items() if isinstance(v, trimesh.Trimesh)}
    if not any(len(mesh.faces) for mesh in meshes.values()):
        raise UnreadableMeshError("there are no faces in it")
    for name, mesh in meshes.items():
        visual: Any = mesh.visual
        if visual.kind == "vertex":
            scene.geometry[name] = _textured(mesh, visual.vertex_colors[mesh.faces])
        elif visual.kind == "face":
            scene.geometry[name] = _textured(mesh, np.repeat(visual.face_colors[:, None], 3, 1))
    made = bytes(export_glb(scene, tree_postprocessor=_finish))  # type: ignore[no-untyped-call]
    most = read_settings().viewer_max_mb
    if len(made) > most * 1_000_000:  # who asked for it would hold all of it in memory
        raise UnreadableMeshError(f"it is larger than {most} MB once it is made ready")
    return made


def _textured(mesh: trimesh.Trimesh, colors: Any) -> trimesh.Trimesh:
    """Turn the colours of faces' corners (n, 3, 3 or 4) into a texture: the viewer knows no others.

    Each face gets two by two texels, of which three are its corners' colours and the fourth goes
    on in the same plane: between them, the texture is what the colours would be.
    """
    count = len(mesh.faces)
    side = math.ceil(math.sqrt(count))
    row, column = (2 * place for place in np.divmod(np.arange(count), side))
    first, second, third = colors[:, :, :3].astype(np.int16).swapaxes(0, 1)
    texture = np.zeros((2 * side, 2 * side, 3), np.uint8)
    texture[row, column], texture[row, column + 1], texture[row + 1, column] = first, second, third
    texture[row + 1, column + 1] = np.clip(second + third - first, 0, 255)
    across = column[:, None] + [0.5, 1.5, 0.5]
    up = 2 * side - (row[:, None] + [0.5, 0.5, 1.5])
    coat = PBRMaterial(  # type: ignore[no-untyped-call]
        name=BAKED, baseColorTexture=Image.fromarray(texture), roughnessFactor=1.0
    )
    places = np.stack([across, up], axis=-1).reshape(-1, 2) / (2 * side)
    return trimesh.Trimesh(
        mesh.triangles.reshape(-1, 3),
        np.arange(3 * count).reshape(-1, 3),
        visual=TextureVisuals(uv=places, material=coat),  # type: ignore[no-untyped-call]
        process=False,
    )


def _finish(tree: dict[str, Any]) -> None:
    """Show textures as they are: an MTL without a colour does not mean trimesh's grey."""
    for material in tree.get("materials", []):
        surface = material.get("pbrMetallicRoughness", {})
        if "baseColorTexture" in surface:
            surface.pop("baseColorFactor", None)
            if material.get("name") == BAKED:
                tree["samplers"] = [BAKED_SAMPLER]
                tree["textures"][surface["baseColorTexture"]["index"]]["sampler"] = 0


def main() -> None:
    """Read a mesh from standard input, its type and `name=descriptor`s from the command line.

    Prints a GLB, or as JSON why there is none.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_MAX_S, PROCESSOR_MAX_S))
    companions = {}
    for argument in sys.argv[2:]:
        name, _, descriptor = argument.partition("=")
        with os.fdopen(int(descriptor), "rb") as file:
            companions[name] = file.read()
    try:
        answer = convert(sys.stdin.buffer, sys.argv[1], companions)
    except UnreadableMeshError as exc:
        answer = json.dumps({"problem": str(exc)}).encode()
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
