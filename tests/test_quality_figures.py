"""All quality out of the catalog, held against what the quality.json files say."""

import json
import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboard.catalog.database import Database
from dashboard.catalog.entries import Sighting
from dashboard.catalog.leases import hold_lease
from dashboard.catalog.writing import note_sightings
from dashboard.celery_record import CeleryRecord
from dashboard.errors import JobStatus
from dashboard.job_query import JobQuery
from dashboard.live import RECONCILING
from dashboard.outputs import ModelOutput, Outputs
from dashboard.quality import METRICS, quality_from_json
from dashboard.quality_counts import Box, Span
from dashboard.quality_figures import (
    OTHER_MODELS,
    POINTS_MAX,
    list_worst,
    load_figures,
)
from dashboard.status import OutputState

PSNR, SSIM, DEPTH_MAE, _ = METRICS
WHOLE_PLANE = Box(Span(0, 60), Span(0, 1))
# A Monday, and a time of day at which nothing begins.
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def quality_text(psnr: float | None, ssim: float | None, **more: Any) -> dict[str, Any]:
    return {"status": "normal", "metrics": {"psnr": psnr, "ssim": ssim, "depth_mae": 0.02}, **more}


def load_all(until: Callable[..., None], number: int, query: JobQuery | None = None) -> Any:
    """Wait until all of the storage has been looked into."""
    until(lambda: load_figures(JobQuery(), PSNR).total == number)
    return load_figures(query or JobQuery(), PSNR)


def files_of(storage: Path) -> list[dict[str, Any]]:
    """The figures as they stand in the files, read with nothing of ours."""
    return [
        {
            "job_id": path.parts[-4],
            "model": path.parts[-2],
            **{key: content["metrics"].get(key) for key in ("psnr", "ssim", "depth_mae")},
        }
        for path in storage.glob("*/output/*/quality.json")
        if (content := json.loads(path.read_text()))
    ]


