"""The reference objects: ten recognisable kinds, each a little different for every seed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dashboard.demo import grown_objects, made_objects
from dashboard.demo.seeds import seeded_random
from dashboard.demo.surfaces import Random, Surface


@dataclass(frozen=True)
class ReferenceObject:
    """A textured object to be reconstructed, centred at the origin within a sphere of radius 1.

    `gloss` is 0 for stone and 1 for porcelain.
    """

    kind: str
    surfaces: tuple[Surface, ...]
    gloss: float


def make_object(job_id: str, kind: str | None = None) -> ReferenceObject:
    """Make the object of one job; without a kind, the job id chooses it."""
    if kind is None:
        kind = str(seeded_random(job_id, "kind").choice(list(KINDS)))
    surfaces, gloss = KINDS[kind](seeded_random(job_id, kind))
    return ReferenceObject(kind, _fitted(surfaces), gloss)


def _fitted(surfaces: list[Surface]) -> tuple[Surface, ...]:
    """Centre the surfaces at the origin and scale them into the unit sphere."""
    everything = np.concatenate([s.points.reshape(-1, 3) for s in surfaces])
    centre = (everything.min(axis=0) + everything.max(axis=0)) / 2
    radius = np.linalg.norm(everything - centre, axis=1).max()
    return tuple(replace(s, points=(s.points - centre) / radius) for s in surfaces)


KINDS: dict[str, Callable[[Random], tuple[list[Surface], float]]] = {
    "amphora": made_objects.amphora,
    "column": made_objects.column,
    "helmet": made_objects.helmet,
    "knot": made_objects.knot,
    "mushroom": grown_objects.mushroom,
    "pumpkin": grown_objects.pumpkin,
    "rock": grown_objects.rock,
    "shell": grown_objects.shell,
    "teapot": made_objects.teapot,
    "vase": made_objects.vase,
}
