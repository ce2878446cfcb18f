"""Paints for fired clay: glaze for vases, black figures for amphorae, porcelain for teapots."""

import numpy as np
from scipy.spatial import cKDTree

from dashboard.demo.canvas import Canvas, between, mix, pick, step, worn
from dashboard.demo.surfaces import Floats, unit


def glaze(canvas: Canvas) -> Floats:
    """A vase dipped twice: a clay foot, a body glaze, and a second glaze running from the lip."""
    clay, body, run, fleck = pick(
        canvas,
        ("#b9855a", "#2f6f8f", "#e8efe6", "#153c55"), ("#a8693f", "#7fae93", "#2d5d62", "#f3ecd2"),
        ("#8d5b3e", "#d9a441", "#7a2f1d", "#fbe6a8"), ("#c79a74", "#4b4f8c", "#c9d4f2", "#23264f"),
        ("#9c6b50", "#b5483a", "#f2d9b8", "#5e1a14"),
    )  # fmt: skip
    high = canvas.points[..., 1]
    cloud, grain = canvas.cloud.at(canvas.points), canvas.grain.at(canvas.points)
    colour = mix(np.broadcast_to(body, canvas.points.shape), fleck, 0.16 * cloud + 0.2)
    sides = np.arctan2(canvas.points[..., 2], canvas.points[..., 0])
    tongues = 0.07 * np.sin(7 * sides) + 0.05 * np.sin(12 * sides + 1) + 0.05 * cloud
    front = high - 0.2 - tongues
    colour = mix(colour, run, step(front, 0.0, 0.02))
    colour = mix(colour, fleck, 0.6 * np.exp(-((front / 0.018) ** 2)))
    colour = mix(colour, fleck, 0.55 * step(grain, 2.1, 0.3))
    return mix(colour, clay, step(-high, 0.86 + 0.01 * float(cloud.mean()), 0.015))


def pottery(canvas: Canvas) -> Floats:
    """Greek pottery: orange clay with black glaze, a meander and two friezes."""
    clay, black = pick(
        canvas, ("#cf7a43", "#241b18"), ("#d99a5b", "#3a1d16"), ("#c46a3a", "#1d2230")
    )
    clay = worn(canvas, clay)
    high = canvas.points[..., 1]
    low, tall = float(high.min()), float(high.max() - high.min())
    level = (high - low) / tall
    ink = between(level, 0.0, 0.13) + between(level, 0.30, 0.34) + between(level, 0.66, 0.69)
    ink += between(level, 0.79, 1.0) + _meander(canvas.u * 18, (level - 0.36) / 0.075)
    ink += between(level, 0.452, 0.46) + _rays(canvas.u * 22, (level - 0.14) / 0.13)
    ink += _tongues(canvas.u * 34, (level - 0.7) / 0.075) + between(level, 0.50, 0.515)
    ink += _waves(canvas.u * 12, (level - 0.53) / 0.12)
    faded = 0.97 - 0.12 * np.clip(canvas.grain.at(canvas.points) - 0.8, 0, 3)
    return mix(clay, black, np.clip(ink, 0, 1) * faded)


def _meander(across: Floats, up: Floats) -> Floats:
    """A Greek key, from a five by five bitmap per unit."""
    key = np.array(
        [[1, 1, 1, 1, 1], [1, 0, 0, 0, 0], [1, 0, 1, 1, 0], [1, 0, 0, 1, 0], [1, 1, 1, 1, 0]]
    )
    column = np.floor((across % 1) * 5).astype(int)
    row = np.floor(np.clip(1 - up, 0, 0.999) * 5).astype(int)
    inside = (up > 0) & (up < 1)
    return np.where(inside, key[row, np.broadcast_to(column, row.shape)], 0).astype(np.float32)


def _rays(across: Floats, up: Floats) -> Floats:
    return step((1 - np.abs(across % 1 - 0.5) * 2) - up, 0, 0.06) * ((up > 0) & (up < 1))


def _tongues(across: Floats, up: Floats) -> Floats:
    return step(0.36 - np.abs(across % 1 - 0.5), 0, 0.1) * ((up > 0.1) & (up < 0.95))


def _waves(across: Floats, up: Floats) -> Floats:
    crest = 0.45 + 0.33 * np.sin(2 * np.pi * across)
    return step(0.11 - np.abs(up - crest), 0, 0.05) * ((up > 0) & (up < 1))


def plain_clay(canvas: Canvas) -> Floats:
    _, black = pick(canvas, ("#cf7a43", "#241b18"), ("#d99a5b", "#3a1d16"), ("#c46a3a", "#1d2230"))
    return worn(canvas, black)


def porcelain(canvas: Canvas) -> Floats:
    """White porcelain with flowers in one colour and rings at foot and rim."""
    white, ink, pale = pick(
        canvas, ("#f3f4f6", "#23479b", "#86a5dd"), ("#f6f1ea", "#a33a4c", "#e3a3a8"),
        ("#eef4f0", "#1f6d5c", "#8cc4b2"),
    )  # fmt: skip
    points = canvas.points
    colour = mix(np.broadcast_to(white, points.shape), pale, 0.05 * canvas.cloud.at(points) + 0.03)
    centres, turns = _flower_places(canvas)
    offset = points - centres
    reach = np.linalg.norm(offset, axis=-1)
    petal = 0.085 + 0.035 * np.cos(5 * _round_about(points, centres) + turns)
    colour = mix(colour, pale, step(petal - reach, 0, 0.012))
    colour = mix(colour, ink, step(0.010 - np.abs(petal - reach), 0, 0.006))
    colour = mix(colour, ink, step(0.03 - reach, 0, 0.01))
    level = canvas.v + 0 * points[..., 0]
    for ring in (0.16, 0.175, 0.585, 0.6, 0.66, 0.92):
        colour = mix(colour, ink, between(level, ring, ring + 0.007))
    return colour


def _flower_places(canvas: Canvas) -> tuple[Floats, Floats]:
    """Scatter flowers over the surface, apart; give each texel the nearest and its turn."""
    cells = canvas.points[::16, ::16].reshape(-1, 3)
    chosen = [cells[0]]
    for candidate in canvas.random.permutation(cells):
        if np.linalg.norm(np.array(chosen) - candidate, axis=1).min() > 0.27:
            chosen.append(candidate)
    _, nearest = cKDTree(np.array(chosen)).query(canvas.points.reshape(-1, 3))
    nearest = nearest.reshape(canvas.points.shape[:2])
    return np.array(chosen)[nearest], (nearest * 2.4).astype(np.float32)


def _round_about(points: Floats, centres: Floats) -> Floats:
    """The angle of points around the nearest centre, seen from outside, in radians."""
    outward = unit(centres * np.array([1, 0.3, 1]))
    across = unit(np.cross(np.array([0.0, 1.0, 0.0]), outward))
    upward = np.cross(outward, across)
    offset = points - centres
    angle: Floats = np.arctan2((offset * upward).sum(-1), (offset * across).sum(-1))
    return angle


def porcelain_rim(canvas: Canvas) -> Floats:
    white, ink, _ = pick(
        canvas, ("#f3f4f6", "#23479b", "#86a5dd"), ("#f6f1ea", "#a33a4c", "#e3a3a8"),
        ("#eef4f0", "#1f6d5c", "#8cc4b2"),
    )  # fmt: skip
    colour = np.broadcast_to(white, canvas.points.shape)
    spiral = np.sin(2 * np.pi * (canvas.v * 9 + canvas.u))
    return mix(colour, ink, step(spiral, 0.78, 0.12))
