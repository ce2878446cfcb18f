"""One metric of many results as charts: how it is spread, and how its median moved."""

from typing import Any

import altair as alt
import pandas as pd
from altair.typing import ChartType

from dashboard.page.chart_parts import (
    Palette,
    axis_title,
    figure_format,
    fixed_scale,
    padded,
    span_text,
    threshold_lines,
    threshold_words,
)
from dashboard.quality_counts import HOUR, Middle
from dashboard.quality_figures import Measured

POINT_PX2 = 46


def spread(measured: Measured, palette: Palette) -> ChartType:
    """How many of each model's results lie where."""
    metric = measured.metric
    rows = pd.DataFrame(
        {
            "series": palette.name(bar.model),
            "low": bar.span.low,
            "high": bar.span.high,
            "share": bar.share,
            "results": bar.number,
            "range": span_text(metric, bar.span),
        }
        for bar in measured.bars
    )
    look = palette.channels(bar.model for bar in measured.bars)
    across = [rows["low"].min(), rows["high"].max()]
    x = alt.X("low:Q", bin="binned", title=axis_title(metric), scale=fixed_scale(across))
    y = alt.Y("results:Q", stack=None, title="Results", axis=alt.Axis(tickMinStep=1))
    bars = (
        alt.Chart(rows)
        .mark_bar(opacity=0.3, binSpacing=0, cornerRadius=0)
        .encode(
            x=x,
            x2="high:Q",
            y=y,
            color=look["color"],
            tooltip=[
                alt.Tooltip("series:N", title="Model"),
                alt.Tooltip("range:N", title=metric.name),
                alt.Tooltip("results:Q", title="Results", format=","),
                alt.Tooltip("share:Q", title="Share of the model's", format=".1%"),
            ],
        )
    )
    edge = alt.Chart(_edges(rows)).mark_line(interpolate="step-after", strokeWidth=1.5)
    return alt.layer(
        bars,
        edge.encode(x="low:Q", y="results:Q", color=look["color"], strokeDash=look["dash"]),
        *threshold_lines(metric, "x", palette.theme, across),
        *threshold_words(metric, "x", palette.theme, across),
    )


def course(measured: Measured, palette: Palette) -> ChartType:
    """The median of each period, and between which figures half of its results lie."""
    metric = measured.metric
    rows = pd.DataFrame(
        {
            "series": palette.name(middle.model),
            "begins": middle.begins,
            "when": when_text(middle, measured),
            "median": middle.median,
            "low": middle.quartiles.low,
            "high": middle.quartiles.high,
            "half": span_text(metric, middle.quartiles),
            "results": middle.number,
        }
        for middle in measured.by_period
    )
    look = palette.channels(middle.model for middle in measured.by_period)
    up = padded([*rows["low"], *rows["high"]])
    hours = alt.Axis(format="%d %b, %H:%M") if measured.period is HOUR else alt.Undefined
    base = alt.Chart(rows).encode(
        x=alt.X("begins:T", title=None, scale=alt.Scale(type="utc"), axis=hours),
        color=look["color"],
        tooltip=[
            alt.Tooltip("series:N", title="Model"),
            alt.Tooltip("when:N", title=measured.period.name[0].capitalize()),
            alt.Tooltip("median:Q", title="Median", format=figure_format(metric)),
            alt.Tooltip("half:N", title="Half lie from"),
            alt.Tooltip("results:Q", title="Results", format=","),
        ],
    )

    def y(field: str) -> Any:
        return alt.Y(field, title=axis_title(metric), scale=fixed_scale(up))

    halves = base.mark_rule(strokeWidth=5, strokeCap="round", opacity=0.2)
    points = base.mark_point(filled=True, size=POINT_PX2, opacity=1)
    return alt.layer(
        halves.encode(y=y("low:Q"), y2="high:Q"),
        *threshold_lines(metric, "y", palette.theme, up),
        base.mark_line(strokeWidth=1.5).encode(y=y("median:Q"), strokeDash=look["dash"]),
        points.encode(y=y("median:Q"), shape=look["shape"]),
        *threshold_words(metric, "y", palette.theme, up),
    )


def when_text(middle: Middle, measured: Measured) -> str:
    """Name a period by its beginning, in UTC."""
    day = f"{middle.begins:%Y-%m-%d}"
    return f"{middle.begins:%Y-%m-%d %H:%M} UTC" if measured.period is HOUR else day


def _edges(rows: pd.DataFrame) -> pd.DataFrame:
    """The upper edge of each model's bars, down to zero where there are none."""
    edges = []
    for series, bars in rows.groupby("series"):
        begins = {round(low, 9) for low in bars["low"]}
        for low, high, results in zip(bars["low"], bars["high"], bars["results"], strict=True):
            edges.append((series, low, results))
            if round(high, 9) not in begins:
                edges.append((series, high, 0))
    return pd.DataFrame(edges, columns=["series", "low", "results"])
