"""Meshes drawn by a real Chromium: what is on the canvas, and who was asked for it."""

import io
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

PHONE = (390, 844)
REAL_JOBS = Path(__file__).parents[3] / "shared" / "data" / "jobs"

Open = Callable[..., Page]


def write_textured(directory: Path, *, as_obj: bool = False) -> None:
    """A box that is blue on its texture, and nowhere near the page's own colours."""
    directory.mkdir(parents=True)
    if as_obj:
        box = trimesh.creation.box()
        lines = [f"v {x} {y} {z}" for x, y, z in box.vertices]
        lines += ["vt 0.5 0.5", *(f"f {a + 1}/1 {b + 1}/1 {c + 1}/1" for a, b, c in box.faces)]
        text = "\n".join(["mtllib mesh.mtl", "usemtl skin", *lines])
        (directory / "mesh.obj").write_text(text)
        (directory / "mesh.mtl").write_text("newmtl skin\nmap_Kd mesh.png\n")
        Image.new("RGB", (8, 8), (230, 20, 20)).save(directory / "mesh.png")
        return
    box = trimesh.creation.box(extents=(3, 4, 5))
    box.apply_translation((100, 0, -50))
    coat = trimesh.visual.material.PBRMaterial(
        baseColorTexture=Image.new("RGB", (8, 8), (20, 20, 230))
    )
    box.visual = trimesh.visual.TextureVisuals(uv=np.full((8, 2), 0.5), material=coat)
    box.export(directory / "mesh.glb")


def pixels(page: Page, number: int = 0) -> Any:
    """What a view shows, as (h, w, 3) of 0 to 255."""
    shot = page.get_by_test_id("stDeckGlJsonChart").nth(number).screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), float)


def share(page: Page, number: int, channel: int) -> float:
    """Which part of a view one primary colour rules, 0 to 1."""
    shown = pixels(page, number)
    others = np.delete(shown, channel, axis=-1).max(axis=-1)
    return float((shown[..., channel] > 2 * others + 10).mean())


def wait_until(fact: Callable[[], bool]) -> None:
    for _ in range(300):
        if fact():
            return
        time.sleep(0.1)
    pytest.fail("it was never so")


@pytest.fixture
def two_models(dashboard: Any) -> str:
    write_textured(dashboard.storage / "turned1" / "output" / "reconviagen")
    write_textured(dashboard.storage / "turned1" / "output" / "nvdiffrec", as_obj=True)
    dashboard.put_record("turned1", "SUCCESS", {"status": "completed"})
    return f"{dashboard.url}/?job=turned1"


def turn(page: Page) -> None:
    page.get_by_role("button", name="Turn it in 3D").click()


def test_both_models_are_drawn_side_by_side_on_a_click(two_models: str, open_page: Open) -> None:
    page = open_page(two_models)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(page.get_by_test_id("stDeckGlJsonChart")).to_have_count(0)
    turn(page)
    expect(page.get_by_test_id("stDeckGlJsonChart")).to_have_count(2)
    wait_until(lambda: share(page, 0, 0) > 0.05)  # nvdiffrec's, converted, is red
    wait_until(lambda: share(page, 1, 2) > 0.05)  # reconviagen's is blue
    assert share(page, 0, 2) == share(page, 1, 0) == 0
    left, right = (page.get_by_test_id("stDeckGlJsonChart").nth(n).bounding_box() for n in (0, 1))
    assert left
    assert right
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    views = [url for url in asked if "/view/" in url]
    assert len(views) == 2


def test_a_drag_turns_the_mesh_and_nothing_else_does(two_models: str, open_page: Open) -> None:
    page = open_page(two_models)
    turn(page)
    wait_until(lambda: page.locator("canvas").count() == 2 and share(page, 1, 2) > 0.05)
    page.wait_for_timeout(500)
    before = pixels(page, 1)
    page.wait_for_timeout(1000)
    assert np.array_equal(pixels(page, 1), before)
    box = page.get_by_test_id("stDeckGlJsonChart").nth(1).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y + 20, steps=5)
    page.mouse.up()
    wait_until(lambda: np.abs(pixels(page, 1) - before).mean() > 1)


def test_lit_shading_tells_the_sides_of_a_box_apart(two_models: str, open_page: Open) -> None:
    page = open_page(two_models)
    turn(page)
    wait_until(lambda: page.locator("canvas").count() == 2 and share(page, 1, 2) > 0.05)

    def shades() -> int:
        """How many tones of blue cover at least 1 % of the view."""
        shown = pixels(page, 1)
        mask = shown[..., 2] > 2 * shown[..., :2].max(axis=-1) + 10
        tones = np.bincount((shown[..., 2][mask] // 8).astype(int), minlength=32)
        return int((tones > 0.01 * shown[..., 2].size).sum())

    assert shades() == 1
    page.get_by_text("Lit", exact=True).click()
    wait_until(lambda: shades() > 1)


def test_views_stand_below_each_other_on_a_phone(two_models: str, open_page: Open) -> None:
    page = open_page(two_models, PHONE)
    turn(page)
    wait_until(lambda: page.locator("canvas").count() == 2 and share(page, 1, 2) > 0.05)
    first, second = (page.get_by_test_id("stDeckGlJsonChart").nth(n).bounding_box() for n in (0, 1))
    assert first
    assert second
    assert first["y"] + first["height"] <= second["y"]
    assert second["x"] + second["width"] <= PHONE[0]
    assert share(page, 1, 2) < 0.8  # the whole of it is to be seen


@pytest.mark.skipif(not REAL_JOBS.is_dir(), reason="the real job is not there")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_real_shoe_is_red_on_white(dashboard: Any, open_page: Open, scheme: str) -> None:
    shutil.copytree(REAL_JOBS / "poxv1ikj", dashboard.storage / "poxv1ikj")
    dashboard.put_record("poxv1ikj", "SUCCESS", {"status": "completed"})
    for path in [dashboard.storage / "poxv1ikj", *(dashboard.storage / "poxv1ikj").rglob("*")]:
        path.chmod(0o755)  # so that the next test can remove it
    page = open_page(f"{dashboard.url}/?job=poxv1ikj", scheme=scheme)
    turn(page)
    wait_until(lambda: page.locator("canvas").count() == 1 and share(page, 0, 0) > 0.005)
    shown = pixels(page)
    red = (shown[..., 0] > 2 * shown[..., 1:].max(axis=-1) + 10).nonzero()
    height, width, _ = shown.shape
    assert 0.3 * width < red[1].mean() < 0.7 * width
    assert 0.2 * height < red[0].mean() < 0.8 * height
    near = shown[red[0].min() : red[0].max(), red[1].min() : red[1].max()]
    assert (near.min(axis=-1) > 200).mean() > 0.1  # laces and sole
