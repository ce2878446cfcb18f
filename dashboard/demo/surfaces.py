"""Closed surfaces on a grid: lathes and tubes, the two ways in which every object is built."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import Akima1DInterpolator

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.integer]
Random = np.random.Generator

# Points on the grids of bodies and of tubes: enough for smooth outlines at 768 pixels.
ROWS, COLUMNS = 190, 161
TUBE_ROWS, TUBE_COLUMNS = 90, 41


@dataclass(frozen=True)
class Surface:
    """One closed surface: points (rows, columns, 3), where the last column repeats the first.

    The first and last row are poles (all columns at one point), or the same ring when `loops`.
    `paint` names the function of `textures.py` that colours it.
    """

    points: Floats
    paint: str
    loops: bool = False

    @property
    def area(self) -> float:
        """The area in square object units, close enough to share out texture space."""
        across = np.linalg.norm(np.diff(self.points, axis=1), axis=2)
        along = np.linalg.norm(np.diff(self.points, axis=0), axis=2)
        return float((across[:-1] * along[:, :-1]).sum())


def smooth_curve(points: list[tuple[float, ...]], samples: int) -> Floats:
    """Draw an Akima spline through points (n, d), sampled at equal distances: (samples, d)."""
    knots = np.asarray(points, dtype=float)
    spline = Akima1DInterpolator(_travelled(knots), knots, axis=0)
    dense: Floats = spline(np.linspace(0, _travelled(knots)[-1], samples * 8))
    travelled = _travelled(dense)
    wanted = np.linspace(0, travelled[-1], samples)
    columns = [np.interp(wanted, travelled, dense[:, i]) for i in range(dense.shape[1])]
    return np.stack(columns, axis=1)


def _travelled(points: Floats) -> Floats:
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def turn(profile: Floats, columns: int) -> tuple[Floats, Floats]:
    """Turn a profile (rows, 2) of radius and height about the y axis.

    Gives points (rows, columns, 3) and the angle of each column in radians.
    """
    angles = np.linspace(0, 2 * np.pi, columns)
    ring = np.stack([np.cos(angles), np.zeros(columns), np.sin(angles)], axis=-1)
    points = profile[:, None, :1] * ring[None]
    points[..., 1] = profile[:, None, 1]
    points[:, -1] = points[:, 0]
    return points, angles


def vessel(outside: list[tuple[float, ...]], wall: float, floor: float, rows: int) -> Floats:
    """Give an outer profile its inside: over the lip and down to the floor, `wall` apart."""
    outer = smooth_curve(outside, rows)
    along = unit(np.gradient(outer, axis=0))
    inner = outer + wall * np.stack([-along[:, 1], along[:, 0]], axis=1)
    inner = inner[(inner[:, 1] > floor) & (outer[:, 1] > floor + wall) & (inner[:, 0] > 0.01)]
    lip = (outer[-1] + inner[-1]) / 2 + along[-1] * wall / 2
    bottom = [[inner[0, 0] * 0.7, floor], [inner[0, 0] * 0.35, floor], [0.0, floor]]
    return np.concatenate([outer, lip[None], inner[::-1], bottom])


def tube(
    path: Floats, width: Floats, depth: Floats, columns: int, side: Floats, *, closed: bool = False
) -> Floats:
    """Sweep an ellipse along a path (rows, 3): points (rows, columns, 3).

    `side` (3,) or (rows, 3) is roughly where the ellipse's `width` points; `depth` is across it.
    An open tube is closed by a pole at either end.
    """
    around = np.concatenate([path[-1:], path, path[:1]]) if closed else path
    tangent: Floats = np.gradient(around, axis=0)
    tangent = unit(tangent[1:-1] if closed else tangent)
    sides: Floats = np.broadcast_to(side, path.shape)
    sides = unit(sides - (sides * tangent).sum(axis=1, keepdims=True) * tangent)
    across = np.cross(tangent, sides)
    angles = np.linspace(0, 2 * np.pi, columns)[None, :, None]
    points = (
        path[:, None]
        + np.cos(angles) * (width[:, None] * sides)[:, None]
        + np.sin(angles) * (depth[:, None] * across)[:, None]
    )
    points[:, -1] = points[:, 0]
    if closed:
        return np.concatenate([points, points[:1]])
    poles = [np.broadcast_to(end, (1, columns, 3)) for end in (path[0], path[-1])]
    return np.concatenate([poles[0], points, poles[1]])


def unit(vectors: Floats) -> Floats:
    """Scale vectors (..., 3) to length 1; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Floats = vectors / np.maximum(length, 1e-12)
    return scaled


def grid_faces(rows: int, columns: int) -> Integers:
    """Triangulate a grid of points numbered row by row: (2 * (rows - 1) * (columns - 1), 3)."""
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
    lower = np.stack([corner, corner + columns, corner + 1], axis=1)
    upper = np.stack([corner + 1, corner + columns, corner + columns + 1], axis=1)
    return np.concatenate([lower, upper])
