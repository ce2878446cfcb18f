"""The two stand-in models: each makes its own, imperfect copy of the reference object."""

from dataclasses import dataclass, replace

import fast_simplification
import numpy as np
import trimesh
from scipy import ndimage
from scipy.spatial import cKDTree

from dashboard.demo.noise import SolidNoise
from dashboard.demo.objects import ReferenceObject
from dashboard.demo.surfaces import Floats, Integers, Surface
from dashboard.demo.textured_mesh import (
    TEXTURE_EDGE_PX,
    Band,
    TexturedMesh,
    assemble,
    bands_of,
    joined,
    smooth_normals,
    solid,
)


@dataclass(frozen=True)
class Recipe:
    """How far a copy departs from its reference; lengths are in object units.

    `faces` in all; `bumps` and `noise` are standard deviations of the smooth and of the rough
    error of the surface; `drift` is how far the texture slips; `blur_px` and `levels` are the
    texture's blur, at 1024 pixels, and its number of values per channel; `exposure` multiplies
    its brightness.
    """

    faces: int
    bumps: float
    noise: float
    smoothing: int
    drift: float
    blur_px: float
    levels: int
    exposure: float

    def worse(self, by: float) -> "Recipe":
        """Multiply every error; the number of faces falls with its square root."""
        return replace(
            self,
            faces=round(self.faces / by**0.5),
            bumps=self.bumps * by,
            noise=self.noise * by,
            drift=self.drift * by,
            blur_px=self.blur_px * by,
            exposure=1 + (self.exposure - 1) * by,
        )


RECIPES = {
    # A generative model: smooth and soft, with few faces, slightly wrong in shape and tone.
    "reconviagen": Recipe(
        faces=4800, bumps=0.006, noise=0.0, smoothing=6, drift=0.008, blur_px=2.2, levels=28,
        exposure=0.97,
    ),
    # An optimiser: true in shape and sharp in texture, with a rough surface.
    "nvdiffrec": Recipe(
        faces=9000, bumps=0.0032, noise=0.0026, smoothing=0, drift=0.005, blur_px=1.6, levels=64,
        exposure=1.02,
    ),
}  # fmt: skip


def reconstruct(
    thing: ReferenceObject, texture: Floats, recipe: Recipe, random: np.random.Generator
) -> TexturedMesh:
    """Make one copy of the reference object: decimated, displaced, smoothed, retextured."""
    bumps = SolidNoise(random, 2.6)
    areas = np.array([surface.area for surface in thing.surfaces])
    pieces = []
    for surface, band, share in zip(
        thing.surfaces, bands_of(thing.surfaces), areas / areas.sum(), strict=True
    ):
        vertices, faces = _decimated(surface, max(400, round(recipe.faces * share)))
        place = _surface_coordinates(surface, vertices + recipe.drift * _swirl(bumps, vertices))
        vertices = _displaced(vertices, faces, recipe, bumps, random)
        pieces.append(_unwrapped(vertices, faces, place, band, surface.loops))
    return assemble(pieces, _dulled(texture, recipe), thing.gloss)


def _decimated(surface: Surface, target: int) -> tuple[Floats, Integers]:
    vertices, faces = joined(*solid(surface))
    fewer, corners = fast_simplification.simplify(
        vertices.astype(np.float32), faces.astype(np.int32), target_count=min(target, len(faces))
    )
    return np.asarray(fewer, dtype=np.float64), np.asarray(corners, dtype=np.int64)


def _surface_coordinates(surface: Surface, points: Floats) -> Floats:
    """Find where points (n, 3) lie on a surface: u, v (0 to 1) and whether at a pole, (n, 3).

    The nearest grid point, then one Gauss-Newton step along the surface from there.
    """
    rows, columns = surface.points.shape[:2]
    along_v, along_u = np.gradient(surface.points, axis=0), np.gradient(surface.points, axis=1)
    _, nearest = cKDTree(surface.points[:, :-1].reshape(-1, 3)).query(points)
    row, column = np.divmod(nearest, columns - 1)
    offset = points - surface.points[row, column]
    step_u, step_v = (
        np.clip((offset * d).sum(axis=1) / np.maximum((d * d).sum(axis=1), 1e-9), -0.5, 0.5)
        for d in (along_u[row, column], along_v[row, column])
    )
    pole = ((row == 0) | (row == rows - 1)) & (not surface.loops)
    u = (column + np.where(pole, 0, step_u)) / (columns - 1)
    return np.stack([u, np.clip((row + step_v) / (rows - 1), 0, 1), pole], axis=1)


def _swirl(bumps: SolidNoise, points: Floats) -> Floats:
    """A smooth random displacement of points (n, 3); both sides of a thin wall move alike."""
    return np.stack([bumps.at(points + shift, 1.9) for shift in (0.3, 0.9, 1.5)], axis=1)


def _displaced(
    vertices: Floats, faces: Integers, recipe: Recipe, bumps: SolidNoise,
    random: np.random.Generator,
) -> Floats:  # fmt: skip
    """Bend the whole, roughen along the normals, then smooth with trimesh (Taubin's filter)."""
    rough = recipe.noise * random.standard_normal((len(vertices), 1))
    moved = vertices + recipe.bumps * _swirl(bumps, vertices + 0.2)
    moved = moved + rough * smooth_normals(vertices, faces)
    if not recipe.smoothing:
        return moved
    body = trimesh.Trimesh(moved, faces, process=False)
    trimesh.smoothing.filter_taubin(body, lamb=0.5, nu=0.45, iterations=recipe.smoothing)  # type: ignore[no-untyped-call]
    return np.asarray(body.vertices)


def _unwrapped(
    vertices: Floats, faces: Integers, place: Floats, band: Band, loops: bool
) -> tuple[Floats, Integers, Floats]:
    """Give each face coordinates without a jump, splitting vertices where the seam runs.

    A face across the seam gets u beyond 1, which repeats; a pole takes the u of its neighbours.
    """
    u, v, pole = (place[faces][..., i] for i in range(3))
    first = np.argmin(pole, axis=1)[:, None]
    anchor = np.take_along_axis(u, first, axis=1)
    u = u + np.round(anchor - u)
    known = np.maximum((1 - pole).sum(axis=1, keepdims=True), 1)
    u = np.where(pole > 0, (u * (1 - pole)).sum(axis=1, keepdims=True) / known, u)
    if loops:
        v = v + np.round(np.take_along_axis(v, first, axis=1) - v)
    corners = np.stack([faces, np.round(u * 1e5), np.round(v * 1e5)], axis=-1).reshape(-1, 3)
    unique, index = np.unique(corners.astype(np.int64), axis=0, return_inverse=True)
    uv = unique[:, 1:] / 1e5
    uv[:, 1] = band.place(uv[:, 1])
    return vertices[unique[:, 0]], index.reshape(-1, 3), uv


def _dulled(texture: Floats, recipe: Recipe) -> Floats:
    """Blur the texture, change its exposure and leave it few values per channel."""
    blur = recipe.blur_px * len(texture) / TEXTURE_EDGE_PX
    soft = ndimage.gaussian_filter(texture, (blur, blur, 0), mode="wrap")
    values = np.clip(soft * recipe.exposure, 0, 1) * (recipe.levels - 1)
    few: Floats = np.round(values) / (recipe.levels - 1)
    return few
