"""The soft shadow under an object, on the ground that it stands on."""

import numpy as np
from scipy import ndimage

from dashboard.demo.camera import Camera
from dashboard.demo.surfaces import Floats

EDGE_CELLS = 160
HALF_WIDTH = 1.6  # object units of ground to either side
DARKEST = 0.34
BORDER = 0.14  # of half the picture: the shadow fades out before its edge


class GroundShadow:
    """The shade on the ground, cast by the vertices near it and spread with their height."""

    def __init__(self, vertices: Floats) -> None:
        self.height = float(vertices[:, 1].min())
        above = vertices[:, 1] - self.height
        cells = (vertices[:, [0, 2]] / HALF_WIDTH + 1) / 2 * EDGE_CELLS
        shade = np.zeros((EDGE_CELLS, EDGE_CELLS))
        for low, high, blur, strength in ((0, 0.12, 3, 1.0), (0, 0.6, 7, 0.6), (0, 3, 13, 0.45)):
            chosen = cells[(above >= low) & (above < high)]
            cover = np.zeros((EDGE_CELLS, EDGE_CELLS), dtype=bool)
            cover[tuple(np.clip(chosen, 0, EDGE_CELLS - 1).astype(int).T)] = True
            solid = ndimage.binary_fill_holes(ndimage.binary_closing(cover, iterations=3))
            shade = np.maximum(shade, strength * ndimage.gaussian_filter(solid * 1.0, blur))
        self._shade = shade

    def under(self, camera: Camera) -> Floats:
        """The opacity of the black shadow in one view: (h, w), 0 to about a third."""
        edge = camera.edge_px
        y, x = (np.mgrid[0:edge, 0:edge].reshape(2, -1) + 0.5).astype(np.float32)
        rays = camera.rays(x, y)
        falling = np.minimum(rays[:, 1], -1e-3)
        travelled = (self.height - camera.eye[1]) / falling
        place = camera.eye[[0, 2]] + travelled[:, None] * rays[:, [0, 2]]
        cells = (place / HALF_WIDTH + 1) / 2 * EDGE_CELLS - 0.5
        shade = ndimage.map_coordinates(self._shade, cells.T, order=1, mode="constant")
        inside = 1 - np.maximum(np.abs(x / edge * 2 - 1), np.abs(y / edge * 2 - 1))
        shade = shade * (rays[:, 1] < -1e-3) * np.clip(inside / BORDER, 0, 1)
        opacity: Floats = (DARKEST * shade).reshape(edge, edge)
        return opacity