@pytest.fixture
def jobs(
    storage: Path, put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> list[dict[str, Any]]:
    """Twenty jobs of one or two models; what stands in their files."""
    chance = random.Random(5)
    for number in range(20):
        models = ("nvdiffrec", "reconviagen")[: 1 + number % 2]
        for model in models:
            quality = quality_text(chance.uniform(14, 34), chance.uniform(0.6, 1))
            put_outputs(f"job{number:02}", model, quality=quality, previews=0)
        put_record(f"job{number:02}", "SUCCESS", {"status": "completed"})
    return files_of(storage)


pytestmark = pytest.mark.usefixtures("backend", "storage")


def test_few_results_are_shown_one_by_one_as_they_stand_in_the_files(
    jobs: list[dict[str, Any]], until: Callable[..., None]
) -> None:
    figures = load_all(until, 30)
    assert not figures.is_binned
    assert figures.drawn == 30
    found = {(each.job_id, each.model): (each.psnr, each.ssim) for each in figures.results}
    assert found == {(f["job_id"], f["model"]): (f["psnr"], f["ssim"]) for f in jobs}


def test_medians_and_bars_are_those_of_the_files(
    jobs: list[dict[str, Any]], until: Callable[..., None]
) -> None:
    measured = load_all(until, 30).measured
    assert {each.model: each.number for each in measured.overall} == {
        "nvdiffrec": 20,
        "reconviagen": 10,
    }
    for middle in measured.overall:
        figures = [file["psnr"] for file in jobs if file["model"] == middle.model]
        assert middle.median == pytest.approx(statistics.median(figures), abs=0.1)
        bars = {bar.span.low: bar.number for bar in measured.bars if bar.model == middle.model}
        assert bars == Counter(float(math.floor(figure)) for figure in figures)
    assert sum(each.number for each in measured.by_period) == 30


def test_the_worst_come_first_and_a_box_narrows_them(
    jobs: list[dict[str, Any]], until: Callable[..., None]
) -> None:
    load_all(until, 30)
    ranked = sorted(jobs, key=lambda file: file["psnr"])
    worst = list_worst(JobQuery(), PSNR, None, 12)
    assert [(each.job_id, each.psnr) for each in worst.results] == [
        (file["job_id"], file["psnr"]) for file in ranked[:12]
    ]
    assert (worst.total, worst.jobs) == (30, 20)
    box = Box(Span(18, 26), Span(0.7, 0.9))
    inside = [f for f in ranked if 18 <= f["psnr"] <= 26 and 0.7 <= f["ssim"] <= 0.9]
    worst = list_worst(JobQuery(), PSNR, box, 12)
    assert [each.job_id for each in worst.results] == [file["job_id"] for file in inside]
    assert (worst.total, worst.jobs) == (len(inside), len({file["job_id"] for file in inside}))


def test_depth_errors_are_worst_where_they_are_highest(
    put_outputs: Callable[..., Path], until: Callable[..., None]
) -> None:
    for job_id, error in (("low1", 0.01), ("high1", 0.5), ("none1", None)):
        put_outputs(job_id, quality={"metrics": {"depth_mae": error}}, previews=0)
    load_all(until, 3)
    worst = list_worst(JobQuery(), DEPTH_MAE, None, 12)
    assert [each.job_id for each in worst.results] == ["high1", "low1"]
    measured = load_figures(JobQuery(), DEPTH_MAE).measured
    assert measured.beyond == 0
    assert sum(bar.number for bar in measured.bars) == 2


def test_filters_are_the_lists_and_hold_for_each_result(
    jobs: list[dict[str, Any]], put_outputs: Callable[..., Path], until: Callable[..., None]
) -> None:
    put_outputs("alien1", "nvdiffrec", quality=quality_text(20, 0.8), previews=0)  # no record
    load_all(until, 31)
    for query, number in (
        (JobQuery(models=frozenset({"reconviagen"})), 10),
        (JobQuery(statuses=frozenset({JobStatus.READY})), 30),
        (JobQuery(statuses=frozenset({JobStatus.UNRECORDED})), 1),
        (JobQuery(qualities=frozenset({"failure"})), 0),
        (JobQuery(text="JOB1"), 15),
        (JobQuery(text="job1", models=frozenset({"nvdiffrec"})), 10),
    ):
        figures = load_figures(query, PSNR)
        assert (figures.total, list_worst(query, PSNR, None, 12).total) == (number, number)
        assert sum(each.number for each in figures.measured.overall) == number


def test_missing_figures_are_counted_but_not_drawn(
    put_outputs: Callable[..., Path], until: Callable[..., None]
) -> None:
    for job_id, quality in (
        ("both1", quality_text(25, 0.9)),
        ("psnr1", quality_text(25, None)),
        ("none1", {"status": "warning"}),
        ("broken1", "{"),
    ):
        put_outputs(job_id, quality=quality, previews=0)
    figures = load_all(until, 4)
    assert (figures.total, figures.drawn) == (4, 1)
    assert figures.by_status == {"normal": 2, "warning": 1, "none": 1}


def test_beyond_the_plane_is_drawn_at_its_edge_and_a_box_that_reaches_there_holds_it(
    put_outputs: Callable[..., Path], until: Callable[..., None]
) -> None:
    put_outputs("far1", quality=quality_text(1e300, -0.5), previews=0)
    put_outputs("near1", quality=quality_text(30, 0.9), previews=0)
    figures = load_all(until, 2)
    assert figures.measured.beyond == 1
    assert figures.measured.bars[-1].span.high == 60
    assert list_worst(JobQuery(), PSNR, WHOLE_PLANE, 12).total == 2
    inner = Box(Span(1, 59), Span(0.1, 0.99))
    assert [each.job_id for each in list_worst(JobQuery(), PSNR, inner, 12).results] == ["near1"]


def test_more_than_a_handful_of_models_are_counted_as_other_models(
    put_outputs: Callable[..., Path], until: Callable[..., None]
) -> None:
    for number, models in enumerate(("a", "abc", "abcd", "abcde", "abcdef")):
        put_outputs(f"job{number}", *models, quality=quality_text(25, 0.9), previews=0)
    figures = load_all(until, 19)
    assert figures.models == ("a", "b", "c", "d")
    assert {each.model: each.number for each in figures.measured.overall} == {
        "a": 5,
        "b": 4,
        "c": 4,
        "d": 3,
        OTHER_MODELS: 3,
    }


def sighting(job_id: str, at: datetime, *figures: tuple[str, float, float]) -> Sighting:
    models = tuple(
        ModelOutput(model, 1, quality_from_json(quality_text(psnr, ssim)), None)
        for model, psnr, ssim in figures
    )
    outputs = Outputs(
        OutputState.COMPLETE, (), models, None, created_at=at, changed_at=at, is_surveyed=True
    )
    record = CeleryRecord(state="SUCCESS", finished_at=at)
    return Sighting(job_id=job_id, seen_at=at, record=record, outputs=outputs)


Figure = tuple[str, float, float]


@pytest.fixture
def many(storage: Path) -> Iterator[list[Figure]]:
    """A catalog of more results than are drawn one by one; there are no files, nobody looks."""
    chance = random.Random(7)
    database = Database(f"sqlite:///{storage}.catalog.sqlite3")
    hold_lease(database, RECONCILING, "this test", datetime.now(UTC), timedelta(hours=1))
    rows: list[list[Figure]] = [
        [(model, chance.gauss(25, 12), chance.gauss(0.8, 0.2)) for model in ("one", "two")]
        for _ in range(POINTS_MAX // 2 + 100)
    ]
    note_sightings(
        database,
        (sighting(f"j{n:05}", MONDAY + timedelta(hours=n), *row) for n, row in enumerate(rows)),
    )
    yield [figure for row in rows for figure in row]
    database.close()


def test_many_results_are_counted_in_cells_that_hold_every_one(many: list[Figure]) -> None:
    figures = load_figures(JobQuery(), PSNR)
    assert figures.is_binned
    assert figures.results == ()
    assert figures.total == figures.drawn == len(many)

    def step(value: float, per_unit: int, steps: int) -> int:
        return max(-1, min(math.floor(value * per_unit), steps))

    expected = Counter((m, step(p, 2, 120), step(s, 100, 100)) for m, p, s in many)
    assert {(c.model, c.psnr, c.ssim): c.number for c in figures.cells} == expected
    for middle in figures.measured.overall:
        found = [min(max(p, 0), 60) for model, p, _ in many if model == middle.model]
        assert middle.median == pytest.approx(statistics.median(found), abs=0.1)
    assert figures.measured.beyond == sum(not 0 <= p < 60 for _, p, _ in many)


def test_periods_begin_where_they_are_said_to(many: list[Figure]) -> None:
    measured = load_figures(JobQuery(), SSIM).measured
    assert measured.period.name == ("day", "daily")
    days = Counter((MONDAY + timedelta(hours=n // 2)).date() for n in range(len(many)))
    found: Counter[Any] = Counter()
    for each in measured.by_period:
        assert each.begins
        assert each.begins.time().isoformat() == "00:00:00"
        found[each.begins.date()] += each.number
    assert found == days
    first = [ssim for model, _, ssim in many[:30] if model == "one"]  # from 9:30 to midnight
    middle = next(each for each in measured.by_period if each.model == "one")
    assert middle.number == 15
    expected = statistics.median(min(max(ssim, 0), 1) for ssim in first)
    assert middle.median == pytest.approx(expected, abs=0.002)


def test_a_week_begins_on_monday(storage: Path) -> None:
    database = Database(f"sqlite:///{storage}.catalog.sqlite3")
    hold_lease(database, RECONCILING, "this test", datetime.now(UTC), timedelta(hours=1))
    note_sightings(
        database,
        (
            sighting(f"j{days}", MONDAY + timedelta(days=days), ("one", 25, 0.9))
            for days in (-1, 0, 6, 200)
        ),
    )
    measured = load_figures(JobQuery(), PSNR).measured
    begins = [each.begins.date().isoformat() for each in measured.by_period if each.begins]
    assert begins == ["2026-02-23", "2026-03-02", "2026-09-14"]
    assert [each.number for each in measured.by_period] == [1, 2, 1]
    database.close()
