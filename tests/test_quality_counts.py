"""What counts in steps say: medians, quartiles and bars, held against the figures themselves."""

import math
import statistics
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.quality import METRICS, THRESHOLDS
from dashboard.quality_counts import (
    DAY,
    HOUR,
    WEEK,
    Counted,
    Scale,
    count_beyond,
    find_bars,
    find_middles,
    period_of,
    scale_of,
)

PSNR, SSIM, DEPTH_MAE, _ = METRICS
MOMENT = datetime(2026, 3, 2, tzinfo=UTC)


def step_of(figure: float, scale: Scale) -> int:
    if figure < scale.least:
        return -1
    return min(math.floor((figure - scale.least) * scale.per_unit), scale.steps)


def count(figures: list[float], scale: Scale, model: str = "m") -> list[Counted]:
    steps = Counter(step_of(figure, scale) for figure in figures)
    return [Counted(model, MOMENT, step, number) for step, number in steps.items()]


within = st.lists(st.floats(0, 59.9), min_size=1, max_size=60)


@given(within)
def test_medians_and_quartiles_are_right_to_a_step(figures: list[float]) -> None:
    scale = scale_of(PSNR)
    [middle] = find_middles(count(figures, scale), scale, by_period=False)
    ranked = sorted(figures)
    last = len(ranked) - 1
    step = 1 / scale.per_unit
    assert middle.number == len(figures)
    assert middle.median == pytest.approx(statistics.median(figures), abs=step)
    assert middle.quartiles.low == pytest.approx(ranked[last // 4], abs=step)
    assert middle.quartiles.high == pytest.approx(ranked[last - last // 4], abs=step)


@given(st.lists(st.floats(-20, 100), min_size=1, max_size=60))
def test_bars_add_up_to_all_results_those_beyond_the_scale_included(figures: list[float]) -> None:
    scale = scale_of(PSNR)
    counted = count(figures, scale)
    bars = find_bars(counted, scale)
    assert sum(bar.number for bar in bars) == len(figures)
    assert sum(bar.share for bar in bars) == pytest.approx(1)
    assert count_beyond(counted, scale) == sum(not 0 <= figure < 60 for figure in figures)
    for bar in bars:
        inside = [f for f in figures if bar.span.low <= min(max(f, 0), 59.99) < bar.span.high]
        assert bar.number == len(inside)


def test_medians_are_found_period_by_period_and_model_by_model() -> None:
    scale = scale_of(PSNR)
    later = MOMENT + timedelta(weeks=1)
    counted = [
        Counted("b", later, step_of(20.0, scale), 1),
        Counted("a", later, step_of(30.0, scale), 3),
        Counted("a", MOMENT, step_of(10.0, scale), 2),
    ]
    found = find_middles(counted, scale, by_period=True)
    assert [(each.model, each.begins, each.number) for each in found] == [
        ("a", MOMENT, 2),
        ("a", later, 3),
        ("b", later, 1),
    ]
    assert [each.median for each in found] == pytest.approx([10, 30, 20], abs=0.1)


@pytest.mark.parametrize(("key", "limit"), THRESHOLDS.items())
def test_a_threshold_lies_between_two_steps_and_between_two_bars(key: str, limit: float) -> None:
    scale = scale_of(next(metric for metric in METRICS if key.startswith(metric.key)))
    steps = (limit - scale.least) * scale.per_unit
    assert steps == round(steps)
    assert round(steps) % scale.bar_steps == 0


@pytest.mark.parametrize("typical", [None, 0.0, 1e-12, 3e-5, 0.0199, 0.02, 1.0, 700.0, 1e300])
def test_a_depth_scale_fits_what_is_typical(typical: float | None) -> None:
    scale = scale_of(DEPTH_MAE, typical)
    assert scale.steps <= 1000
    assert scale.steps % scale.bar_steps == 0
    if typical and 1e-9 <= typical <= 1e9:
        assert scale.most >= 4 * typical * (1 - 1e-6)
        assert 50 * (1 - 1e-6) <= typical * scale.per_unit <= 126


@pytest.mark.parametrize(
    ("lasting", "period"),
    [
        (timedelta(0), HOUR),
        (timedelta(days=3), HOUR),
        (timedelta(days=4), DAY),
        (timedelta(days=90), DAY),
        (timedelta(days=91), WEEK),
        (timedelta(days=4000), WEEK),
    ],
)
def test_periods_are_as_short_as_they_can_be(lasting: timedelta, period: object) -> None:
    assert period_of(MOMENT, MOMENT + lasting) is period
