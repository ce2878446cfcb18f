"""What the page of all quality asks of the catalog: figures of many results, counted there.

A result is what one model left of one job. Every question goes through one index.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    case,
    cast,
    func,
    literal,
    select,
)

from dashboard.catalog.columns import EPOCH, MICROSECOND
from dashboard.catalog.tables import jobs, model_outputs
from dashboard.job_query import QUALITIES
from dashboard.quality import METRICS, Metric
from dashboard.quality_counts import Box, Counted, Period, Scale

MODEL, STATUS = model_outputs.c.model, model_outputs.c.quality_status
FIGURES = tuple(model_outputs.c[metric.key] for metric in METRICS)
# The step of a figure that is not given; -1 is that of one below the scale.
MISSING = -2
SAMPLE = 1001


@dataclass(frozen=True)
class Wanted:
    """Which results: of jobs of these kinds whose id holds a text.

    Empty `models` or `qualities` let every one pass. `is_all` tells that no other kinds have
    results, so that they need not be asked for.
    """

    kinds: tuple[int, ...]
    is_all: bool = False
    text: str = ""
    models: frozenset[str] = frozenset()
    qualities: frozenset[str] = frozenset()


class Result(NamedTuple):
    """One result with its figures; `status` is the pipeline's judgement, or "none"."""

    job_id: str
    model: str
    status: str
    psnr: float | None
    ssim: float | None
    depth_mae: float | None
    depth_rmse: float | None


class Cell(NamedTuple):
    """So many results of a model lie in one cell of the plane; None is a figure that is missing.

    `psnr` and `ssim` count steps of their grids, as scales do.
    """

    model: str
    status: str
    psnr: int | None
    ssim: int | None
    number: int


class Digit(NamedTuple):
    """A whole number from `least` on, one of `size`; the size of a first digit does not matter."""

    value: ColumnElement[Any]
    least: int
    size: int


def load_results(connection: Connection, wanted: Wanted, limit: int) -> list[Result]:
    """Some results, in no order."""
    return [Result(*row) for row in connection.execute(_results(connection, wanted).limit(limit))]


def count_cells(connection: Connection, wanted: Wanted, psnr: Scale, ssim: Scale) -> list[Cell]:
    """All results, counted in the cells of a grid."""
    status = case({name: at for at, name in enumerate(QUALITIES)}, value=STATUS)
    digits = (
        Digit(status, 0, len(QUALITIES)),
        _step(connection, model_outputs.c.psnr, psnr),
        _step(connection, model_outputs.c.ssim, ssim),
    )
    cells = []
    for model, packed, number in connection.execute(_counted(connection, wanted, digits)):
        at, *place = _unpack(packed, digits)
        psnr_step, ssim_step = (None if step == MISSING else step for step in place)
        cells.append(Cell(model, QUALITIES[at], psnr_step, ssim_step, number))
    return cells


