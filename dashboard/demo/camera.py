"""The six cameras around an object, the same for the reference and every reconstruction."""

from dataclasses import dataclass

import numpy as np

from dashboard.demo.surfaces import Floats, unit

VIEWS = 6
DISTANCE = 4.2  # object units; the object lies within radius 1
HALF_WIDTH = 0.26  # of the picture at distance 1
ELEVATIONS_DEG = (18.0, 32.0, 12.0, 24.0, 38.0, 15.0)
FIRST_AZIMUTH_DEG = 62.0


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: `axes` are its right, up and back as rows in world space."""

    eye: Floats
    axes: Floats
    edge_px: int

    def rays(self, x: Floats, y: Floats) -> Floats:
        """Unit directions (n, 3) through picture positions in pixels, y downwards."""
        across = (x / self.edge_px * 2 - 1) * HALF_WIDTH
        upward = (1 - y / self.edge_px * 2) * HALF_WIDTH
        local = np.stack([across, upward, np.full_like(across, -1)], axis=-1)
        return unit(local @ self.axes).astype(np.float32)

    def project(self, points: Floats) -> Floats:
        """Picture positions (n, 2) in pixels of points (n, 3) in front of the camera."""
        local = (points - self.eye) @ self.axes.T
        plane = local[:, :2] / -local[:, 2:] / HALF_WIDTH
        pixels: Floats = (plane * np.array([1, -1]) + 1) / 2 * self.edge_px
        return pixels


def camera_of(view: int, edge_px: int) -> Camera:
    """The camera of one view, 0 to 5, looking at the origin."""
    azimuth = np.radians(FIRST_AZIMUTH_DEG + 360 / VIEWS * view)
    elevation = np.radians(ELEVATIONS_DEG[view])
    back = np.array([
        np.cos(elevation) * np.cos(azimuth), np.sin(elevation), np.cos(elevation) * np.sin(azimuth),
    ])  # fmt: skip
    right = unit(np.cross(np.array([0.0, 1.0, 0.0]), back))
    return Camera(back * DISTANCE, np.stack([right, np.cross(back, right), back]), edge_px)
