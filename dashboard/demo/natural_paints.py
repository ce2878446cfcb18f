"""Paints for what grows, weathers or is carved: shell, bronze, marble, candy, rock and plants."""

import numpy as np
from scipy.spatial import cKDTree

from dashboard.demo.canvas import Canvas, between, mix, pick, rgb, step, worn
from dashboard.demo.surfaces import Floats


def nacre(canvas: Canvas) -> Floats:
    """Growth lines of a sea shell, wavering, over cream."""
    cream, band, blush = pick(
        canvas, ("#f4e6cf", "#a9623a", "#e8b298"), ("#f1ead9", "#6d4a5e", "#d9a6b3"),
        ("#f6edd8", "#c08a3e", "#efc9a0"),
    )  # fmt: skip
    cloud = canvas.cloud.at(canvas.points)
    around = np.sin(2 * np.pi * canvas.u)
    growth = canvas.v * 46 + 0.7 * cloud + 0.8 * np.sin(4 * np.pi * canvas.u)
    stripes = 0.5 + 0.5 * np.sin(2 * np.pi * growth)
    colour = mix(np.broadcast_to(cream, canvas.points.shape), blush, 0.5 + 0.4 * around + 0 * cloud)
    colour = mix(colour, band, step(stripes, 0.72, 0.5) * (0.75 + 0.2 * cloud))
    return colour * (1 + 0.03 * canvas.grain.at(canvas.points))[..., None]


def patina(canvas: Canvas) -> Floats:
    """Bronze, gone green where water would stand."""
    bronze, dark, green = rgb("#a8783f", "#4a3320", "#5fa08c")
    cloud, grain = canvas.cloud.at(canvas.points), canvas.grain.at(canvas.points)
    colour = mix(np.broadcast_to(bronze, canvas.points.shape), dark, 0.3 + 0.22 * cloud)
    weathered = 0.5 * canvas.cloud.at(canvas.points + 0.7, 1.6) + 0.28 * grain
    colour = mix(colour, green, 0.9 * step(weathered, 0.55, 0.7))
    level = canvas.v + 0 * cloud
    for line in (0.235, 0.30, 0.44):
        colour = mix(colour, rgb("#e0bd78"), 0.8 * between(level, line, line + 0.011))
    beads = np.cos(2 * np.pi * canvas.u * 48) * np.cos(2 * np.pi * (canvas.v - 0.273) * 22)
    return mix(colour, rgb("#e0bd78"), 0.8 * step(beads, 0.5, 0.3) * between(level, 0.25, 0.296))


def plume(canvas: Canvas) -> Floats:
    """The dyed bristles of a helmet's crest."""
    deep, bright = pick(
        canvas, ("#7d1420", "#d8443a"), ("#1d3a72", "#4f86d1"), ("#5a1a5e", "#b05bb5")
    )
    bristles = canvas.grain.at(canvas.points * np.array([3.0, 0.4, 3.0]), 1.3)
    sway = np.sin(2 * np.pi * canvas.v * 70 + 1.4 * canvas.cloud.at(canvas.points))
    return mix(
        np.broadcast_to(deep, canvas.points.shape), bright, 0.5 + 0.3 * sway + 0.2 * bristles
    )


def marble(canvas: Canvas) -> Floats:
    """Marble, its veins where a warped noise crosses zero."""
    stone, vein, second = pick(
        canvas, ("#ece9e4", "#6f6a72", "#c2a36a"), ("#dfe6e2", "#4d6a63", "#a9c3b6"),
        ("#f0e3d8", "#9b5f4b", "#d3a38c"),
    )  # fmt: skip
    warped = canvas.points + 0.08 * canvas.cloud.at(canvas.points + 3.1, 1.4)[..., None]
    broad = np.abs(canvas.cloud.at(warped, 1.9))
    narrow = np.abs(canvas.cloud.at(warped + 1.3, 1.0))
    colour = worn(canvas, stone)
    colour = mix(colour, second, 0.55 * np.exp(-((narrow / 0.12) ** 2)))
    return mix(colour, vein, 0.85 * np.exp(-((broad / 0.09) ** 2)) + 0.12 * (broad < 0.5))


def candy(canvas: Canvas) -> Floats:
    """Three colours winding around a rope, without a seam in either direction."""
    first, second, third = pick(
        canvas, ("#e8484f", "#fdf4e6", "#2f8f83"), ("#f2a541", "#fbf3e4", "#c73e6b"),
        ("#5b61d6", "#f3f1ff", "#38b6c9"), ("#2f3c7e", "#fbeaeb", "#e9556b"),
    )  # fmt: skip
    waver = 0.05 * canvas.cloud.at(canvas.points)
    turn = (canvas.u * 2 + canvas.v * 22 + waver) % 1
    colour = np.broadcast_to(second, canvas.points.shape)
    colour = mix(colour, first, step(turn, 0.04, 0.02) * step(-turn, -0.42, 0.02))
    colour = mix(colour, third, step(turn, 0.6, 0.02) * step(-turn, -0.78, 0.02))
    return colour * (1 + 0.03 * canvas.grain.at(canvas.points))[..., None]


