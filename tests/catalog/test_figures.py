"""Figures of all jobs, against counting and sorting every result by hand."""

import math
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard import job_pages, quality_figures
from dashboard.catalog.database import Database
from dashboard.catalog.entries import Entry
from dashboard.catalog.figures import Wanted, count_cells, count_over_time
from dashboard.catalog.reading import load_entries, load_kinds
from dashboard.catalog.writing import note_sightings
from dashboard.errors import JobStatus
from dashboard.job_query import NO_QUALITY, QUALITIES, JobQuery
from dashboard.jobs import judge
from dashboard.outputs import ModelOutput
from dashboard.quality import METRICS, Metric
from dashboard.quality_counts import DAY, HOUR, WEEK, Box, Period, Scale, Span, scale_of
from dashboard.quality_figures import PSNR_GRID, SSIM_GRID, list_worst, load_figures
from tests.catalog.samples import MODELS, NOW, random_sightings

PSNR = METRICS[0]
Result = tuple[Entry, ModelOutput]

queries = st.builds(
    JobQuery,
    statuses=st.frozensets(st.sampled_from(JobStatus), max_size=3),
    models=st.frozensets(st.sampled_from([*MODELS, "nobody's"]), max_size=2),
    qualities=st.frozensets(st.sampled_from(QUALITIES), max_size=2),
    text=st.sampled_from(["", "", "a", "Z", "b1", "-", "_", "%"]),
)
spans = st.tuples(st.floats(-2, 62), st.floats(-2, 62)).map(lambda ends: Span(*sorted(ends)))
boxes = st.none() | st.builds(Box, spans, spans)


class Keeper:
    """A catalog that nobody keeps up to date."""

    def __init__(self, database: Database) -> None:
        self.database, self.backend_away = database, False

    def wait_until_listed(self) -> None: ...


@pytest.fixture
def results(database: Database, storage: object, monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    """All results of four hundred jobs of all sorts, without files: nobody looks after them."""
    keeper = Keeper(database)
    sightings = random_sightings(2, 400)
    note_sightings(database, sightings)
    for module in (job_pages, quality_figures):
        monkeypatch.setattr(module, "live", lambda: keeper)
    with database.reading() as connection:
        entries = load_entries(connection, {sighting.job_id for sighting in sightings})
    return [(entry, model) for entry in entries.values() for model in entry.outputs.models]


def status_of(model: ModelOutput) -> str:
    return (model.quality and model.quality.status) or NO_QUALITY


def figure(model: ModelOutput, key: str) -> float | None:
    return model.quality.metrics[key] if model.quality else None


def passing(results: Iterable[Result], query: JobQuery) -> list[Result]:
    """What a filter lets pass: the job by its status and id, the result by itself."""

    def passes(entry: Entry, model: ModelOutput) -> bool:
        status = judge(entry, backend_away=False, now=NOW).status
        return (
            status is not None
            and (not query.statuses or status in query.statuses)
            and query.text.lower() in entry.job_id.lower()
            and (not query.models or model.name in query.models)
            and (not query.qualities or status_of(model) in query.qualities)
        )

    return [(entry, model) for entry, model in results if passes(entry, model)]


def step_of(value: float | None, scale: Scale) -> int | None:
    if value is None:
        return None
    if value < scale.least:
        return -1
    beyond = value >= scale.most
    return scale.steps if beyond else math.floor((value - scale.least) * scale.per_unit)


many = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@many
@given(query=queries)
def test_each_filter_lets_pass_what_it_should(results: list[Result], query: JobQuery) -> None:
    found = load_figures(query, PSNR)
    expected = passing(results, query)
    assert [(each.job_id, each.model) for each in found.results] == sorted(
        (entry.job_id, model.name) for entry, model in expected
    )
    assert found.by_status == Counter(status_of(model) for _, model in expected)
    with_psnr = [m for _, m in expected if figure(m, "psnr") is not None]
    assert sum(bar.number for bar in found.measured.bars) == len(with_psnr)
    assert sum(each.number for each in found.measured.by_period) == len(with_psnr)


@many
@given(query=queries, box=boxes, metric=st.sampled_from(METRICS[:2]))
def test_the_worst_are_the_worst(
    results: list[Result], query: JobQuery, box: Box | None, metric: Metric
) -> None:
    key = metric.key

    def is_inside(model: ModelOutput) -> bool:
        if box is None:
            return True
        sides = ((box.psnr, "psnr", 60.0), (box.ssim, "ssim", 1.0))
        return all(
            (value := figure(model, name)) is not None
            and (value >= side.low or side.low <= 0)
            and (value <= side.high or side.high >= most)
            for side, name, most in sides
        )

    ranked = sorted(
        (value, entry.job_id, model.name)
        for entry, model in passing(results, query)
        if (value := figure(model, key)) is not None and is_inside(model)
    )
    worst = list_worst(query, metric, box, 5)
    assert [(getattr(r, key), r.job_id, r.model) for r in worst.results] == ranked[:5]
    assert (worst.total, worst.jobs) == (len(ranked), len({job_id for _, job_id, _ in ranked}))


@pytest.mark.parametrize("is_all", [True, False])
def test_cells_hold_every_result(results: list[Result], database: Database, is_all: bool) -> None:
    with database.reading() as connection:
        wanted = Wanted(tuple(kind_id for kind_id, _, _ in load_kinds(connection)), is_all)
        cells = count_cells(connection, wanted, PSNR_GRID, SSIM_GRID)
    expected = Counter(
        (
            model.name,
            status_of(model),
            step_of(figure(model, "psnr"), PSNR_GRID),
            step_of(figure(model, "ssim"), SSIM_GRID),
        )
        for _, model in results
    )
    assert {cell[:4]: cell.number for cell in cells} == expected
    assert len(cells) == len(expected)


@pytest.mark.parametrize("period", [HOUR, DAY, WEEK], ids=lambda period: period.name[0])
def test_periods_hold_every_result_that_has_the_figure(
    results: list[Result], database: Database, period: Period
) -> None:
    scale = scale_of(PSNR)
    with database.reading() as connection:
        wanted = Wanted(tuple(kind_id for kind_id, _, _ in load_kinds(connection)))
        counted = count_over_time(connection, wanted, PSNR, scale, period)

    def begins(entry: Entry) -> object:
        at = entry.created_at.replace(minute=0, second=0, microsecond=0)
        if period is HOUR:
            return at
        day = at.replace(hour=0)
        return day if period is DAY else day - timedelta(days=day.weekday())

    expected = Counter(
        (model.name, begins(entry), step_of(value, scale))
        for entry, model in results
        if (value := figure(model, "psnr")) is not None
    )
    assert {each[:3]: each.number for each in counted} == expected


def test_a_box_to_the_edges_of_the_plane_holds_what_lies_beyond(results: list[Result]) -> None:
    whole = Box(Span(PSNR_GRID.least, PSNR_GRID.most), Span(SSIM_GRID.least, SSIM_GRID.most))
    both = [m for _, m in results if None not in {figure(m, "psnr"), figure(m, "ssim")}]
    assert list_worst(JobQuery(), PSNR, whole, 5).total == len(both)
