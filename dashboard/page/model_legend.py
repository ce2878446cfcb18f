"""Which mark stands for which model; as text of the page, it wraps and is read aloud."""

from collections.abc import Iterable
from html import escape

import streamlit as st

from dashboard.page.chart_parts import COLOURS, SHAPES, Palette


def show_legend(palette: Palette, models: Iterable[str]) -> None:
    """Show the mark of each model that a chart shows."""
    entries = "".join(
        f"<span>{_mark(palette, model)}{escape(palette.name(model))}</span>"
        for model in palette.shown(models)
    )
    st.html(f'<p class="legend">{entries}</p>')


def _mark(palette: Palette, model: str) -> str:
    place = palette.place(model)
    colour = COLOURS[palette.theme][place]
    return f'<i class="{SHAPES[place]}" style="background:{colour}"></i>'
