"""Pictures of a mesh: textured views with depth, and wireframes, all on a clear background."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dashboard.demo.camera import Camera
from dashboard.demo.lighting import openness, shade
from dashboard.demo.raycast import Hits, Scene
from dashboard.demo.surfaces import Floats, Integers
from dashboard.demo.textured_mesh import TexturedMesh

# Where the extra rays of an edge pixel go: a rotated grid, in pixels from its corner.
EDGE_SAMPLES = ((0.125, 0.375), (0.375, 0.875), (0.625, 0.125), (0.875, 0.625))
DEPTH_STEP = 0.03  # object units between neighbours: more is an edge to be smoothed
WIRE_RGB = (0.41, 0.43, 0.95)  # indigo, a mid-tone that is clear on white and on near black
WIRE_HALF_WIDTH_PX = 0.6


@dataclass(frozen=True)
class View:
    """One picture: colour (h, w, 4) premultiplied sRGB, depth (h, w), infinite where nothing is.

    Depth is along the camera's axis, in object units.
    """

    colour: Floats
    depth: Floats


# Colours (n, 4) for rays that met something, from their hits, directions and picture positions.
Draw = Callable[[Hits, Floats, Floats, Floats], Floats]


class Renderer:
    """One mesh, lit once and then pictured from several cameras."""

    def __init__(self, mesh: TexturedMesh) -> None:
        self.mesh = mesh
        self._scene = Scene(mesh.vertices, mesh.faces)
        self._open = openness(mesh, self._scene).astype(np.float32)
        self._texture = (mesh.texture.astype(np.float32) / 255) ** 2.2  # sRGB to linear, nearly
        self._normals = mesh.normals.astype(np.float32)
        self._uv = mesh.uv.astype(np.float32)

    def textured(self, camera: Camera) -> View:
        """Render the texture, shaded."""
        axes = camera.axes.astype(np.float32)

        def draw(hits: Hits, rays: Floats, _x: Floats, _y: Floats) -> Floats:
            return self._shaded(hits, rays, axes)

        colour, hits, rays = self._smoothed(camera, draw)
        depth = hits.distance * -(rays @ axes[2])
        return View(colour, depth.reshape(camera.edge_px, camera.edge_px))

    def wireframe(self, camera: Camera) -> Floats:
        """Draw the edges of the faces in sight over a faint body: (h, w, 4) premultiplied."""
        lines = _line_equations(camera.project(self.mesh.vertices)[self.mesh.faces])

        def draw(hits: Hits, rays: Floats, x: Floats, y: Floats) -> Floats:
            return self._wired(hits, rays, _nearest_line(lines[hits.face], x, y))

        return self._smoothed(camera, draw)[0]

    def _smoothed(self, camera: Camera, draw: Draw) -> tuple[Floats, Hits, Floats]:
        """Draw one ray a pixel, and where an edge runs through a pixel the mean of four."""
        edge = camera.edge_px
        y, x = (np.mgrid[0:edge, 0:edge].reshape(2, -1) + 0.5).astype(np.float32)
        colour, hits, rays = self._drawn(camera, draw, x, y)
        rough = np.flatnonzero(_edges(hits.distance.reshape(edge, edge)))
        more = [
            self._drawn(camera, draw, x[rough] - 0.5 + dx, y[rough] - 0.5 + dy)[0]
            for dx, dy in EDGE_SAMPLES
        ]
        colour[rough] = np.mean(more, axis=0)
        return colour.reshape(edge, edge, 4), hits, rays

    def _drawn(
        self, camera: Camera, draw: Draw, x: Floats, y: Floats
    ) -> tuple[Floats, Hits, Floats]:
        rays = camera.rays(x, y)
        eyes = np.broadcast_to(camera.eye.astype(np.float32), rays.shape)
        hits = self._scene.cast(eyes, rays)
        met = np.flatnonzero(hits.met)
        colour = np.zeros((len(rays), 4), dtype=np.float32)
        there = Hits(hits.face[met], hits.distance[met], hits.weights[met])
        colour[met] = draw(there, rays[met], x[met], y[met])
        return colour, hits, rays

    def _shaded(self, hits: Hits, rays: Floats, axes: Floats) -> Floats:
        corners = self.mesh.faces[hits.face]
        normals = _blend(self._normals, corners, hits.weights)
        normals *= np.where((normals * rays).sum(axis=1) > 0, -1, 1)[:, None]
        albedo = sample(self._texture, _blend(self._uv, corners, hits.weights))
        open_sky = _blend(self._open[:, None], corners, hits.weights)[:, 0]
        light = shade(
            albedo, normals, towards_eye=-rays, open_sky=open_sky, axes=axes, gloss=self.mesh.gloss
        )
        colour = np.ones((len(rays), 4), dtype=np.float32)
        colour[:, :3] = np.clip(light, 0, 1) ** (1 / 2.2)
        return colour

    def _wired(self, hits: Hits, rays: Floats, distance_px: Floats) -> Floats:
        normals = _blend(self._normals, self.mesh.faces[hits.face], hits.weights)
        facing = np.abs((normals * rays).sum(axis=1))
        line = np.clip(WIRE_HALF_WIDTH_PX + 0.5 - distance_px, 0, 1) * 0.92
        body = 0.08 + 0.16 * (1 - facing) ** 2
        alpha = (line + (1 - line) * body)[:, None]
        return np.concatenate([np.array(WIRE_RGB) * alpha, alpha], axis=1).astype(np.float32)


def _blend(values: Floats, corners: Integers, weights: Floats) -> Floats:
    """Interpolate values of vertices (n, k) over faces: (hits, k)."""
    mixed: Floats = np.einsum("ij,ijk->ik", weights, values[corners])
    return mixed


def sample(texture: Floats, uv: Floats) -> Floats:
    """Read a texture (h, w, 3) between its texels at UV (n, 2), repeating: (n, 3)."""
    height, width = texture.shape[:2]
    x, y = uv[:, 0] * width - 0.5, (1 - uv[:, 1]) * height - 0.5
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = (x - left)[:, None], (y - top)[:, None]
    right, bottom = (left + 1) % width, (top + 1) % height
    left, top = left % width, top % height
    upper = texture[top, left] * (1 - fx) + texture[top, right] * fx
    lower = texture[bottom, left] * (1 - fx) + texture[bottom, right] * fx
    between: Floats = upper * (1 - fy) + lower * fy
    return between


def _edges(distance: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Find the pixels whose distance differs from a neighbour's by a step."""
    filled = np.where(np.isinf(distance), 1e3, distance)
    spread = ndimage.maximum_filter(filled, 3) - ndimage.minimum_filter(filled, 3)
    rough: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = (spread > DEPTH_STEP).reshape(-1)
    return rough


def _line_equations(corners: Floats) -> Floats:
    """The three sides of triangles (m, 3, 2) as a x + b y + c with unit normals: (m, 3, 3)."""
    along = np.roll(corners, -1, axis=1) - corners
    normal = np.stack([along[..., 1], -along[..., 0]], axis=-1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    offset = -(normal * corners).sum(axis=-1, keepdims=True)
    return np.concatenate([normal, offset], axis=-1).astype(np.float32)


def _nearest_line(lines: Floats, x: Floats, y: Floats) -> Floats:
    """How far each position (n,) is from the nearest of its three lines (n, 3, 3), in pixels."""
    distance = np.abs(lines[..., 0] * x[:, None] + lines[..., 1] * y[:, None] + lines[..., 2])
    nearest: Floats = distance.min(axis=1)
    return nearest
