"""PSNR against SSIM: a box drawn on it narrows the list beside it, a point opens its job."""

from dataclasses import dataclass

import streamlit as st

from dashboard.page.address import go_to_job, go_to_list
from dashboard.page.chart_parts import Palette
from dashboard.page.model_legend import show_legend
from dashboard.page.pieces import card_heading, lines
from dashboard.page.plane_chart import BOX, PICKED, plane
from dashboard.page.quality_address import QualityAddress, box_text
from dashboard.page.quality_words import plane_text
from dashboard.quality_counts import Box, Span
from dashboard.quality_figures import QualityFigures

DRAWN = "plane_drawn"
# As high as the list beside it.
HEIGHT_PX = 420


@dataclass(frozen=True)
class Drawn:
    """The chart as it was made: its number, the box it began with and the one it has now.

    A chart that is given another box is made anew, and flickers; one that a hand has drawn on
    already has its box. So a new one is made only where the address brings a box from elsewhere.
    """

    number: int
    first: Box | None
    now: str


def show_plane(address: QualityAddress, figures: QualityFigures, palette: Palette) -> None:
    """Show the plane, and what is drawn of how many results."""
    with st.container(border=True, height="stretch", key="plane", gap="xsmall"):
        card_heading("PSNR and SSIM")
        lines(plane_text(figures))
        if not figures.drawn:
            return
        show_legend(palette, (each.model for each in (figures.cells or figures.results)))
        drawn = _drawn(address.box)
        st.altair_chart(
            plane(figures, palette, drawn.first),
            height=HEIGHT_PX,
            alt="Scatter plot of PSNR against SSIM by model",
            key=_key(drawn),
            on_select=_selected,
        )


def _drawn(box: Box | None) -> Drawn:
    drawn: Drawn | None = st.session_state.get(DRAWN)
    if drawn is None or drawn.now != box_text(box):
        drawn = Drawn(drawn.number + 1 if drawn else 0, box, box_text(box))
        st.session_state[DRAWN] = drawn
    return drawn


def _key(drawn: Drawn) -> str:
    return f"plane-{drawn.number}"


def _selected() -> None:
    """Take over what a hand did: a click on a point opens its job, a drag draws a box."""
    drawn: Drawn = st.session_state[DRAWN]
    chosen = st.session_state[_key(drawn)]["selection"]
    if picked := chosen.get(PICKED):
        # The next chart is a new one, with nothing picked: the same point can be picked again.
        st.session_state[DRAWN] = Drawn(drawn.number, drawn.first, "gone")
        go_to_job(picked[0]["job"])
        return
    sides = chosen.get(BOX) or {}
    box = None
    if {"psnr", "ssim"} <= sides.keys():
        box = Box(Span(*sorted(sides["psnr"])), Span(*sorted(sides["ssim"])))
    st.session_state[DRAWN] = Drawn(drawn.number, drawn.first, box_text(box))
    go_to_list(box=box_text(box))
