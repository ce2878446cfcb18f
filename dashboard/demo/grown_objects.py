"""Objects that grew or were found: shells, rocks, mushrooms and squashes."""

from dataclasses import replace

import numpy as np

from dashboard.demo.noise import SolidNoise
from dashboard.demo.surfaces import (
    COLUMNS,
    ROWS,
    TUBE_COLUMNS,
    Floats,
    Random,
    Surface,
    smooth_curve,
    tube,
    turn,
    unit,
)


def shell(random: Random) -> tuple[list[Surface], float]:
    """A whelk, its mouth to the first camera."""
    turns, rows, columns = random.uniform(4.2, 5.2), 330, 81
    folded = np.linspace(1, 0.955, 24)[1:]  # the inside of the mouth, back into the shell
    t = np.concatenate([np.linspace(0, 1, rows), folded])
    angle = turns * 2 * np.pi * t
    size = np.exp(random.uniform(2.7, 3.1) * (t - 1))
    knobs = 1 + 0.05 * np.abs(np.cos(random.integers(4, 7) * angle)) ** 8 * size
    radius = 0.5 * size * knobs * np.concatenate([np.ones(rows), np.linspace(0.93, 0.86, 23)])
    outward = np.stack([np.cos(angle), np.zeros_like(t), np.sin(angle)], axis=1)
    path = 0.34 * size[:, None] * outward
    path[:, 1] = -random.uniform(1.7, 2.1) * size
    rings = np.linspace(0, 2 * np.pi, columns)[None, :, None]
    long = 1.45 + 0.35 * np.exp(-(((rings + 0.5 * np.pi) % (2 * np.pi) - np.pi) ** 2))
    section = np.cos(rings) * outward[:, None] + long * np.sin(rings) * np.array([0, 1, 0])
    points = path[:, None] + radius[:, None, None] * section
    points[:, -1] = points[:, 0]
    ends = [np.broadcast_to(path[i], (1, columns, 3)) for i in (0, -1)]
    points = np.concatenate([ends[0], points, ends[1]])
    return [Surface(_facing(points, float(angle[-1])), "nacre")], 0.6


def _facing(points: Floats, mouth: float) -> Floats:
    """Turn a shell so that its mouth looks at the first camera, and lean it to one side."""
    by = mouth + np.radians(8)
    spin = np.array([[np.cos(by), 0, np.sin(by)], [0, 1, 0], [-np.sin(by), 0, np.cos(by)]])
    lean = np.array([[0.91, -0.42, 0], [0.42, 0.91, 0], [0, 0, 1]])
    turned: Floats = points @ spin.T @ lean.T
    return turned


def rock(random: Random) -> tuple[list[Surface], float]:
    """A rock with ledges and creases."""
    polar = np.linspace(0, np.pi, ROWS)
    profile = np.stack([np.sin(polar), -np.cos(polar)], axis=1)
    points, _ = turn(profile, COLUMNS)
    broad, fine = SolidNoise(random, 3.2), SolidNoise(random, 2.3)
    bulk = 0.15 * broad.at(points + 5, 5.0)
    creases = 0.06 * np.abs(broad.at(points + 1, 2.6)) + 0.02 * np.abs(fine.at(points, 2.2))
    steps = 0.02 * np.sin(23 * points[..., 1] + 2 * broad.at(points, 3.0))
    radius = 0.95 + bulk - creases + steps
    points = points * radius[..., None] * np.array([1.1, 0.78, 0.9])
    points[[0, -1]] = points[[0, -1], :1]
    points[:, -1] = points[:, 0]
    return [Surface(points, "strata")], 0.1


def mushroom(random: Random) -> tuple[list[Surface], float]:
    """A tall mushroom and a small one."""

    def one(cap: float, tall: float, lean: float) -> Surface:
        knots: list[tuple[float, ...]] = [
            (0.0, 0.0), (0.2, 0.0), (0.24, 0.06), (0.17, 0.25), (0.14, 0.5 * tall),
            (0.13, tall - 0.02), (0.16, tall), (cap * 0.6, tall + 0.01), (cap * 0.98, tall - 0.03),
            (cap, tall + 0.02), (cap * 0.9, tall + 0.22), (cap * 0.55, tall + 0.45),
            (cap * 0.2, tall + 0.53), (0.0, tall + 0.54),
        ]  # fmt: skip
        points, _ = turn(smooth_curve(knots, ROWS), COLUMNS)
        points[..., 0] += lean * points[..., 1] ** 2
        return Surface(points, "fly_agaric")

    large = one(random.uniform(0.62, 0.75), random.uniform(0.85, 1.0), -0.06)
    small = one(0.42, random.uniform(0.45, 0.55), 0.2)
    beside = small.points * 0.72 + np.array([0.34, 0.0, 0.3])
    return [large, replace(small, points=beside)], 0.55


def pumpkin(random: Random) -> tuple[list[Surface], float]:
    """A ribbed squash with its stalk."""
    knots: list[tuple[float, ...]] = [
        (0.0, 0.1), (0.2, 0.03), (0.5, 0.0), (0.85, 0.3), (0.88, 0.55), (0.6, 0.95), (0.3, 1.0),
        (0.1, 0.9), (0.0, 0.86),
    ]  # fmt: skip
    points, angles = turn(smooth_curve(knots, ROWS), COLUMNS)
    ribs = int(random.integers(9, 13))
    furrow = 1 - 0.13 * (1 - np.abs(np.sin(ribs * angles / 2)) ** 0.6)
    points[..., [0, 2]] *= furrow[None, :, None]
    points[..., 1] *= random.uniform(0.85, 1.05)
    bend = random.uniform(0.1, 0.3)
    top = float(points[..., 1].max())
    path = smooth_curve([(0, top - 0.2, 0), (0.02, top + 0.1, 0), (bend, top + 0.32, 0.05)], 60)
    thick = np.interp(np.linspace(0, 1, 60), [0, 0.3, 0.8, 1], [0.16, 0.08, 0.065, 0.085])
    stalk = tube(path, thick, thick, TUBE_COLUMNS, unit(np.array([0.0, 0.0, 1.0])))
    return [Surface(points, "pumpkin"), Surface(stalk, "stalk")], 0.45
