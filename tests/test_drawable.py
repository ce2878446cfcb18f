"""What is read off a GLB's head: where its mesh lies, and whether a browser may have it."""

import copy
import io
import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dashboard import drawable
from dashboard.drawable import Drawable, read_drawable
from dashboard.glb import read_head, with_head, write_head
from dashboard.mesh_counts import UnreadableMeshError

Scene = dict[str, Any]


def look(content: bytes) -> Drawable:
    return read_drawable(io.BytesIO(content), len(content))[1]


def textured_box() -> trimesh.Trimesh:
    box = trimesh.creation.box(extents=(1, 2, 4))
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.new("RGB", (4, 4), "red"))
    box.visual = trimesh.visual.TextureVisuals(uv=np.zeros((8, 2)), material=material)
    return box


def box_glb() -> bytes:
    return bytes(textured_box().export(file_type="glb"))


def changed(change: Callable[[Scene], object]) -> bytes:
    """A GLB whose JSON was changed, and nothing else."""
    content = box_glb()
    head = read_head(io.BytesIO(content))
    scene = copy.deepcopy(head.scene)
    change(scene)
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    rest = content[head.end :]
    start = struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A)
    return start + text + rest


def test_the_box_is_that_of_the_placed_mesh() -> None:
    scene = trimesh.Scene()
    for number in range(4):
        turn = trimesh.transformations.rotation_matrix(0.4 + number, [1, number, -1])
        move = trimesh.transformations.translation_matrix([number, -2, 3 * number])
        box = trimesh.creation.box(extents=(1, 2, 3))
        scene.add_geometry(box, transform=move @ turn @ np.diag([2, 1, 1, 1]))
    found = look(bytes(scene.export(file_type="glb")))
    assert found.centre == pytest.approx(scene.bounds.mean(axis=0), abs=1e-5)
    assert found.diagonal == pytest.approx(scene.scale, abs=1e-5)


def test_rotation_scale_and_translation_of_nested_nodes_are_followed() -> None:
    half = math.sqrt(0.5)

    def nest(scene: Scene) -> None:
        mesh = scene["nodes"][-1]["mesh"]
        scene["nodes"] = [
            {"children": [1], "translation": [10, 0, 0], "scale": [2, 2, 2]},
            {"mesh": mesh, "rotation": [0, 0, half, half], "translation": [0, 1, 0]},
        ]
        scene["scenes"] = [{"nodes": [0]}]

    found = look(changed(nest))
    assert found.centre == pytest.approx((10, 2, 0))
    assert found.diagonal == pytest.approx(2 * math.hypot(1, 2, 4))


def test_texture_and_colours_are_told_apart() -> None:
    plain = trimesh.creation.box()
    coloured = trimesh.creation.box()
    coloured.visual.vertex_colors = [255, 0, 0, 255]
    seen = [look(bytes(m.export(file_type="glb"))) for m in (plain, coloured, textured_box())]
    assert [(each.has_texture, each.has_colors) for each in seen] == [
        (False, False),
        (False, True),
        (True, False),
    ]


def test_only_materials_that_do_not_say_so_are_made_matte() -> None:
    def add(scene: Scene) -> None:
        scene["materials"] += [{"pbrMetallicRoughness": {"metallicFactor": 1}}, {}]

    content = changed(add)
    head, _ = read_drawable(io.BytesIO(content), len(content))
    factors = [m["pbrMetallicRoughness"]["metallicFactor"] for m in head.scene["materials"]]
    assert factors == [0, 1, 0]


def test_a_file_with_another_head_is_read_whole_and_in_any_part() -> None:
    content = box_glb()
    head = read_head(io.BytesIO(content))
    rest = content[head.end :]
    written = write_head(head.scene | {"extras": "x" * 99}, len(rest))
    file = with_head(written, io.BytesIO(content), head.end)
    whole = file.read()
    assert whole == written + rest
    assert struct.unpack_from("<I", whole, 8) == (len(whole),)
    for start in (0, 5, len(written) - 1, len(written), len(whole) - 3):
        file.seek(start)
        assert file.read(7) == whole[start : start + 7]
    assert trimesh.load_mesh(io.BytesIO(whole), file_type="glb").faces.shape == (12, 3)


def accessor(number: int, **change: object) -> Callable[[Scene], object]:
    return lambda scene: scene["accessors"][number].update(change)


def position(**change: object) -> Callable[[Scene], object]:
    def put(scene: Scene) -> None:
        [primitive] = scene["meshes"][0]["primitives"]
        scene["accessors"][primitive["attributes"]["POSITION"]].update(change)

    return put


