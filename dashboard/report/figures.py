"""The models' figures beside each other, as rows of tables that a page holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboard.quality import METRICS, Metric, Quality, difference, measured_alike
from dashboard.report.models import ModelReport
from dashboard.wording import duration_text, resolution_text, timestamp_text

# As many columns of figures as an A4 page is wide enough for.
TABLE_MODELS = 4
MEASURED: dict[str, Callable[[Quality], str | None]] = {
    "Resolution": resolution_text,
    "Views": lambda quality: str(quality.num_views) if quality.num_views else None,
    "Processing time": duration_text,
    "Measured at": timestamp_text,
}


@dataclass(frozen=True)
class Cell:
    """One model's figure; None is one that nobody gives."""

    text: str | None
    is_best: bool = False


@dataclass(frozen=True)
class Row:
    """One figure of every model; `hint` says its unit and which way is better."""

    name: str
    cells: tuple[Cell, ...]
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """Some of the models, and of every row their cells."""

    models: Sequence[ModelReport]
    groups: dict[str, list[Row]]


def figure_tables(models: Sequence[ModelReport]) -> list[Table]:
    """Set the models' figures against each other, a few models a table.

    Who is best is judged among all of them; nobody is, where they were measured differently.
    """
    groups = {
        "Quality": [_metric_row(metric, models) for metric in METRICS],
        "Measured": [_row(name, models, tell) for name, tell in MEASURED.items()],
        "Mesh": _mesh_rows(models),
        "Files": [Row("Size", tuple(Cell(model.size) for model in models))],
    }
    told = {title: list(filter(_says_something, rows)) for title, rows in groups.items()}
    return [
        Table(models[at : at + TABLE_MODELS], _cut(told, slice(at, at + TABLE_MODELS)))
        for at in range(0, len(models), TABLE_MODELS)
    ]


def _metric_row(metric: Metric, models: Sequence[ModelReport]) -> Row:
    values = [model.quality.metrics[metric.key] if model.quality else None for model in models]
    best = _best(metric, values) if measured_alike([model.quality for model in models]) else None
    cells = (
        Cell(None) if value is None else Cell(metric.text(value), _is_level(metric, value, best))
        for value in values
    )
    way = "higher is better" if metric.higher_is_better else "lower is better"
    return Row(metric.name, tuple(cells), way)


def _best(metric: Metric, values: Sequence[float | None]) -> float | None:
    """The best figure; None where fewer than two have one, or all are level."""
    given = [value for value in values if value is not None]
    best = (max if metric.higher_is_better else min)(given, default=None)
    return None if all(_is_level(metric, value, best) for value in given) else best


def _is_level(metric: Metric, value: float, best: float | None) -> bool:
    return best is not None and difference(metric, value, best) == 0


def _row(name: str, models: Sequence[ModelReport], tell: Callable[[Quality], str | None]) -> Row:
    return Row(name, tuple(Cell(tell(m.quality) if m.quality else None) for m in models))


def _mesh_rows(models: Sequence[ModelReport]) -> list[Row]:
    names = dict.fromkeys(name for model in models for name in model.mesh.figures)
    return [Row(name, tuple(Cell(m.mesh.figures.get(name)) for m in models)) for name in names]


def _says_something(row: Row) -> bool:
    return any(cell.text for cell in row.cells)


def _cut(groups: dict[str, list[Row]], part: slice) -> dict[str, list[Row]]:
    return {
        title: [Row(row.name, row.cells[part], row.hint) for row in rows]
        for title, rows in groups.items()
        if rows
    }
