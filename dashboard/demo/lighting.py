"""Light: how open each vertex is to the sky, and the shade that follows from it."""

import numpy as np

from dashboard.demo.raycast import Scene
from dashboard.demo.surfaces import Floats, unit
from dashboard.demo.textured_mesh import TexturedMesh

SKY_RAYS = 28
REACH = 0.9  # object units: what is further away does not darken

# Direction towards the light in the camera's axes (right, up, back), colour, strength.
LIGHTS = (
    ((-0.55, 0.75, 0.65), (1.0, 0.965, 0.91), 2.15),  # key, from the upper left
    ((0.85, 0.15, 0.5), (0.80, 0.88, 1.0), 0.55),  # fill
    ((0.25, 0.55, -0.8), (0.95, 0.95, 1.0), 0.65),  # rim
)
SKY, GROUND = (0.62, 0.66, 0.74), (0.34, 0.31, 0.30)


def openness(mesh: TexturedMesh, scene: Scene) -> Floats:
    """The cosine-weighted share of the sky that each vertex sees: (n,), 0 to 1."""
    directions = _fibonacci_sphere(2 * SKY_RAYS)
    facing = mesh.normals @ directions.T
    origins = (mesh.vertices + 0.004 * mesh.normals).astype(np.float32)
    seen = np.zeros(len(origins))
    for i, direction in enumerate(directions):
        front = np.flatnonzero(facing[:, i] > 0)
        rays = np.broadcast_to(direction.astype(np.float32), (len(front), 3))
        free = scene.cast(origins[front], rays).distance > REACH
        seen[front] += facing[front, i] * free
    share: Floats = seen / np.maximum(np.clip(facing, 0, None).sum(axis=1), 1e-9)
    return share


def _fibonacci_sphere(count: int) -> Floats:
    index = np.arange(count) + 0.5
    height = 1 - 2 * index / count
    turn = np.pi * (1 + 5**0.5) * index
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(turn), height, radius * np.sin(turn)], axis=1)


def shade(
    albedo: Floats, normals: Floats, *, towards_eye: Floats, open_sky: Floats, axes: Floats,
    gloss: float,
) -> Floats:  # fmt: skip
    """Lambert, a soft sky and a Blinn highlight, in linear light: (n, 3).

    `albedo` is linear, `axes` are the camera's right, up and back as rows in world space.
    """
    up = (normals[:, 1:2] + 1) / 2
    light = (np.array(GROUND) + up * (np.array(SKY) - np.array(GROUND))) * open_sky[:, None] * 0.9
    shine = np.zeros((len(normals), 3), dtype=np.float32)
    shadow = np.clip(open_sky * 1.35 - 0.1, 0, 1)[:, None]
    for towards, colour, strength in LIGHTS:
        direction = unit(np.array(towards) @ axes).astype(np.float32)
        facing = np.clip(normals @ direction, 0, None)[:, None]
        light = light + facing * (strength * 0.55 * np.array(colour)) * shadow
        half = unit(towards_eye + direction)
        power = 18 + 70 * gloss
        spark = np.clip((normals * half).sum(axis=1), 0, None) ** power
        shine += (spark[:, None] * shadow) * (0.28 * gloss * strength * np.array(colour))
    shaded: Floats = (albedo * light + shine).astype(np.float32)
    return shaded
