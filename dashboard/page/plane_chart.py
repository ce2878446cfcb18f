"""The plane of PSNR and SSIM as a chart: results one by one, or counted in cells."""

from collections.abc import Iterable
from typing import Any

import altair as alt
import pandas as pd
from altair.typing import ChartType

from dashboard.page.chart_parts import (
    INK,
    Palette,
    axis_title,
    figure_format,
    fixed_scale,
    padded,
    span_text,
    threshold_lines,
    threshold_words,
)
from dashboard.quality import METRICS, THRESHOLDS, Metric
from dashboard.quality_counts import Box, Scale, Span
from dashboard.quality_figures import PSNR_GRID, SSIM_GRID, QualityFigures
from dashboard.wording import model_text, quality_word

BOX, PICKED = "box", "picked"
PSNR, SSIM = METRICS[:2]
POINT_PX2, CELL_PX2 = 46, (6, 75)


def plane(figures: QualityFigures, palette: Palette, box: Box | None) -> ChartType:
    """PSNR against SSIM; `box` is what is chosen on it when it first appears."""
    rows = _cells(figures, palette) if figures.is_binned else _points(figures, palette)
    look = palette.channels(each.model for each in (figures.cells or figures.results))
    across = _domain(rows["psnr"], PSNR_GRID, PSNR)
    up = _domain(rows["ssim"], SSIM_GRID, SSIM)
    ink = INK[palette.theme]
    brush = alt.selection_interval(
        name=BOX,
        encodings=["x", "y"],
        zoom=False,
        mark=alt.BrushConfig(fill=ink, fillOpacity=0.1, stroke=ink, strokeWidth=1.5),
        **_drawn(box),
    )
    marks = (
        alt.Chart(rows)
        .mark_point(filled=True, strokeWidth=0)
        .encode(
            x=alt.X("psnr:Q", title=axis_title(PSNR), scale=fixed_scale(across)),
            y=alt.Y("ssim:Q", title=axis_title(SSIM), scale=fixed_scale(up)),
            color=look["color"],
            shape=look["shape"],
            opacity=alt.when(brush).then(alt.value(0.8)).otherwise(alt.value(0.15)),
            size=_size(figures),
            tooltip=_tooltip(figures),
        )
        .add_params(brush)
    )
    if not figures.is_binned:
        picked = alt.selection_point(name=PICKED, fields=["job"], on="click", toggle=False)
        marks = marks.add_params(picked)
    return alt.layer(
        *threshold_lines(PSNR, "x", palette.theme, across),
        *threshold_lines(SSIM, "y", palette.theme, up),
        marks,
        *threshold_words(PSNR, "x", palette.theme, across),
        *threshold_words(SSIM, "y", palette.theme, up),
    )


def _points(figures: QualityFigures, palette: Palette) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "series": palette.name(each.model),
            "job": each.job_id,
            "model": model_text(each.model),
            "quality": quality_word(each.status),
            "psnr": min(max(each.psnr, PSNR_GRID.least), PSNR_GRID.most),
            "ssim": min(max(each.ssim, SSIM_GRID.least), SSIM_GRID.most),
        }
        for each in figures.results
        if each.psnr is not None and each.ssim is not None
    )


def _cells(figures: QualityFigures, palette: Palette) -> pd.DataFrame:
    """Models stand beside each other within their cell, so that none hides another."""
    names = sorted({cell.model for cell in figures.cells})
    at = {name: (place + 0.5) / len(names) for place, name in enumerate(names)}
    return pd.DataFrame(
        {
            "series": palette.name(cell.model),
            "psnr": PSNR_GRID.figure(cell.psnr, at[cell.model]),
            "ssim": SSIM_GRID.figure(cell.ssim, at[cell.model]),
            "around_psnr": span_text(PSNR, _span(PSNR_GRID, cell.psnr), 2),
            "around_ssim": span_text(SSIM, _span(SSIM_GRID, cell.ssim), 2),
            "results": cell.number,
        }
        for cell in figures.cells
        if cell.psnr is not None and cell.ssim is not None
    )


def _size(figures: QualityFigures) -> Any:
    if not figures.is_binned:
        return alt.value(POINT_PX2)
    return alt.Size("results:Q", scale=alt.Scale(range=list(CELL_PX2)), legend=None)


def _tooltip(figures: QualityFigures) -> list[alt.Tooltip]:
    if figures.is_binned:
        return [
            alt.Tooltip("series:N", title="Model"),
            alt.Tooltip("results:Q", title="Results", format=","),
            alt.Tooltip("around_psnr:N", title=PSNR.name),
            alt.Tooltip("around_ssim:N", title=SSIM.name),
        ]
    return [
        alt.Tooltip("job:N", title="Job"),
        alt.Tooltip("model:N", title="Model"),
        alt.Tooltip("psnr:Q", title=axis_title(PSNR), format=figure_format(PSNR)),
        alt.Tooltip("ssim:Q", title=axis_title(SSIM), format=figure_format(SSIM)),
        alt.Tooltip("quality:N", title="Quality"),
    ]


def _domain(found: Iterable[float], grid: Scale, metric: Metric) -> list[float]:
    """From the least to the most, with the thresholds in sight."""
    limits = [limit for name, limit in THRESHOLDS.items() if name.startswith(metric.key)]
    low, high = padded([*found, *limits])
    return [max(low, grid.least), min(high, grid.most)]


def _drawn(box: Box | None) -> dict[str, Any]:
    return {"value": {"x": list(box.psnr), "y": list(box.ssim)}} if box else {}


def _span(grid: Scale, step: int) -> Span:
    return Span(grid.figure(step, 0.0), grid.figure(step, 1.0))
