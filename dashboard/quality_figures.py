"""The quality of many jobs at once, out of the catalog: what a filter lets pass, counted.

A result is what one model left of one job.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.catalog.figures import (
    Cell,
    Result,
    Wanted,
    count_cells,
    count_inside,
    count_over_time,
    find_span,
    find_typical,
    find_worst,
    load_results,
)
from dashboard.catalog.kinds import Circumstances
from dashboard.catalog.reading import Counted as CountedKind
from dashboard.catalog.reading import load_kinds
from dashboard.job_pages import choose, circumstances, enter
from dashboard.job_query import JobQuery
from dashboard.live import live
from dashboard.quality import METRICS, Metric
from dashboard.quality_counts import (
    Bar,
    Box,
    Counted,
    Middle,
    Period,
    Scale,
    Span,
    count_beyond,
    find_bars,
    find_middles,
    period_of,
    scale_of,
)

PSNR, SSIM = METRICS[:2]
# Results up to here are drawn one by one; what the browser gets of them is about 250 kB.
POINTS_MAX = 3000
# A cell is about as large as a mark: half a dB by a hundredth of SSIM.
PSNR_GRID, SSIM_GRID = Scale(0.0, 60.0, 2.0, 1), Scale(0.0, 1.0, 100.0, 1)
# So many models are told apart; the rest are counted as this one, which is no directory's name.
MODELS_MAX = 4
OTHER_MODELS = ""


@dataclass(frozen=True)
class Measured:
    """One metric of the results: how it is spread, by model, and how its median moved.

    `beyond` counts the results beyond the scale, which are in its outermost steps.
    """

    metric: Metric
    scale: Scale
    bars: tuple[Bar, ...]
    overall: tuple[Middle, ...]
    by_period: tuple[Middle, ...]
    period: Period
    beyond: int


@dataclass(frozen=True)
class QualityFigures:
    """All results that pass a filter; few are in `results`, one by one, many in `cells`.

    `models` are told apart everywhere, whatever the filter; `by_model` is about all jobs.
    `unsurveyed` counts jobs whose files nobody has looked into.
    """

    results: tuple[Result, ...]
    cells: tuple[Cell, ...]
    measured: Measured
    by_status: Mapping[str, int]
    models: tuple[str, ...]
    by_model: Mapping[str, int]
    unsurveyed: int
    backend_away: bool

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def drawn(self) -> int:
        """How many results have both figures of the plane."""
        one_by_one = sum(each.psnr is not None and each.ssim is not None for each in self.results)
        return one_by_one + sum(cell.number for cell in self.cells if None not in cell)

    @property
    def is_binned(self) -> bool:
        return bool(self.cells)


@dataclass(frozen=True)
class Worst:
    """The worst results, worst first, out of so many of so many jobs."""

    results: tuple[Result, ...]
    total: int
    jobs: int


def load_figures(query: JobQuery, metric: Metric) -> QualityFigures:
    """Count what passes a filter; its page and order do not matter.

    Raises StorageUnavailableError if the storage cannot be entered, or CatalogUnavailableError.
    """
    keeper = enter()
    now = circumstances(keeper)
    with keeper.database.reading() as connection:
        every = [counted for counted in load_kinds(connection) if counted[2]]
        wanted = _wanted(every, query, now)
        by_model = _by_model(every)
        models = tuple(sorted(sorted(by_model, key=lambda name: -by_model[name])[:MODELS_MAX]))
        results = load_results(connection, wanted, POINTS_MAX + 1)
        cells: Sequence[Cell] = ()
        if len(results) > POINTS_MAX:
            results, cells = [], count_cells(connection, wanted, PSNR_GRID, SSIM_GRID)
        is_bounded = metric in {PSNR, SSIM}
        typical = None if is_bounded else find_typical(connection, wanted, metric)
        scale = scale_of(metric, typical)
        period = period_of(*(find_span(connection, wanted) or [datetime.now(UTC)] * 2))
        counted = count_over_time(connection, wanted, metric, scale, period)
    return QualityFigures(
        results=tuple(sorted(results)),
        cells=_merge_others(cells, models),
        measured=_measure(metric, scale, period, counted, models),
        by_status=_by_status(results, cells),
        models=models,
        by_model=by_model,
        unsurveyed=sum(count for _, kind, count in every if not kind.is_surveyed),
        backend_away=now.backend_away,
    )


def list_worst(query: JobQuery, metric: Metric, box: Box | None, limit: int) -> Worst:
    """List the worst results that pass a filter and lie in a box; None is the whole plane.

    Raises CatalogUnavailableError.
    """
    keeper = live()
    now = circumstances(keeper)
    asked = box and Box(_open(box.psnr, PSNR_GRID), _open(box.ssim, SSIM_GRID))
    with keeper.database.reading() as connection:
        every = [counted for counted in load_kinds(connection) if counted[2]]
        wanted = _wanted(every, query, now)
        worst = find_worst(connection, wanted, metric, asked, limit)
        total, of_jobs = len(worst), len({each.job_id for each in worst})
        if total == limit:
            total, of_jobs = count_inside(connection, wanted, metric, asked)
    return Worst(tuple(worst), total, of_jobs)


def _wanted(every: Sequence[CountedKind], query: JobQuery, now: Circumstances) -> Wanted:
    with_results = [counted for counted in every if counted[1].models]
    chosen = choose(with_results, query, now)
    is_all = len(chosen) == len(with_results)
    return Wanted(
        tuple(kind_id for kind_id, _, _ in chosen),
        is_all,
        query.text,
        query.models,
        query.qualities,
    )


def _by_model(every: Iterable[CountedKind]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for _, kind, count in every:
        for name, _quality in kind.models:
            total[name] += count
    return total


def _by_status(results: Iterable[Result], cells: Iterable[Cell]) -> Mapping[str, int]:
    total = Counter(each.status for each in results)
    for cell in cells:
        total[cell.status] += cell.number
    return total


def _merge_others(cells: Iterable[Cell], models: Sequence[str]) -> tuple[Cell, ...]:
    """One cell for each model and place, whatever the judgement."""
    total: Counter[tuple[str, int | None, int | None]] = Counter()
    for cell in cells:
        model = cell.model if cell.model in models else OTHER_MODELS
        total[model, cell.psnr, cell.ssim] += cell.number
    return tuple(Cell(model, "", p, s, count) for (model, p, s), count in total.items())


def _measure(
    metric: Metric, scale: Scale, period: Period, counted: Sequence[Counted], models: Sequence[str]
) -> Measured:
    known = [
        each if each.model in models else each._replace(model=OTHER_MODELS) for each in counted
    ]
    return Measured(
        metric,
        scale,
        tuple(find_bars(known, scale)),
        tuple(find_middles(known, scale, by_period=False)),
        tuple(find_middles(known, scale, by_period=True)),
        period,
        count_beyond(known, scale),
    )


def _open(span: Span, grid: Scale) -> Span:
    """What lies beyond the plane is drawn at its edge: a box that reaches there holds it."""
    low = -math.inf if span.low <= grid.least else span.low
    return Span(low, math.inf if span.high >= grid.most else span.high)
