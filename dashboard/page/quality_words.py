"""What the charts of all quality show, in words: for who reads rather than looks."""

from dashboard.page.chart_parts import Palette, span_text
from dashboard.page.quality_charts import when_text
from dashboard.quality import Metric
from dashboard.quality_counts import Middle, Span
from dashboard.quality_figures import PSNR_GRID, SSIM_GRID, Measured, QualityFigures


def plane_text(figures: QualityFigures) -> list[str]:
    """Say what is drawn, and how to use it."""
    if not figures.drawn:
        return ["No result has both PSNR and SSIM, so there is nothing to draw."]
    lacking = figures.total - figures.drawn
    drawn = f"All {figures.drawn:,} results"
    if lacking:
        drawn = f"{figures.drawn:,} of {figures.total:,} results, the rest lack PSNR or SSIM"
    if not figures.is_binned:
        return [f"{drawn}. A click on a point opens its job, a dragged box lists what lies in it."]
    cells = sum(None not in cell for cell in figures.cells)
    size = f"{1 / PSNR_GRID.per_unit:g} dB × {1 / SSIM_GRID.per_unit:g} SSIM"
    return [
        f"{drawn}, binned in {cells:,} cells of {size}: the larger a mark, the more.",
        "A dragged box lists what lies in it, a double click clears it.",
    ]


def spread_text(measured: Measured, palette: Palette) -> list[str]:
    """Say where each model's results lie."""
    metric, scale = measured.metric, measured.scale
    lines = [
        f"{palette.name(each.model)}: {_middle_text(metric, each)}." for each in measured.overall
    ]
    if measured.beyond:
        whole = span_text(metric, Span(scale.least, scale.most))
        lines.append(f"{measured.beyond:,} lie beyond {whole} and count as at its end.")
    return lines


def course_text(measured: Measured, palette: Palette) -> list[str]:
    """Say what is shown of each period, and how the last one differs from the first."""
    noun, adverb = measured.period.name
    step = f"{1 / measured.scale.per_unit:g} {measured.metric.unit}".rstrip()
    lines = [
        f"{adverb.capitalize()} medians, in UTC, by when the job was created, to {step}; "
        "the bars hold half of the results."
    ]
    courses: dict[str, list[Middle]] = {}
    for each in measured.by_period:
        courses.setdefault(each.model, []).append(each)
    for model, course in courses.items():
        first, last = course[0], course[-1]
        told = f"{measured.metric.text(last.median)} in the {noun} of {when_text(last, measured)}"
        if first is not last:
            told = (
                f"{measured.metric.text(first.median)} in the {noun} of "
                f"{when_text(first, measured)}, {told}"
            )
        lines.append(f"{palette.name(model)}: {told}.")
    return lines


def _middle_text(metric: Metric, middle: Middle) -> str:
    if middle.number == 1:
        return f"one result, {metric.text(middle.median)}"
    half = span_text(metric, middle.quartiles)
    return f"median {metric.text(middle.median)}, half from {half}, {middle.number:,} results"
