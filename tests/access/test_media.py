"""Streamlit's /media/ asks nobody: nothing of ours may ever lie there."""

import ast
from pathlib import Path

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


def test_no_page_uses_a_widget_that_registers_media() -> None:
    used = {
        node.attr
        for path in PAGE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "st"
    }
    assert "html" in used
    assert used.isdisjoint(REGISTERING)
