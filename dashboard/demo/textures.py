"""The texture of an object: each of its surfaces painted into a band of one picture."""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from dashboard.demo import ceramic_paints, natural_paints
from dashboard.demo.canvas import Canvas
from dashboard.demo.noise import SolidNoise
from dashboard.demo.objects import ReferenceObject
from dashboard.demo.surfaces import Floats, Surface, unit
from dashboard.demo.textured_mesh import INSET_PX, TEXTURE_EDGE_PX, Band, bands_of

PAINTS: dict[str, Callable[[Canvas], Floats]] = {
    "candy": natural_paints.candy,
    "fly_agaric": natural_paints.fly_agaric,
    "glaze": ceramic_paints.glaze,
    "marble": natural_paints.marble,
    "nacre": natural_paints.nacre,
    "patina": natural_paints.patina,
    "plain_clay": ceramic_paints.plain_clay,
    "plume": natural_paints.plume,
    "porcelain": ceramic_paints.porcelain,
    "porcelain_rim": ceramic_paints.porcelain_rim,
    "pottery": ceramic_paints.pottery,
    "pumpkin": natural_paints.pumpkin,
    "stalk": natural_paints.stalk,
    "strata": natural_paints.strata,
}


def paint_texture(
    thing: ReferenceObject, random: np.random.Generator, edge_px: int = TEXTURE_EDGE_PX
) -> Floats:
    """Paint all surfaces into one texture (edge, edge, 3) of sRGB values in 0..1."""
    cloud, grain = SolidNoise(random, 2.9), SolidNoise(random, 1.9)
    texture = np.zeros((edge_px, edge_px, 3), dtype=np.float32)
    palette_seed = int(random.integers(2**32))
    for surface, band in zip(thing.surfaces, bands_of(thing.surfaces), strict=True):
        top, bottom = _rows(band, edge_px)
        rows = (np.arange(top, bottom) + 0.5) / edge_px
        v = np.clip((1 - rows - band.low) / (band.high - band.low), 0, 1)[:, None]
        u = ((np.arange(edge_px) + 0.5) / edge_px)[None]
        same_palette = np.random.default_rng(palette_seed)
        points, normals = _texels(surface, u, v)
        canvas = Canvas(points, normals, u, v, same_palette, cloud, grain)
        texture[top:bottom] = PAINTS[surface.paint](canvas)
    return np.clip(texture, 0, 1)


def _rows(band: Band, edge_px: int) -> tuple[int, int]:
    if (band.low, band.high) == (0.0, 1.0):
        return 0, edge_px
    inset = INSET_PX / TEXTURE_EDGE_PX
    top = round((1 - band.high - inset) * edge_px)
    return max(top, 0), min(round((1 - band.low + inset) * edge_px), edge_px)


def _texels(surface: Surface, u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Place texels at surface coordinates: points and normals, each (h, w, 3)."""
    rows, columns = surface.points.shape[:2]
    where = np.broadcast_arrays(v * (rows - 1), u * (columns - 1))
    normals = unit(
        np.cross(np.gradient(surface.points, axis=1), np.gradient(surface.points, axis=0))
    )
    if (normals * surface.points).sum() < 0:
        normals = -normals
    return _sampled(surface.points, where), unit(_sampled(normals, where))


def _sampled(grid: Floats, where: tuple[Floats, ...]) -> Floats:
    planes = [
        ndimage.map_coordinates(grid[..., i].astype(np.float32), where, order=1, mode="nearest")
        for i in range(3)
    ]
    return np.stack(planes, axis=-1)
