"""The reference objects are solids, textured, and the same for the same seed."""

from itertools import pairwise

import numpy as np
import pytest
import trimesh

from dashboard.demo.objects import KINDS, make_object
from dashboard.demo.seeds import seeded_random
from dashboard.demo.textured_mesh import bands_of, joined, reference_mesh, solid
from dashboard.demo.textures import PAINTS, paint_texture


@pytest.mark.parametrize("kind", KINDS)
def test_every_surface_is_closed_and_faces_outwards(kind):
    for surface in make_object("abcd1234", kind).surfaces:
        body = trimesh.Trimesh(*joined(*solid(surface)), process=False)
        assert body.is_watertight
        assert body.volume > 0


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_fits_the_unit_sphere(kind):
    everything = np.concatenate(
        [s.points.reshape(-1, 3) for s in make_object("abcd1234", kind).surfaces]
    )
    assert np.linalg.norm(everything, axis=1).max() == pytest.approx(1)


def test_the_same_job_gives_the_same_object_and_another_job_another():
    first, again = make_object("abcd1234", "vase"), make_object("abcd1234", "vase")
    other = make_object("abcd1235", "vase")
    assert np.array_equal(first.surfaces[0].points, again.surfaces[0].points)
    assert not np.array_equal(first.surfaces[0].points, other.surfaces[0].points)


def test_the_job_id_chooses_the_kind_when_the_plan_does_not():
    kinds = {make_object(f"job{number}").kind for number in range(40)}
    assert len(kinds) > 5
    assert make_object("job7").kind == make_object("job7").kind


@pytest.mark.parametrize("kind", KINDS)
def test_every_surface_is_painted_in_several_colours(kind):
    thing = make_object("abcd1234", kind)
    texture = paint_texture(thing, seeded_random("abcd1234"), edge_px=128)
    assert {surface.paint for surface in thing.surfaces} <= PAINTS.keys()
    assert np.isfinite(texture).all()
    for band in bands_of(thing.surfaces):
        rows = texture[round((1 - band.high) * 128) : round((1 - band.low) * 128)]
        assert len(np.unique(np.round(rows.reshape(-1, 3) * 255), axis=0)) > 1
        assert rows.std() > 0.01


def test_texture_bands_share_the_picture_without_touching():
    bands = bands_of(make_object("abcd1234", "amphora").surfaces)
    assert len(bands) == 3
    for lower, upper in pairwise(bands):
        assert lower.low < lower.high < upper.low < upper.high


def test_a_mesh_has_uv_and_unit_normals_for_every_vertex():
    thing = make_object("abcd1234", "teapot")
    mesh = reference_mesh(thing, paint_texture(thing, seeded_random("a"), edge_px=64))
    assert mesh.uv.shape == (len(mesh.vertices), 2)
    used = np.unique(mesh.faces)
    assert np.linalg.norm(mesh.normals[used], axis=1) == pytest.approx(np.ones(len(used)))
