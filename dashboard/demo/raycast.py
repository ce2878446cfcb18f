"""Ray casting with Embree: what each ray meets first, and where on the triangle."""

from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from dashboard.demo.surfaces import Floats, Integers


@dataclass(frozen=True)
class Hits:
    """For each ray: face (-1 for none), distance along the ray, barycentric weights (n, 3)."""

    face: Integers
    distance: Floats
    weights: Floats

    @property
    def met(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which rays met the mesh at all."""
        return self.face >= 0


class Scene:
    """One mesh, ready to be asked for the first hit of many rays at once."""

    def __init__(self, vertices: Floats, faces: Integers) -> None:
        self._scene = EmbreeScene()
        TriangleMesh(
            scene=self._scene,
            vertices=np.ascontiguousarray(vertices, dtype=np.float32),
            indices=np.ascontiguousarray(faces, dtype=np.int32),
        )

    def cast(self, origins: Floats, directions: Floats) -> Hits:
        """Cast rays (n, 3) of unit direction, in single precision."""
        found = self._scene.run(
            np.ascontiguousarray(origins, dtype=np.float32),
            np.ascontiguousarray(directions, dtype=np.float32),
            output=1,
        )
        u, v = found["u"], found["v"]
        missed = found["primID"] < 0
        distance = np.where(missed, np.inf, found["tfar"]).astype(np.float32)
        return Hits(found["primID"], distance, np.stack([1 - u - v, u, v], axis=1))
