"""A textured triangle mesh as plain arrays, and how the reference object becomes one."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dashboard.demo.objects import ReferenceObject
from dashboard.demo.surfaces import Floats, Integers, Surface, grid_faces, unit

TEXTURE_EDGE_PX = 1024
INSET_PX = 3  # kept between two surfaces in the texture, so that neither bleeds into the other
SAME_PLACE = 1e-6  # object units: vertices closer than this are one vertex of the solid


@dataclass(frozen=True)
class TexturedMesh:
    """Vertices (n, 3), faces (m, 3), UV (n, 2), normals (n, 3) and a texture (h, w, 3) uint8.

    UV has its origin at the lower left and repeats: a face across a seam reaches beyond 1.
    Vertices on a seam are there twice, so the mesh is closed only by position.
    """

    vertices: Floats
    faces: Integers
    uv: Floats
    normals: Floats
    texture: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]
    gloss: float


@dataclass(frozen=True)
class Band:
    """The part of the texture, as a range of V, that one surface has to itself."""

    low: float
    high: float

    def place(self, v: Floats) -> Floats:
        """Map 0..1 along a surface into this band."""
        return self.low + v * (self.high - self.low)


def bands_of(surfaces: tuple[Surface, ...]) -> list[Band]:
    """Share the texture out by area, full width each; a looping surface has it alone."""
    if len(surfaces) == 1 and surfaces[0].loops:
        return [Band(0.0, 1.0)]
    weights = np.sqrt([surface.area for surface in surfaces])
    ends = np.concatenate([[0.0], np.cumsum(weights / weights.sum())])
    inset = INSET_PX / TEXTURE_EDGE_PX
    return [Band(low + inset, high - inset) for low, high in pairwise(ends)]


def reference_mesh(thing: ReferenceObject, texture: Floats) -> TexturedMesh:
    """Triangulate the reference object as finely as its grids, with its texture on."""
    pieces = []
    for surface, band in zip(thing.surfaces, bands_of(thing.surfaces), strict=True):
        vertices, faces = solid(surface)
        rows, columns = surface.points.shape[:2]
        u = np.broadcast_to(np.linspace(0, 1, columns), (rows, columns)).reshape(-1)
        v = np.repeat(band.place(np.linspace(0, 1, rows)), columns)
        pieces.append((vertices, faces, np.stack([u, v], axis=1)))
    return assemble(pieces, texture, thing.gloss)


def assemble(
    pieces: list[tuple[Floats, Integers, Floats]], texture: Floats, gloss: float
) -> TexturedMesh:
    """Put pieces (vertices, faces, UV) together into one mesh with smooth normals."""
    starts = np.cumsum([0, *(len(vertices) for vertices, _, _ in pieces)])
    vertices = np.concatenate([vertices for vertices, _, _ in pieces])
    faces = np.concatenate([f + at for (_, f, _), at in zip(pieces, starts, strict=False)])
    return TexturedMesh(
        vertices=vertices,
        faces=faces,
        uv=np.concatenate([uv for _, _, uv in pieces]),
        normals=smooth_normals(vertices, faces),
        texture=np.round(np.clip(texture, 0, 1) * 255).astype(np.uint8),
        gloss=gloss,
    )


def solid(surface: Surface) -> tuple[Floats, Integers]:
    """Triangulate one surface, faces outwards and none of them without area."""
    rows, columns = surface.points.shape[:2]
    vertices, faces = surface.points.reshape(-1, 3), grid_faces(rows, columns)
    corners = vertices[faces]
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    faces = faces[np.linalg.norm(crossed, axis=1) > 1e-12]
    return vertices, faces if enclosed_volume(vertices, faces) > 0 else faces[:, ::-1]


def enclosed_volume(vertices: Floats, faces: Integers) -> float:
    """The signed volume inside closed faces, in cubic object units (divergence theorem)."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def joined(vertices: Floats, faces: Integers) -> tuple[Floats, Integers]:
    """Make one vertex of all that share a place, and drop the faces that this collapses."""
    _, first, index = np.unique(
        np.round(vertices / SAME_PLACE).astype(np.int64),
        axis=0, return_index=True, return_inverse=True,
    )  # fmt: skip
    faces = index.reshape(-1)[faces]
    a, b, c = faces.T
    return vertices[first], faces[(a != b) & (b != c) & (c != a)]


def smooth_normals(vertices: Floats, faces: Integers) -> Floats:
    """Average the normals of the faces around each place, weighted by area: (n, 3)."""
    _, place = np.unique(
        np.round(vertices / SAME_PLACE).astype(np.int64), axis=0, return_inverse=True
    )
    place = place.reshape(-1)
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    weighted = np.cross(b - a, c - a)
    owners = place[faces].reshape(-1)
    summed = [np.bincount(owners, np.repeat(weighted[:, i], 3), place.max() + 1) for i in range(3)]
    return unit(np.stack(summed, axis=1))[place]