FAULTS: dict[str, tuple[Callable[[Scene], object], str]] = {
    "2^31 vertices": (position(count=2**31), "promises more"),
    "2^31 indices": (accessor(0, count=2**31), "promises more"),
    "no vertices": (position(count=0), "header"),
    "a count that is none": (position(count="8"), "header"),
    "data beyond its view": (position(byteOffset=64), "promises more"),
    "a negative offset": (position(byteOffset=-8), "header"),
    "a view beyond the file": (
        lambda s: s["bufferViews"][0].update(byteLength=2**31),
        "promises more",
    ),
    "another buffer": (lambda s: s["bufferViews"][0].update(buffer=1), "promises more"),
    "no data at all": (lambda s: s["accessors"][0].pop("bufferView"), "header"),
    "NaN bounds": (position(min=[math.nan] * 3), "header"),
    "infinite bounds": (position(max=[math.inf] * 3), "header"),
    "bounds beyond all floats": (position(max=[10**400] * 3), "header"),
    "huge bounds": (position(max=[1e300] * 3), "no size"),
    "bounds of two numbers": (position(min=[0, 0]), "header"),
    "no bounds": (lambda s: [each.pop("min", None) for each in s["accessors"]], "header"),
    "a point": (position(min=[1, 1, 1], max=[1, 1, 1]), "no size"),
    "no scene": (lambda s: s.pop("scenes"), "header"),
    "an empty scene": (lambda s: s["scenes"][0].update(nodes=[]), "nothing in it"),
    "a circle of nodes": (lambda s: s["nodes"][-1].update(children=[0]), "header"),
    "a list of lists": (lambda s: s.update(nodes=[[]]), "header"),
    "another file's buffer": (
        lambda s: s["buffers"][0].update(uri="http://elsewhere.example/x"),
        "other files",
    ),
    "another file's texture": (
        lambda s: s["images"][0].update(uri="../../../secret.png"),
        "other files",
    ),
    "materials that are none": (lambda s: s["materials"].append(7), "header"),
    "Draco": (
        lambda s: s["meshes"][0]["primitives"][0].update(
            extensions={"KHR_draco_mesh_compression": {"bufferView": 0}}
        ),
        "KHR_draco_mesh_compression",
    ),
    "Basis": (
        lambda s: s["textures"][0].update(extensions={"KHR_texture_basisu": {"source": 0}}),
        "KHR_texture_basisu",
    ),
    "KTX": (lambda s: s["images"][0].update(mimeType="image/ktx2"), "its textures"),
    "too many nodes": (
        lambda s: (
            s["nodes"].extend({"children": [n + 1]} for n in range(len(s["nodes"]), 3000)),
            s["nodes"].append({}),
            s["scenes"][0].update(nodes=[2]),
        ),
        "too many parts",
    ),
    "one mesh many times over": (
        lambda s: s["meshes"][0].update(primitives=s["meshes"][0]["primitives"] * 3000),
        "too many parts",
    ),
}


@pytest.mark.parametrize(("change", "told"), FAULTS.values(), ids=FAULTS.keys())
def test_a_scene_that_is_not_to_be_drawn_says_why(
    change: Callable[[Scene], object], told: str
) -> None:
    with pytest.raises(UnreadableMeshError, match=told):
        look(changed(change))


def test_parts_that_share_data_count_it_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawable, "DRAWN_MAX_BYTES", 1000)
    assert look(box_glb())
    with pytest.raises(UnreadableMeshError, match="too many parts"):
        look(changed(lambda s: s["meshes"][0].update(primitives=s["meshes"][0]["primitives"] * 9)))


@pytest.mark.parametrize("part", [0.05, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(part: float) -> None:
    content = box_glb()
    with pytest.raises(UnreadableMeshError):
        look(content[: int(part * len(content))])


@pytest.mark.parametrize("content", [b"", b"glTF", b"\0" * 400, b"{}", b"glTF" + b"\xff" * 400])
def test_what_is_no_glb_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableMeshError):
        look(content)


def places(part: Any) -> list[tuple[Any, Any]]:
    """Every place in a scene where something else could stand."""
    keys = list(part) if isinstance(part, dict) else list(range(len(part)))
    deeper = [
        place for key in keys if isinstance(part[key], dict | list) for place in places(part[key])
    ]
    return [(part, key) for key in keys] + deeper


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.integers(-1, 3), max_size=4),
    st.dictionaries(st.sampled_from(["extensions", "uri", "index"]), st.integers(), max_size=2),
)


@given(data=st.data())
def test_whatever_stands_in_a_head_it_is_drawn_or_refused(data: st.DataObject) -> None:
    def spoil(scene: Scene) -> None:
        for _ in range(data.draw(st.integers(1, 3))):
            part, key = data.draw(st.sampled_from(places(scene)))
            part[key] = data.draw(JUNK)

    content = changed(spoil)
    try:
        head, found = read_drawable(io.BytesIO(content), len(content))
    except UnreadableMeshError:
        return
    assert read_head(io.BytesIO(write_head(head.scene, 0))).scene == head.scene
    assert 0 < found.diagonal < math.inf