def strata(canvas: Canvas) -> Floats:
    """Bedded rock with moss on whatever looks up."""
    light, dark, moss = pick(
        canvas, ("#c9b79c", "#6b5746", "#5d7a3a"), ("#b7b4b0", "#4e5058", "#6f8740"),
        ("#c98f6b", "#6e3a2c", "#8a8d3f"),
    )  # fmt: skip
    points = canvas.points
    cloud, grain = canvas.cloud.at(points), canvas.grain.at(points)
    tilted = points @ np.array([0.25, 1.0, 0.15]) + 0.07 * cloud
    beds = 0.5 + 0.5 * np.sin(2 * np.pi * tilted * 7 + 1.5 * np.sin(tilted * 17))
    colour = mix(np.broadcast_to(light, points.shape), dark, beds * 0.75 + 0.08 * grain)
    colour = colour * (1 + 0.07 * grain)[..., None]
    upward = canvas.normals[..., 1] + 0.22 * cloud + 0.13 * grain
    green = moss * (1 + 0.12 * grain)[..., None]
    return mix(colour, green, step(upward, 0.82, 0.3))


def fly_agaric(canvas: Canvas) -> Floats:
    """A toadstool: white warts on the cap, gills below, a fibrous stem."""
    cap, deep, pale = pick(
        canvas, ("#d0342c", "#8f1420", "#f7efe2"), ("#e08a2e", "#a84c12", "#fbf3e0"),
        ("#8a5a3c", "#55301f", "#f1e4cd"), ("#7a4fa3", "#472a6b", "#f4ecf7"),
    )  # fmt: skip
    level = canvas.v + 0 * canvas.points[..., 0]
    fibres = canvas.grain.at(canvas.points * np.array([2.2, 0.3, 2.2]))
    stem = np.broadcast_to(pale, canvas.points.shape) * (0.93 + 0.05 * fibres)[..., None]
    gills = 0.5 + 0.5 * np.sin(2 * np.pi * canvas.u * 70)
    gilled = mix(np.broadcast_to(pale, canvas.points.shape), rgb("#b89a7c"), gills * 0.7)
    cloud = canvas.cloud.at(canvas.points)
    capped = mix(np.broadcast_to(cap, canvas.points.shape), deep, 0.3 + 0.25 * cloud)
    capped = mix(capped, pale, step(-_wart_distance(canvas, level), 0.0, 0.012))
    colour = mix(stem, gilled, step(level, CAP_STARTS - 0.17, 0.004))
    return mix(colour, capped, step(level, CAP_STARTS, 0.006))


CAP_STARTS = 0.56  # along the profile: where the rim of the cap is


def _wart_distance(canvas: Canvas, level: Floats) -> Floats:
    """How far each texel lies outside the nearest wart, in object units."""
    capped = np.argwhere(level[::8, ::8] > CAP_STARTS + 0.03) * 8
    random = np.random.default_rng(11)
    places = canvas.points[tuple(random.permutation(capped).T)]
    chosen = [places[0]]
    for place in places[:1500]:
        if np.linalg.norm(np.array(chosen) - place, axis=1).min() > 0.14:
            chosen.append(place)
    sizes = random.uniform(0.025, 0.055, len(chosen))
    distance, nearest = cKDTree(np.array(chosen)).query(canvas.points.reshape(-1, 3))
    outside: Floats = (distance - sizes[nearest]).reshape(level.shape)
    return outside + 0.006 * canvas.grain.at(canvas.points)


def pumpkin(canvas: Canvas) -> Floats:
    """A squash, darker in its furrows and freckled."""
    flesh, deep, fleck = pick(
        canvas, ("#e5812b", "#a8481a", "#f6c87a"), ("#d9b44a", "#8a6a22", "#f5e6ae"),
        ("#5f7d4f", "#2f4a33", "#c9c98a"), ("#c9552f", "#7a2418", "#f0b27a"),
    )  # fmt: skip
    radius = np.hypot(canvas.points[..., 0], canvas.points[..., 2])
    crest = radius / np.maximum(radius.max(axis=1, keepdims=True), 1e-6)
    cloud, grain = canvas.cloud.at(canvas.points), canvas.grain.at(canvas.points)
    lit = (crest - 0.86) * 8 + 0.1 * cloud
    colour = mix(np.broadcast_to(deep, canvas.points.shape), flesh, lit)
    colour = mix(colour, fleck, 0.5 * step(grain, 1.3, 0.8))
    return mix(colour, fleck, 0.3 * step(cloud, 1.1, 1.2))


def stalk(canvas: Canvas) -> Floats:
    """The dry stem of a squash."""
    ridges = 0.5 + 0.5 * np.sin(2 * np.pi * canvas.u * 7)
    colours = rgb("#5a5a2c", "#a09a5a")
    return mix(np.broadcast_to(colours[0], canvas.points.shape), colours[1], ridges + 0 * canvas.v)
