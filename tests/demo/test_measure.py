"""Quality is judged at the contract's thresholds and measured between renders."""

import numpy as np
import pytest

from dashboard.demo.camera import camera_of
from dashboard.demo.degrade import RECIPES, reconstruct
from dashboard.demo.measure import (
    PSNR_CEILING,
    Metrics,
    Thresholds,
    judge,
    measure,
    quality_report,
)
from dashboard.demo.objects import make_object
from dashboard.demo.render import Renderer, View
from dashboard.demo.seeds import seeded_random
from dashboard.demo.textured_mesh import joined, reference_mesh
from dashboard.demo.textures import paint_texture


@pytest.mark.parametrize(
    ("psnr", "ssim", "status"),
    [
        (25.0, 0.85, "normal"),
        (24.999, 0.99, "warning"),
        (40.0, 0.8499, "warning"),
        (20.0, 0.75, "warning"),
        (19.999, 0.99, "failure"),
        (40.0, 0.7499, "failure"),
    ],
)
def test_both_measures_must_reach_a_level(psnr, ssim, status):
    assert judge(Metrics(psnr, ssim, 0.0, 0.0), Thresholds()) == status


def test_the_report_has_every_key_of_the_contract():
    report = quality_report("abcd1234", "nvdiffrec", Metrics(22.44, 0.811, 0.01, 0.02), {})
    assert report["summary"] == "Reconstruction quality: Warning (PSNR 22.4 dB, SSIM 0.81)"
    assert list(report) == [
        "job_id", "model", "status", "summary", "metrics", "thresholds", "metadata",
    ]  # fmt: skip
    assert report["metrics"] == {
        "psnr": 22.44, "ssim": 0.811, "depth_mae": 0.01, "depth_rmse": 0.02,
    }  # fmt: skip
    assert report["thresholds"] == {
        "psnr_normal": 25.0, "psnr_warning": 20.0, "ssim_normal": 0.85, "ssim_warning": 0.75,
    }  # fmt: skip


def flat_view(value: float, depth: float) -> View:
    colour = np.full((32, 32, 4), value, dtype=np.float32)
    colour[..., 3] = 1
    return View(colour, np.full((32, 32), depth, dtype=np.float32))


def test_a_known_difference_gives_known_figures():
    metrics = measure([flat_view(0.5, 4.0)], [flat_view(0.6, 4.25)])
    assert metrics.psnr == pytest.approx(20.0, abs=1e-4)  # 10 log10(1 / 0.1^2)
    assert metrics.depth_mae == pytest.approx(0.25)
    assert metrics.depth_rmse == pytest.approx(0.25)


def test_equal_pictures_have_a_finite_psnr():
    metrics = measure([flat_view(0.5, 4.0)], [flat_view(0.5, 4.0)])
    assert (metrics.psnr, metrics.ssim) == (PSNR_CEILING, pytest.approx(1.0))


def test_depth_counts_only_where_both_meet_something():
    half = flat_view(0.5, 4.0)
    half.depth[:, :16] = np.inf
    assert measure([half], [flat_view(0.5, 4.5)]).depth_mae == pytest.approx(0.5)


@pytest.fixture(scope="module")
def copies():
    """The amphora and its copies, each with three small views."""
    thing = make_object("abcd1234", "amphora")
    texture = paint_texture(thing, seeded_random("paint"), edge_px=512)
    cameras = [camera_of(view, 160) for view in (0, 2, 4)]

    def views(mesh):
        renderer = Renderer(mesh)
        return [renderer.textured(camera) for camera in cameras]

    reference = views(reference_mesh(thing, texture))

    def measured(model: str, severity: float):
        recipe = RECIPES[model].worse(severity)
        mesh = reconstruct(thing, texture, recipe, seeded_random(model))
        return mesh, measure(reference, views(mesh))

    return measured


def test_nvdiffrec_comes_closer_than_reconviagen_by_decibels(copies):
    (_, sharp), (_, soft) = copies("nvdiffrec", 1), copies("reconviagen", 1)
    assert sharp.psnr > soft.psnr + 2
    assert sharp.ssim > soft.ssim
    assert sharp.depth_rmse < soft.depth_rmse


def test_worse_copies_measure_worse_down_to_failure(copies):
    ladder = [copies("reconviagen", severity)[1] for severity in (0.4, 2, 8)]
    statuses = [judge(metrics, Thresholds()) for metrics in ladder]
    assert statuses == ["normal", "warning", "failure"]


def test_a_copy_has_fewer_faces_and_stays_closed(copies):
    import trimesh

    mesh, _ = copies("nvdiffrec", 1)
    assert len(mesh.faces) < 9500
    assert trimesh.Trimesh(*joined(mesh.vertices, mesh.faces), process=False).is_watertight
