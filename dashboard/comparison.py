"""Two models' results beside each other: who is ahead, and whether the figures compare at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.celery_record import number
from dashboard.quality import (
    METRICS,
    THRESHOLDS,
    Metric,
    Quality,
    QualityStatus,
    difference,
    find_lead,
)

LEFT, RIGHT = 0, 1

# A job's models by name, in the order of their listing.
Models = Mapping[str, Quality | None]


@dataclass(frozen=True)
class MetricRow:
    """One metric of both sides. `difference` is left minus right, rounded as it is shown.

    `winner` is LEFT or RIGHT; None where they are level or one side lacks the figure.
    """

    metric: Metric
    values: tuple[float | None, float | None]
    difference: float | None
    winner: int | None


@dataclass(frozen=True)
class Setting:
    """Under which condition each side was measured; None is what its file does not say."""

    name: str
    values: tuple[str | None, str | None]

    @property
    def differs(self) -> bool:
        return None not in self.values and self.values[LEFT] != self.values[RIGHT]


@dataclass(frozen=True)
class Comparison:
    """All that can be said of two qualities. While settings differ, nobody is ahead.

    `wins` counts metrics for each side, of `compared` that both have. `lead` is what `find_lead`
    says: who is first in PSNR, and by how many dB.
    """

    rows: tuple[MetricRow, ...]
    settings: tuple[Setting, ...]
    wins: tuple[int, int]
    compared: int
    lead: tuple[int, float] | None

    @property
    def differing(self) -> tuple[Setting, ...]:
        return tuple(setting for setting in self.settings if setting.differs)

    @property
    def ahead(self) -> int | None:
        """The side that wins more metrics than the other."""
        left, right = self.wins
        return None if left == right else LEFT if left > right else RIGHT


def compare(left: Quality | None, right: Quality | None) -> Comparison:
    """Set two models' figures against each other; a side may have none."""
    settings = _settings(left, right)
    compares = not any(setting.differs for setting in settings)
    rows = tuple(_row(metric, left, right, compares=compares) for metric in METRICS)
    found = find_lead([left, right]) if compares else None
    return Comparison(
        rows=rows,
        settings=settings,
        wins=(
            sum(row.winner == LEFT for row in rows),
            sum(row.winner == RIGHT for row in rows),
        ),
        compared=sum(None not in row.values for row in rows),
        lead=found and (found[0], found[2]),
    )


def _row(
    metric: Metric, left: Quality | None, right: Quality | None, *, compares: bool
) -> MetricRow:
    first, second = (side.metrics[metric.key] if side else None for side in (left, right))
    if first is None or second is None:
        return MetricRow(metric, (first, second), None, None)
    ahead = difference(metric, first, second)
    winner = LEFT if (ahead > 0) is metric.higher_is_better else RIGHT
    is_won = compares and ahead != 0
    return MetricRow(metric, (first, second), number(ahead), winner if is_won else None)


def _settings(left: Quality | None, right: Quality | None) -> tuple[Setting, ...]:
    sides = (left, right)
    return (
        Setting("Resolution", _both([_resolution(side) for side in sides])),
        Setting("Views", _both([str(s.num_views) if s and s.num_views else None for s in sides])),
    )


def _both(values: Sequence[str | None]) -> tuple[str | None, str | None]:
    return values[LEFT], values[RIGHT]


def _resolution(quality: Quality | None) -> str | None:
    if quality is None or quality.image_resolution is None:
        return None
    height, width = quality.image_resolution
    return f"{width} × {height} px"


def limits(metric: Metric, quality: Quality | None) -> dict[QualityStatus, float]:
    """From which value on a figure counts as warning, then as normal; empty without limits."""
    given = quality.thresholds if quality else THRESHOLDS
    named = {
        status: given.get(f"{metric.key}_{status}")
        for status in (QualityStatus.WARNING, QualityStatus.NORMAL)
    }
    return {status: limit for status, limit in named.items() if limit is not None}


def level_of(metric: Metric, quality: Quality | None) -> QualityStatus | None:
    """Judge one figure by its own limits; None without a figure or without limits."""
    value = quality.metrics[metric.key] if quality else None
    given = limits(metric, quality)
    if value is None or not given:
        return None
    passed = [status for status, limit in given.items() if value >= limit]
    return passed[-1] if passed else QualityStatus.FAILURE


def choose_models(
    left: Models, right: Models, asked: tuple[str | None, str | None], *, same_job: bool
) -> tuple[str | None, str | None]:
    """Choose a model for each side: those asked for where there are such, else what compares best.

    That is the same model in two jobs, else each job's best; of one job, its two best.
    """
    first = asked[LEFT] if asked[LEFT] in left else None
    second = asked[RIGHT] if asked[RIGHT] in right else None
    if same_job:
        return _two_of(left, first, second)
    shared = [name for name in _best_first(left) if name in right]
    first = first or _prefer([second] if second else shared, left)
    return first, second or _prefer([first], right)


def _two_of(models: Models, first: str | None, second: str | None) -> tuple[str | None, str | None]:
    ranked = _best_first(models)
    if first is None and second is None:
        # Both by rank, but in the order of the listing: sides should not swap with the figures.
        first, second = ([name for name in models if name in ranked[:2]] + [None, None])[:2]
    first = first or next((name for name in ranked if name != second), None)
    if second is None or second == first:
        second = next((name for name in ranked if name != first), None)
    return first, second


def _prefer(wanted: Sequence[str | None], models: Models) -> str | None:
    return next((name for name in [*wanted, *_best_first(models)] if name in models), None)


def _best_first(models: Models) -> list[str]:
    """Order names by PSNR; those without one come last."""
    figures = {
        name: quality.metrics["psnr"] if quality else None for name, quality in models.items()
    }
    return sorted(models, key=lambda name: (figures[name] is None, -(figures[name] or 0.0)))
