"""Many figures at once: counted in small steps, and what their counts say; pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from dashboard.quality import Metric

# Steps of 0.1 dB and 0.002, bars of 1 dB and 0.01: thresholds lie between two of either.
PSNR_SCALE, SSIM_SCALE = (0.0, 60.0, 10.0, 10), (0.0, 1.0, 500.0, 5)
# Depth errors are in the renderer's unit: their scale goes by what is typical of them.
STEPS_TO_TYPICAL, TYPICALS, BARS = 50, 4, 40
TYPICAL_LEAST, TYPICAL_MOST = 1e-9, 1e9


@dataclass(frozen=True)
class Scale:
    """Equal steps from `least` to `most`, `per_unit` of them to a unit; `bar_steps` make a bar.

    What lies below is step -1, what lies above is step `steps`.
    """

    least: float
    most: float
    per_unit: float
    bar_steps: int

    @property
    def steps(self) -> int:
        return round((self.most - self.least) * self.per_unit)

    def figure(self, step: int, share: float = 0.5) -> float:
        """The figure at a share of a step; the end of the scale for what lies beyond it."""
        return min(max(self.least + (step + share) / self.per_unit, self.least), self.most)


def scale_of(metric: Metric, typical: float | None = None) -> Scale:
    """Find a metric's scale; `typical` is a figure in the midst of those without limits."""
    if metric.key == "psnr":
        return Scale(*PSNR_SCALE)
    if metric.key == "ssim":
        return Scale(*SSIM_SCALE)
    typical = min(max(typical or 0.0, TYPICAL_LEAST), TYPICAL_MOST)
    per_unit = _round_up(STEPS_TO_TYPICAL / typical)
    bar_steps = math.ceil(TYPICALS * typical * per_unit / BARS)
    return Scale(0.0, bar_steps * BARS / per_unit, per_unit, bar_steps)


def _round_up(number: float) -> float:
    """Find the next number that is 1, 2 or 5 by a power of ten."""
    power = 10.0 ** math.floor(math.log10(number))
    return power * next(digit for digit in (1, 2, 5, 10) if digit * power >= number * (1 - 1e-9))


class Span(NamedTuple):
    """From one figure to another, both included."""

    low: float
    high: float


class Box(NamedTuple):
    """A part of the plane of PSNR, in dB, and SSIM."""

    psnr: Span
    ssim: Span


@dataclass(frozen=True)
class Period:
    """A stretch of time, of which `shift` belongs to the first before 1970: weeks begin on Monday.

    `name` is its word and its adverb.
    """

    name: tuple[str, str]
    length: timedelta
    shift: timedelta = timedelta(0)


HOUR = Period(("hour", "hourly"), timedelta(hours=1))
DAY = Period(("day", "daily"), timedelta(days=1))
WEEK = Period(("week", "weekly"), timedelta(weeks=1), timedelta(days=3))


def period_of(first: datetime, last: datetime) -> Period:
    """Choose the shortest period of which not too many lie between two moments."""
    if last - first <= timedelta(days=3):
        return HOUR
    return DAY if last - first <= timedelta(days=90) else WEEK


class Counted(NamedTuple):
    """So many results of a model lie in this step of a scale, and belong to this period."""

    model: str
    begins: datetime
    step: int
    number: int


@dataclass(frozen=True)
class Middle:
    """The median of some results, and the figures between which half of them lie."""

    model: str
    number: int
    median: float
    quartiles: Span
    begins: datetime | None = None


@dataclass(frozen=True)
class Bar:
    """How many of a model's results lie between two figures, and which share of them, 0 to 1."""

    model: str
    span: Span
    number: int
    share: float


def find_middles(counted: Sequence[Counted], scale: Scale, *, by_period: bool) -> list[Middle]:
    """Find each model's median, of all its results or period by period."""
    groups: dict[tuple[str, datetime | None], list[Counted]] = {}
    for each in counted:
        groups.setdefault((each.model, each.begins if by_period else None), []).append(each)
    return [
        _middle(model, begins, sorted(group, key=lambda each: each.step), scale)
        for (model, begins), group in sorted(groups.items(), key=_model_and_time)
    ]


def _model_and_time(group: tuple[tuple[str, datetime | None], object]) -> tuple[str, float]:
    model, begins = group[0]
    return model, begins.timestamp() if begins else 0.0


def _middle(model: str, begins: datetime | None, group: list[Counted], scale: Scale) -> Middle:
    total = sum(each.number for each in group)

    def at(rank: int) -> float:
        """The figure of a rank; those within one step count as spread evenly over it."""
        for each in group:
            if rank < each.number:
                return scale.figure(each.step, (rank + 0.5) / each.number)
            rank -= each.number
        raise ValueError("a rank beyond the last")

    last = total - 1
    median = (at(last // 2) + at(total // 2)) / 2
    return Middle(model, total, median, Span(at(last // 4), at(last - last // 4)), begins)


def find_bars(counted: Sequence[Counted], scale: Scale) -> list[Bar]:
    """Find how each model's results are spread; those beyond the scale are in its outer bars."""
    totals: dict[str, int] = {}
    bars: dict[tuple[str, int], int] = {}
    last = (scale.steps - 1) // scale.bar_steps
    for each in counted:
        bar = min(max(each.step // scale.bar_steps, 0), last)
        bars[each.model, bar] = bars.get((each.model, bar), 0) + each.number
        totals[each.model] = totals.get(each.model, 0) + each.number
    width = scale.bar_steps / scale.per_unit
    return [
        Bar(
            model,
            Span(scale.least + bar * width, scale.least + (bar + 1) * width),
            count,
            count / totals[model],
        )
        for (model, bar), count in sorted(bars.items())
    ]


def count_beyond(counted: Sequence[Counted], scale: Scale) -> int:
    """Count the results that lie beyond the scale."""
    return sum(each.number for each in counted if not 0 <= each.step < scale.steps)
