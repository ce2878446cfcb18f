"""What a paint is given, and the few strokes that all paints are made of."""

from dataclasses import dataclass

import numpy as np

from dashboard.demo.noise import SolidNoise
from dashboard.demo.surfaces import Floats


@dataclass(frozen=True)
class Canvas:
    """What a paint sees: position and normal of every texel (h, w, 3), u (1, w), v (h, 1)."""

    points: Floats
    normals: Floats
    u: Floats
    v: Floats
    random: np.random.Generator
    cloud: SolidNoise
    grain: SolidNoise


def rgb(*codes: str) -> Floats:
    """Colours from "#rrggbb": (n, 3), or (3,) for one."""
    values = np.array([[int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)] for code in codes])
    return values[0] if len(codes) == 1 else values


def mix(under: Floats, over: Floats, amount: Floats) -> Floats:
    """Lay one colour over another, by an amount (h, w) that is cut to 0..1."""
    mixed: Floats = under + (over - under) * np.clip(amount, 0, 1)[..., None]
    return mixed


def step(value: Floats, at: float, soft: float = 0.03) -> Floats:
    """Rise from 0 to 1 where the value passes `at`, over a width of `soft`."""
    risen: Floats = np.clip((value - at) / soft + 0.5, 0, 1)
    return risen


def pick(canvas: Canvas, *palettes: tuple[str, ...]) -> Floats:
    """Choose one of several palettes for the whole object: (n, 3)."""
    return rgb(*palettes[int(canvas.random.integers(len(palettes)))])


def worn(canvas: Canvas, colour: Floats) -> Floats:
    """Vary one colour a little from place to place: (h, w, 3)."""
    cloud, grain = canvas.cloud.at(canvas.points), canvas.grain.at(canvas.points)
    return (
        np.broadcast_to(colour, canvas.points.shape) * (1 + 0.05 * cloud + 0.04 * grain)[..., None]
    )


def between(value: Floats, low: float, high: float) -> Floats:
    """Give 1 from `low` to `high` and 0 elsewhere, with narrow ramps."""
    return step(value, low, 0.004) * (1 - step(value, high, 0.004))
