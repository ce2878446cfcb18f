"""The tour's text, its pictures and the script that takes them know of one another."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TOUR = (DOCS / "tour.md").read_text()


@pytest.fixture(scope="module")
def screenshots() -> Any:
    spec = importlib.util.spec_from_file_location("screenshots", ROOT / "tools" / "screenshots.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tour_shows_every_picture_that_is_taken_in_order(screenshots: Any) -> None:
    taken = [f"{shot.name}.png" for shot in screenshots.SHOTS]
    assert re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TOUR) == taken
    assert sorted(path.name for path in DOCS.glob("*.png")) == sorted(taken)


def test_pictures_are_of_their_size_and_small(screenshots: Any) -> None:
    sizes = {}
    for shot in screenshots.SHOTS:
        file = DOCS / f"{shot.name}.png"
        sizes[shot.name] = file.stat().st_size
        with Image.open(file) as picture:
            assert picture.size == shot.size
    assert max(sizes.values()) <= screenshots.PICTURE_MAX_BYTES
    assert sum(sizes.values()) <= 1_500_000


def test_the_readme_leads_to_the_tour() -> None:
    assert "(docs/tour.md)" in (ROOT / "README.md").read_text()


def test_without_chromium_it_says_what_to_install() -> None:
    call = [sys.executable, str(ROOT / "tools" / "screenshots.py")]
    environment = {"PATH": "/nonexistent", "PYTHONPATH": f"{ROOT}:{ROOT / 'packaging'}"}
    ended = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "sudo apt install chromium" in ended.stdout
