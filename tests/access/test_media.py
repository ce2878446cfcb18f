"""Streamlit's /media/ asks nobody: nothing of ours may ever lie there."""

import ast
from pathlib import Path

import pytest

PAGE = sorted((Path(__file__).parents[2] / "dashboard" / "page").glob("*.py"))
# What keeps bytes at an address below /media/ for as long as a page is open.
REGISTERING = {
    "audio",
    "audio_input",
    "camera_input",
    "download_button",
    "file_uploader",
    "image",
    "logo",
    "pdf",
    "pyplot",
    "video",
}


@pytest.mark.parametrize("path", PAGE, ids=lambda path: path.stem)
def test_no_page_uses_a_widget_that_registers_media(path: Path) -> None:
    tree = ast.parse(path.read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "st"
    }
    assert used.isdisjoint(REGISTERING)
