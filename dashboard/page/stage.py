"""Two pictures of one angle in one frame: a divider to drag, a blink, or beside each other."""

from pathlib import Path
from typing import TypedDict

import streamlit as st

# A script, since CSS alone cannot tell where a slider stands, and the server would be too slow.
SCRIPT = Path(__file__).with_name("stage.js").read_text()
HTML = """
<div class="stage picture large" role="group" aria-label="Previews of A and B">
  <div class="half"><img decoding="async" alt=""><p></p></div>
  <div class="half"><img decoding="async" alt=""><p></p></div>
  <span class="tag"><i class="side a">A</i> <b></b></span>
  <span class="tag"><i class="side b">B</i> <b></b></span>
  <span class="divider"></span>
  <input type="range" min="0" max="100" value="50" aria-label="Divider between A and B">
  <button type="button" class="flip"></button>
  <button type="button" class="play"></button>
</div>
"""

_stage = st.components.v2.component(
    "recon_dashboard.stage", html=HTML, js=SCRIPT, isolate_styles=False
)


class StageSide(TypedDict):
    """One side's picture, or with an empty `src` the words that stand for it."""

    name: str
    src: str
    alt: str
    gap: str


def show_stage(way: str, left: StageSide, right: StageSide) -> None:
    """Show two pictures; `way` is one of `comparison_address.WAYS`."""
    _stage(key="stage", data={"way": way, "sides": [left, right]})