def count_over_time(
    connection: Connection, wanted: Wanted, metric: Metric, scale: Scale, period: Period
) -> list[Counted]:
    """The results that have a figure, counted by model, period of the job's creation and step."""
    figure = model_outputs.c[metric.key]
    length, shift = period.length // MICROSECOND, period.shift // MICROSECOND
    digits = (
        Digit((jobs.c.created_at + shift) // length, 0, 0),
        _step(connection, figure, scale),
    )
    asked = _counted(connection, wanted, digits, with_jobs=True).where(figure.is_not(None))
    begins: dict[int, datetime] = {}
    counted = []
    for model, packed, number in connection.execute(asked):
        at, step = _unpack(packed, digits)
        if at not in begins:
            begins[at] = EPOCH + at * period.length - period.shift
        counted.append(Counted(model, begins[at], step, number))
    return counted


def find_span(connection: Connection, wanted: Wanted) -> tuple[datetime, datetime] | None:
    """When the first and the last of the jobs was created; None where there are none."""
    asked = select(func.min(jobs.c.created_at), func.max(jobs.c.created_at))
    first, last = connection.execute(asked.where(*_of_jobs(connection, wanted))).one()
    if first is None:
        return None
    return EPOCH + first * MICROSECOND, EPOCH + last * MICROSECOND


def find_typical(connection: Connection, wanted: Wanted, metric: Metric) -> float | None:
    """The median of some results, which are any, as ids of jobs say nothing of their quality."""
    figure = model_outputs.c[metric.key]
    asked = _where(connection, select(figure), wanted).where(figure.is_not(None))
    some = connection.execute(asked.limit(SAMPLE)).scalars().all()
    return median(some) if some else None


def find_worst(
    connection: Connection, wanted: Wanted, metric: Metric, box: Box | None, limit: int
) -> list[Result]:
    """The worst results by one figure; those without it are none of them."""
    figure = model_outputs.c[metric.key]
    asked = _results(connection, wanted).where(figure.is_not(None), *_inside(box))
    order = figure if metric.higher_is_better else figure.desc()
    ordered = asked.order_by(order, model_outputs.c.job_id, MODEL)
    return [Result(*row) for row in connection.execute(ordered.limit(limit))]


def count_inside(
    connection: Connection, wanted: Wanted, metric: Metric, box: Box | None
) -> tuple[int, int]:
    """How many results with a figure lie in a box, and of how many jobs they are."""
    job_id = model_outputs.c.job_id
    asked = _where(connection, select(func.count(), func.count(job_id.distinct())), wanted)
    asked = asked.where(model_outputs.c[metric.key].is_not(None), *_inside(box))
    results, of_jobs = connection.execute(asked).one()
    return results, of_jobs


def _results(connection: Connection, wanted: Wanted) -> Any:
    asked = select(model_outputs.c.job_id, MODEL, STATUS, *FIGURES)
    return _where(connection, asked, wanted)


def _counted(
    connection: Connection, wanted: Wanted, digits: Sequence[Digit], *, with_jobs: bool = False
) -> Any:
    key = _pack(digits).label("place")
    asked = select(MODEL, key, func.count()).group_by(MODEL, key)
    return _where(connection, asked, wanted, with_jobs=with_jobs)


def _where(connection: Connection, asked: Any, wanted: Wanted, *, with_jobs: bool = False) -> Any:
    """Restrict to the wanted results; the table of jobs is only brought in where it is needed."""
    if with_jobs or not wanted.is_all:
        joined = model_outputs.join(jobs, jobs.c.job_id == model_outputs.c.job_id)
        asked = asked.select_from(joined).where(*_of_jobs(connection, wanted))
    else:
        asked = asked.select_from(model_outputs)
        asked = asked.where(*_holds(connection, model_outputs.c.job_id, wanted.text))
    return asked.where(
        *_one_of(MODEL, wanted.models),
        *_one_of(STATUS, wanted.qualities),
    )


def _of_jobs(connection: Connection, wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    return [jobs.c.kind.in_(wanted.kinds), *_holds(connection, jobs.c.job_id, wanted.text)]


def _one_of(column: ColumnElement[str], names: Collection[str]) -> list[ColumnElement[bool]]:
    return [column.in_(sorted(names))] if names else []


def _holds(
    connection: Connection, job_id: ColumnElement[str], text: str
) -> list[ColumnElement[bool]]:
    """SQLite's LIKE takes no notice of case by itself."""
    if not text:
        return []
    if connection.dialect.name == "sqlite":
        return [job_id.contains(text, autoescape=True)]
    return [job_id.icontains(text, autoescape=True)]


def _inside(box: Box | None) -> list[ColumnElement[bool]]:
    if box is None:
        return []
    psnr, ssim = model_outputs.c.psnr, model_outputs.c.ssim
    return [psnr.between(*box.psnr), ssim.between(*box.ssim)]


def _step(connection: Connection, figure: ColumnElement[Any], scale: Scale) -> Digit:
    """Number a figure's step. SQLite cuts decimals off, PostgreSQL would round them."""
    steps = (figure - scale.least) * scale.per_unit
    if connection.dialect.name != "sqlite":
        steps = func.floor(steps)
    step = case(
        (figure < scale.least, -1),
        (figure >= scale.most, scale.steps),
        (figure.is_not(None), cast(steps, BigInteger)),
        else_=MISSING,
    )
    return Digit(step, MISSING, scale.steps - MISSING + 1)


def _pack(digits: Sequence[Digit]) -> ColumnElement[Any]:
    """One number of several: SQLite groups by it in little more than half of the time."""
    packed: ColumnElement[Any] = literal(0)
    for digit in digits:
        packed = packed * digit.size + (digit.value - digit.least)
    return packed


def _unpack(packed: int, digits: Sequence[Digit]) -> tuple[int, ...]:
    found = []
    for digit in reversed(digits[1:]):
        packed, value = divmod(packed, digit.size)
        found.append(value + digit.least)
    return (packed + digits[0].least, *reversed(found))
