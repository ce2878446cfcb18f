"""The 3D view as the page lays it out; what is drawn is seen in tests/browser."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trimesh
from streamlit.testing.v1 import AppTest

from dashboard import mesh_views
from tests.pages import open_page, press, words

pytestmark = pytest.mark.usefixtures("backend", "storage")


@pytest.fixture
def put_mesh(storage: Path, put_record: Callable[..., None]) -> Callable[..., Path]:
    """Write a finished job's mesh, of which nothing else is there."""

    def put(model: str, name: str = "mesh.glb", extents: tuple[int, ...] = (1, 2, 2)) -> Path:
        put_record("turned", "SUCCESS", {"status": "completed"})
        directory = storage / "turned" / "output" / model
        directory.mkdir(parents=True)
        content = trimesh.creation.box(extents).export(file_type=name.rpartition(".")[2])
        content = content.encode() if isinstance(content, str) else content
        (directory / name).write_bytes(content)
        return directory / name

    return put


def drawn(page: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.json) for chart in page.get("deck_gl_json_chart")]


def test_nothing_is_drawn_before_a_click_nor_after_it_is_closed(
    put_mesh: Callable[..., Path],
) -> None:
    put_mesh("reconviagen")
    page = open_page(job="turned")
    assert drawn(page) == []
    press(page, "Turn it in 3D")
    assert len(drawn(page)) == 1
    press(page, "Close 3D")
    assert drawn(page) == []


def test_every_mesh_fills_the_same_frame(put_mesh: Callable[..., Path]) -> None:
    put_mesh("reconviagen")
    put_mesh("nvdiffrec", extents=(1000, 2000, 2000))
    page = open_page(job="turned")
    press(page, "Turn it in 3D")
    first, second = drawn(page)
    assert first["initialViewState"] == second["initialViewState"]
    [large], [small] = (each["layers"][0]["data"] for each in (first, second))
    assert large["scale"] == pytest.approx([1 / 3000] * 3)
    assert small["scale"] == pytest.approx([1 / 3] * 3)
    assert math.hypot(*small["shift"]) == pytest.approx(0)


def test_the_mesh_comes_from_our_own_route_and_no_map_is_asked_for(
    put_mesh: Callable[..., Path],
) -> None:
    put_mesh("odd name, @@=1")
    page = open_page(job="turned")
    press(page, "Turn it in 3D")
    [chart] = drawn(page)
    assert chart["layers"][0]["scenegraph"].startswith(
        "/jobs/turned/view/odd%20name%2C%20%40%40%3D1.glb?v="
    )
    assert "mapProvider" not in chart or chart["mapProvider"] is None
    assert "http" not in json.dumps(chart)


def test_a_mesh_without_texture_is_lit_whatever_is_picked(put_mesh: Callable[..., Path]) -> None:
    put_mesh("reconviagen")
    page = open_page(job="turned")
    press(page, "Turn it in 3D")
    [chart] = drawn(page)
    assert chart["layers"][0]["_lighting"] == "pbr"
    assert "no texture" in words(page)


def test_a_mesh_that_cannot_be_drawn_is_offered_as_a_file(
    put_mesh: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_mesh("broken").write_bytes(b"glTF")
    with put_mesh("large").open("ab") as file:
        file.truncate(1_000_001)
    put_mesh("whole")
    monkeypatch.setenv("VIEWER_MAX_MB", "1")
    page = open_page(job="turned")
    press(page, "Turn it in 3D")
    assert len(drawn(page)) == 1
    assert "mesh.glb is not shown in 3D: its header cannot be read." in words(page)
    assert "mesh.glb is not shown in 3D: it is larger than 1 MB." in words(page)
    link = '<a href="/jobs/turned/files/large/mesh.glb" download>Download mesh.glb instead</a>'
    assert link in words(page)


def test_a_conversion_is_announced_and_then_drawn(
    put_mesh: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_mesh("nvdiffrec", "mesh.obj")
    page = open_page(job="turned")
    press(page, "Turn it in 3D")
    assert "Converting the mesh, once" in words(page)
    for _ in range(600):
        if drawn(page.run()):
            return
        time.sleep(0.1)
    pytest.fail("it was never drawn")


def test_a_job_of_many_models_draws_only_some(put_mesh: Callable[..., Path]) -> None:
    for number in range(6):
        put_mesh(f"model{number}")
    page = open_page(job="turned")
    press(page, "Turn it in 3D")
    assert len(drawn(page)) == 4
    assert "The first 4 of 6 models." in words(page)


def test_a_job_without_a_mesh_offers_no_view(
    storage: Path, put_record: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mesh_views, "open_view", lambda *_: pytest.fail("looked"))
    (storage / "turned" / "output" / "empty").mkdir(parents=True)
    put_record("turned", "SUCCESS", {})
    assert "Turn it in 3D" not in [button.label for button in open_page(job="turned").button]
