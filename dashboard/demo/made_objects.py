"""Objects that people made: vases, amphorae, teapots, helmets, columns and a knot."""

import numpy as np

from dashboard.demo.surfaces import (
    COLUMNS,
    ROWS,
    TUBE_COLUMNS,
    TUBE_ROWS,
    Random,
    Surface,
    smooth_curve,
    tube,
    turn,
    vessel,
)


def vase(random: Random) -> tuple[list[Surface], float]:
    """A vase, sometimes lobed."""
    foot, belly = random.uniform(0.22, 0.32), random.uniform(0.5, 0.68)
    neck, lip = random.uniform(0.17, 0.26), random.uniform(0.3, 0.42)
    swell = random.uniform(0.5, 0.85)
    outside: list[tuple[float, ...]] = [
        (0.0, 0.0), (foot * 0.9, 0.0), (foot, 0.03), (foot * 0.92, 0.1), (belly, swell),
        (neck * 1.25, 1.22), (neck, 1.38), (neck * 1.1, 1.5), (lip, 1.66),
    ]  # fmt: skip
    points, angles = turn(vessel(outside, 0.035, 0.08, ROWS // 2), COLUMNS)
    lobes = int(random.choice([0, 0, 6, 9]))
    points[..., [0, 2]] *= (1 + 0.03 * np.cos(lobes * angles) * (lobes > 0))[None, :, None]
    return [Surface(points, "glaze")], 0.8


def amphora(random: Random) -> tuple[list[Surface], float]:
    """An amphora with two handles."""
    belly, neck = random.uniform(0.44, 0.54), random.uniform(0.14, 0.18)
    outside: list[tuple[float, ...]] = [
        (0.0, 0.0), (0.17, 0.0), (0.19, 0.04), (0.12, 0.12), (0.3, 0.42), (belly, 0.92),
        (belly * 0.86, 1.16), (neck * 1.2, 1.36), (neck, 1.5), (neck * 1.1, 1.68), (0.25, 1.78),
        (0.25, 1.83),
    ]  # fmt: skip
    body, _ = turn(vessel(outside, 0.03, 0.12, ROWS // 2), COLUMNS)
    handles = [_handle(side, neck, belly) for side in (-1.0, 1.0)]
    return [Surface(body, "pottery"), *handles], 0.25


def _handle(side: float, neck: float, belly: float) -> Surface:
    knots: list[tuple[float, ...]] = [
        (side * neck * 0.9, 1.62, 0.0), (side * 0.36, 1.7, 0.0), (side * 0.5, 1.5, 0.0),
        (side * (belly * 0.96), 1.27, 0.0), (side * belly * 0.8, 1.1, 0.0),
    ]  # fmt: skip
    path = smooth_curve(knots, TUBE_ROWS)
    radius = np.full(TUBE_ROWS, 0.035)
    upright = np.array([0.0, 0.0, 1.0])
    return Surface(tube(path, radius * 1.5, radius, TUBE_COLUMNS, upright), "plain_clay")


def teapot(random: Random) -> tuple[list[Surface], float]:
    """A teapot: body with lid, spout and handle."""
    belly, high = random.uniform(0.7, 0.82), random.uniform(0.36, 0.46)
    knots: list[tuple[float, ...]] = [
        (0.0, 0.0), (0.4, 0.0), (0.44, 0.03), (0.46, 0.08), (belly, high), (belly * 0.9, 0.66),
        (0.45, 0.88), (0.43, 0.92), (0.38, 0.94), (0.22, 1.01), (0.07, 1.05), (0.06, 1.1),
        (0.12, 1.17), (0.08, 1.25), (0.0, 1.27),
    ]  # fmt: skip
    body, _ = turn(smooth_curve(knots, ROWS), COLUMNS)
    spout = smooth_curve([(0.55, 0.26, 0), (0.86, 0.4, 0), (1.0, 0.68, 0), (1.2, 0.92, 0)], 90)
    bow = smooth_curve(
        [(-0.6, 0.74, 0), (-0.95, 0.86, 0), (-1.16, 0.66, 0), (-1.0, 0.36, 0), (-0.66, 0.24, 0)], 90
    )
    taper = np.linspace(0.19, 0.07, 90)
    upright = np.array([0.0, 0.0, 1.0])
    return [
        Surface(body, "porcelain"),
        Surface(tube(spout, taper, taper, TUBE_COLUMNS, upright), "porcelain_rim"),
        Surface(tube(bow, np.full(90, 0.075), np.full(90, 0.05), 41, upright), "porcelain_rim"),
    ], 1.0


def helmet(random: Random) -> tuple[list[Surface], float]:
    """A crested helmet, its face cut out."""
    flare = random.uniform(0.8, 0.88)
    knots: list[tuple[float, ...]] = [
        (0.0, 1.1), (0.3, 1.05), (0.56, 0.84), (0.68, 0.5), (0.68, 0.2), (0.7, 0.05),
        (0.73, -0.12), (flare, -0.3), (flare, -0.33), (0.69, -0.13), (0.65, 0.05), (0.63, 0.2),
        (0.63, 0.5), (0.52, 0.8), (0.28, 1.0), (0.0, 1.05),
    ]  # fmt: skip
    bowl, angles = turn(smooth_curve(knots, ROWS), COLUMNS)
    front = np.exp(-(((angles - np.pi / 2) / 0.75) ** 4))  # the face is cut out of the rim
    low = np.clip(0.28 - bowl[..., 1], 0, None)
    bowl[..., 1] += 0.86 * front[None] * low
    bowl[..., 0] *= 0.84
    arc = np.linspace(np.radians(12), np.radians(196), TUBE_ROWS)
    swell = 0.05 + 0.15 * np.sin(np.linspace(0, np.pi, TUBE_ROWS)) ** 0.6
    path = np.stack([np.zeros(TUBE_ROWS), 0.42 + 0.8 * np.sin(arc), 0.78 * np.cos(arc)], axis=1)
    crest = tube(path, swell * 0.42, swell, TUBE_COLUMNS, np.array([1.0, 0.0, 0.0]))
    return [Surface(bowl, "patina"), Surface(crest, "plume")], 0.5


def column(random: Random) -> tuple[list[Surface], float]:
    """A fluted column between square slabs."""
    knots: list[tuple[float, ...]] = [
        (0.0, 0.0), (0.4, 0.0), (0.41, 0.01), (0.41, 0.11), (0.4, 0.12), (0.37, 0.13),
        (0.4, 0.17), (0.37, 0.21), (0.32, 0.23), (0.34, 0.27), (0.3, 0.31), (0.28, 0.34),
        (0.27, 0.6), (0.235, 1.45), (0.24, 1.5), (0.27, 1.52), (0.24, 1.55), (0.28, 1.62),
        (0.38, 1.7), (0.39, 1.71), (0.4, 1.72), (0.4, 1.81), (0.39, 1.82), (0.0, 1.82),
    ]  # fmt: skip
    profile = smooth_curve(knots, 260)
    points, angles = turn(profile, 241)
    flutes = int(random.integers(14, 21))
    high = profile[:, 1]
    shaft = np.clip((high - 0.34) / 0.05, 0, 1) * np.clip((1.47 - high) / 0.05, 0, 1)
    groove = np.abs(np.sin(flutes * angles / 2))
    square = 1 / np.maximum(np.abs(np.cos(angles)), np.abs(np.sin(angles)))
    slabs = ((high < 0.125) | (high > 1.712))[:, None]
    scale = np.where(slabs, np.minimum(square, 1.33)[None], 1 - 0.13 * shaft[:, None] * groove)
    points[..., [0, 2]] *= scale[..., None]
    return [Surface(points, "marble")], 0.35


def knot(random: Random) -> tuple[list[Surface], float]:
    """A torus knot as a rope."""
    p, q = [(2, 3), (2, 5), (3, 4)][int(random.integers(3))]
    t = np.linspace(0, 2 * np.pi, 640, endpoint=False)
    ring = 1 + 0.42 * np.cos(q * t)
    path = np.stack([ring * np.cos(p * t), ring * np.sin(p * t), 0.5 * np.sin(q * t)], axis=1)
    core = np.stack([np.cos(p * t), np.sin(p * t), np.zeros_like(t)], axis=1)
    thick = np.full(640, random.uniform(0.2, 0.24) - 0.03 * (q > 3))
    return [Surface(tube(path, thick, thick, 65, path - core, closed=True), "candy", True)], 0.9
