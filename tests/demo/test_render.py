"""Pictures show the object where it is, smooth at its edge, on a clear background."""

import numpy as np
import pytest
import trimesh

from dashboard.demo.camera import DISTANCE, VIEWS, camera_of
from dashboard.demo.ground import GroundShadow
from dashboard.demo.render import Renderer, sample
from dashboard.demo.textured_mesh import TexturedMesh

EDGE_PX = 120


@pytest.fixture(scope="module")
def ball() -> TexturedMesh:
    body = trimesh.creation.icosphere(subdivisions=4, radius=0.8)
    red = np.zeros((8, 8, 3), dtype=np.uint8)
    red[..., 0] = 200
    uv = np.full((len(body.vertices), 2), 0.5)
    return TexturedMesh(body.vertices, body.faces, uv, body.vertices / 0.8, red, gloss=0.0)


@pytest.mark.parametrize("view", range(VIEWS))
def test_depth_is_measured_along_the_axis_of_every_camera(ball, view):
    depth = Renderer(ball).textured(camera_of(view, EDGE_PX)).depth
    middle = depth[EDGE_PX // 2, EDGE_PX // 2]
    assert middle == pytest.approx(DISTANCE - 0.8, abs=0.005)
    assert np.isinf(depth[0, 0])


def test_the_background_is_clear_and_the_edge_is_smooth(ball):
    alpha = Renderer(ball).textured(camera_of(0, EDGE_PX)).colour[..., 3]
    assert alpha[0, 0] == 0
    assert alpha[EDGE_PX // 2, EDGE_PX // 2] == 1
    assert set(np.unique(alpha)) == {0.0, 0.25, 0.5, 0.75, 1.0}


def test_the_texture_gives_the_colour_and_the_light_comes_from_above(ball):
    colour = Renderer(ball).textured(camera_of(0, EDGE_PX)).colour
    middle = EDGE_PX // 2
    red, green, _ = colour[middle, middle, :3]
    assert red > 5 * green
    assert colour[middle - 25, middle, 0] > colour[middle + 25, middle, 0]


def test_a_wireframe_has_lines_and_nearly_nothing_between_them(ball):
    alpha = Renderer(ball).wireframe(camera_of(0, 400))[150:250, 150:250, 3]
    assert alpha.max() > 0.85
    assert 0 < np.median(alpha) < 0.5


def test_projecting_and_casting_agree():
    camera = camera_of(3, EDGE_PX)
    x, y = np.array([12.5, 80.0]), np.array([99.0, 40.25])
    points = camera.eye + camera.rays(x, y) * 3.0
    assert camera.project(points) == pytest.approx(np.stack([x, y], axis=1), abs=1e-3)


def test_a_texture_repeats_and_starts_at_the_lower_left():
    texture = np.zeros((2, 2, 3))
    texture[1, 0] = 1  # the lower left texel
    at = np.array([[0.25, 0.25], [1.25, -0.75], [0.75, 0.75], [0.5, 0.25]])
    assert sample(texture, at)[:, 0] == pytest.approx([1, 1, 0, 0.5])


def test_the_shadow_lies_below_the_object_and_fades_before_the_border(ball):
    shade = GroundShadow(ball.vertices).under(camera_of(1, EDGE_PX))
    assert shade.max() > 0.1
    assert shade.argmax() // EDGE_PX > EDGE_PX / 2
    for border in (shade[0], shade[-1], shade[:, 0], shade[:, -1]):
        assert border.max() < 0.02
