"""What charts of quality have in common: how models look, axes, threshold lines.

Altair draws names as they are: neither legends nor tooltips read markup in them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import altair as alt
import pandas as pd

from dashboard.quality import THRESHOLDS, Metric
from dashboard.quality_counts import Span
from dashboard.quality_figures import OTHER_MODELS
from dashboard.wording import model_text

Theme = Literal["light", "dark"]
Axis = Literal["x", "y"]

# The last of each is for the other models.
SHAPES = ("circle", "triangle-up", "square", "diamond", "cross")
DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3), (1, 3))
# Told apart by colour-blind eyes too, on either ground.
COLOURS: Mapping[Theme, tuple[str, ...]] = {
    "light": ("#4f46e5", "#c2500a", "#1d9e8a", "#3f1130", "#6b7280"),
    "dark": ("#9a97ff", "#ffa24d", "#9ff5df", "#a85a2a", "#6f7788"),
}
# Threshold lines and their words, which stand on the ground's colour.
INK: Mapping[Theme, str] = {"light": "#545d78", "dark": "#a9b0c6"}
GROUND: Mapping[Theme, str] = {"light": "#fafbfd", "dark": "#0e1117"}


@dataclass(frozen=True)
class Palette:
    """How models look: the same on every chart, whatever the filter."""

    models: tuple[str, ...]
    theme: Theme

    @cached_property
    def _names(self) -> Mapping[str, str]:
        called = {name: model_text(name) for name in self.models}
        # Two that would be called alike keep the names that they have.
        return called if len(set(called.values())) == len(called) else {n: n for n in self.models}

    def name(self, model: str) -> str:
        return self._names.get(model, "other models")

    def shown(self, models: Iterable[str]) -> list[str]:
        """These models in their order, all others as one."""
        known = set(models)
        others = [OTHER_MODELS] if known - set(self.models) else []
        return [*(name for name in self.models if name in known), *others]

    def place(self, model: str) -> int:
        """Which of the colours, shapes and dashes is a model's."""
        return self.models.index(model) if model in self.models else len(SHAPES) - 1

    def channels(self, models: Iterable[str]) -> Mapping[str, Any]:
        """Colour, shape and dashes of the models that a chart shows."""
        shown = self.shown(models)
        places = [self.place(name) for name in shown]

        def scale(values: Sequence[Any]) -> alt.Scale:
            found = [values[place] for place in places]
            return alt.Scale(domain=[self.name(name) for name in shown], range=found)

        return {
            "color": alt.Color("series:N", scale=scale(COLOURS[self.theme]), legend=None),
            "shape": alt.Shape("series:N", scale=scale(SHAPES), legend=None),
            "dash": alt.StrokeDash("series:N", scale=scale(DASHES), legend=None),
        }


def threshold_lines(metric: Metric, axis: Axis, theme: Theme, within: Sequence[float]) -> list[Any]:
    """The pipeline's thresholds as lines; none for a metric that has no thresholds."""
    rows = _thresholds(metric, within)
    lines = alt.Chart(rows).mark_rule(strokeDash=[5, 4], color=INK[theme], strokeWidth=1.2)
    return [] if rows.empty else [lines.encode(x="at:Q") if axis == "x" else lines.encode(y="at:Q")]


def threshold_words(metric: Metric, axis: Axis, theme: Theme, within: Sequence[float]) -> list[Any]:
    """What the lines mean, along them and above all marks."""
    rows = _thresholds(metric, within)
    if rows.empty:
        return []
    halo = {"stroke": GROUND[theme], "strokeWidth": 4, "strokeJoin": "round"}
    layers = []
    for look in (halo, {}):
        style: dict[str, Any] = {"color": INK[theme], "fontSize": 11, "dy": -7, **look}
        if axis == "x":
            words = alt.Chart(rows).mark_text(angle=270, align="right", dx=-6, **style)
            layers.append(words.encode(x="at:Q", y=alt.value(0), text="told:N"))
        else:
            words = alt.Chart(rows).mark_text(align="left", dx=6, **style)
            layers.append(words.encode(y="at:Q", x=alt.value(0), text="told:N"))
    return layers


def _thresholds(metric: Metric, within: Sequence[float]) -> pd.DataFrame:
    found = {name: THRESHOLDS.get(f"{metric.key}_{name}") for name in ("normal", "warning")}
    return pd.DataFrame(
        {"at": limit, "told": f"{name} from {limit:g}"}
        for name, limit in found.items()
        if limit is not None and within[0] <= limit <= within[1]
    )


def fixed_scale(domain: Sequence[float]) -> alt.Scale:
    return alt.Scale(domain=list(domain), zero=False, nice=False)


def padded(found: Sequence[float]) -> list[float]:
    """A little more than from the least to the most."""
    low, high = min(found), max(found)
    pad = (high - low) * 0.05 or abs(low) * 0.05 or 1.0
    return [low - pad, high + pad]


def axis_title(metric: Metric) -> str:
    return f"{metric.name}, {metric.unit}" if metric.unit else metric.name


def figure_format(metric: Metric) -> str:
    return f".{metric.decimals}f"


def span_text(metric: Metric, span: Span, decimals: int | None = None) -> str:
    places = metric.decimals if decimals is None else decimals
    return f"{span.low:.{places}f} to {span.high:.{places}f} {metric.unit}".rstrip()
