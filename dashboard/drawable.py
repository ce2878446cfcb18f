"""Whether a browser can draw a GLB, and from where: told by its head, without loading it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, BinaryIO

from dashboard.glb import GlbHead, read_binary_length, read_head
from dashboard.mesh_counts import UnreadableMeshError

Vector = tuple[float, float, float]
# Column by column, as glTF has it.
Matrix = list[float]
IDENTITY: Matrix = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]

# glTF 2.0, section 3.6.2: bytes of a component, components of an element.
COMPONENT_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
# The viewer would fetch the decoders of these from a foreign host.
PACKINGS = {"KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression"}
PACKINGS |= {"KHR_texture_basisu"}
PICTURES = {"image/png", "image/jpeg", "image/webp"}
# Each part is drawn by a call of its own; and many parts can name the same data, each taking it.
PARTS_MAX, DRAWN_MAX_BYTES = 2000, 1 << 30
# What 32-bit numbers can still scale to the size of a screen.
DIAGONAL_MIN, DIAGONAL_MAX = 1e-30, 1e30


@dataclass(frozen=True)
class Drawable:
    """The box around a mesh, in the scene's own units, and what gives it colour.

    `has_colors` is about vertices: the viewer draws textures only.
    """

    centre: Vector
    diagonal: float
    has_texture: bool
    has_colors: bool


def read_drawable(file: BinaryIO, size_bytes: int) -> tuple[GlbHead, Drawable]:
    """Look at a GLB from the file's beginning; the head is to be put in place of its own.

    Raises UnreadableMeshError for one that is not to be drawn.
    """
    if not size_bytes:
        raise UnreadableMeshError("it is empty")
    try:
        head = read_head(file)
        binary_bytes = read_binary_length(file, head)
        if max(head.length, head.end + 8 + binary_bytes) > size_bytes:
            raise UnreadableMeshError("it is cut off")
        _check_contained(head.scene)
        _check_accessors(head.scene, binary_bytes)
        return _matte(head), _measure(head.scene)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as exc:
        raise UnreadableMeshError("its header cannot be read") from exc


def _matte(head: GlbHead) -> GlbHead:
    """Take materials that do not say how metallic they are as not metallic.

    glTF's default is all metal, which is black without surroundings to mirror; exporters that
    leave it out do not mean that.
    """
    materials = [dict(material) for material in head.scene.get("materials", [])]
    for material in materials:
        surface = dict(material.get("pbrMetallicRoughness", {}))
        if "metallicRoughnessTexture" not in surface:
            surface.setdefault("metallicFactor", 0.0)
        material["pbrMetallicRoughness"] = surface
    return replace(head, scene=head.scene | {"materials": materials}) if materials else head


def _check_contained(scene: dict[str, Any]) -> None:
    """Refuse what would make the browser ask elsewhere: other files, decoders of packed data."""
    pictures = scene.get("images", [])
    if any("uri" in each for each in [*scene.get("buffers", []), *pictures]):
        raise UnreadableMeshError("it refers to other files")
    packings = PACKINGS & set(_extensions(scene))
    if packings or any(picture.get("mimeType") not in PICTURES for picture in pictures):
        told = ", ".join(sorted(packings)) or "its textures"
        raise UnreadableMeshError(f"it is packed in a way that is not drawn here ({told})")


def _extensions(part: Any) -> Iterator[str]:
    """Name every extension that some part of the scene uses, declared or not."""
    if isinstance(part, dict):
        yield from part.get("extensions") or ()
        part = list(part.values())
    for each in part if isinstance(part, list) else ():
        yield from _extensions(each)


def _check_accessors(scene: dict[str, Any], binary_bytes: int) -> None:
    """Hold every promise of data against the data: a browser takes the memory before it looks."""
    views = scene.get("bufferViews", [])
    ends = [_whole(view, "byteOffset", 0) + _whole(view) for view in views if not view["buffer"]]
    accessors = scene["accessors"]
    room = [_whole(views[accessor["bufferView"]]) for accessor in accessors]
    needed = [_whole(each, "byteOffset", 0) + _data_bytes(each, views) for each in accessors]
    fits = all(a <= b for a, b in zip(needed, room, strict=True))
    if len(ends) < len(views) or max(ends, default=0) > binary_bytes or not fits:
        raise UnreadableMeshError("its header promises more than the file holds")


def _data_bytes(accessor: dict[str, Any], views: list[dict[str, Any]]) -> int:
    """How far an accessor's elements reach, from the first one's beginning."""
    element = COMPONENT_BYTES[accessor["componentType"]] * COMPONENTS[accessor["type"]]
    step = _whole(views[accessor["bufferView"]], "byteStride", element)
    return max(step, element) * (_whole(accessor, "count") - 1) + element


def _whole(part: dict[str, Any], name: str = "byteLength", default: int | None = None) -> int:
    number = part[name] if default is None else part.get(name, default)
    if not isinstance(number, int) or number < (0 if name == "byteOffset" else 1):
        raise ValueError(f"{name} is no such number")
    return number


def _measure(scene: dict[str, Any]) -> Drawable:
    """Put a box around all that is drawn, by the bounds that its parts give themselves."""
    accessors, views = scene["accessors"], scene["bufferViews"]
    low, high = [math.inf] * 3, [-math.inf] * 3
    primitives, drawn_bytes = [], 0
    for primitive, matrix in _drawn(scene):
        attributes = primitive["attributes"]
        primitives.append(primitive)
        drawn_bytes += sum(_data_bytes(accessors[each], views) for each in attributes.values())
        if len(primitives) > PARTS_MAX or drawn_bytes > DRAWN_MAX_BYTES:
            raise UnreadableMeshError("it has too many parts")
        for corner in _corners(accessors[attributes["POSITION"]]):
            point = _place(matrix, corner)
            low, high = list(map(min, low, point)), list(map(max, high, point))
    x, y, z = ((a + b) / 2 for a, b in zip(low, high, strict=True))
    diagonal = math.dist(low, high)
    if not primitives:
        raise UnreadableMeshError("there is nothing in it")
    if not (DIAGONAL_MIN < diagonal < DIAGONAL_MAX and math.isfinite(x + y + z)):
        raise UnreadableMeshError("it has no size")
    return Drawable(
        (x, y, z),
        diagonal,
        any(_is_textured(scene, primitive) for primitive in primitives),
        any("COLOR_0" in primitive["attributes"] for primitive in primitives),
    )


def _drawn(scene: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Matrix]]:
    """Walk the scene that is shown first: each primitive with the matrix that places it."""
    nodes, seen = scene["nodes"], set()
    waiting = [(node, IDENTITY) for node in scene["scenes"][scene.get("scene", 0)]["nodes"]]
    while waiting:
        index, above = waiting.pop()
        if index in seen:
            raise ValueError("a node stands in two places")
        seen.add(index)
        if len(seen) > PARTS_MAX:
            raise UnreadableMeshError("it has too many parts")
        node = nodes[index]
        matrix = _product(above, _matrix(node))
        waiting += [(child, matrix) for child in node.get("children", ())]
        if "mesh" in node:
            yield from ((each, matrix) for each in scene["meshes"][node["mesh"]]["primitives"])


def _corners(accessor: dict[str, Any]) -> Iterator[Vector]:
    if accessor.get("normalized") or accessor["type"] != "VEC3":
        raise ValueError("positions are not given as such")
    xs, ys, zs = zip(accessor["min"], accessor["max"], strict=True)
    yield from product(map(float, xs), map(float, ys), map(float, zs))


def _matrix(node: dict[str, Any]) -> Matrix:
    if "matrix" in node:
        matrix = [float(number) for number in node["matrix"]]
        if len(matrix) != 16:
            raise ValueError("not a matrix")
        return matrix
    x, y, z, w = map(float, node.get("rotation", (0, 0, 0, 1)))
    i, j, k = map(float, node.get("scale", (1, 1, 1)))
    a, b, c = map(float, node.get("translation", (0, 0, 0)))
    return [
        *(i * (1 - 2 * (y * y + z * z)), i * 2 * (x * y + z * w), i * 2 * (x * z - y * w), 0),
        *(j * 2 * (x * y - z * w), j * (1 - 2 * (x * x + z * z)), j * 2 * (y * z + x * w), 0),
        *(k * 2 * (x * z + y * w), k * 2 * (y * z - x * w), k * (1 - 2 * (x * x + y * y)), 0),
        *(a, b, c, 1),
    ]


def _product(a: Matrix, b: Matrix) -> Matrix:
    return [
        sum(a[4 * k + row] * b[4 * column + k] for k in range(4))
        for column in range(4)
        for row in range(4)
    ]


def _place(matrix: Matrix, point: Vector) -> Vector:
    x, y, z = (
        sum(matrix[4 * k + row] * each for k, each in enumerate((*point, 1.0))) for row in range(3)
    )
    return x, y, z


def _is_textured(scene: dict[str, Any], primitive: dict[str, Any]) -> bool:
    if "material" not in primitive or "TEXCOORD_0" not in primitive["attributes"]:
        return False
    material = scene["materials"][primitive["material"]]
    return "baseColorTexture" in material.get("pbrMetallicRoughness", {})
