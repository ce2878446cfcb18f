"""Times on the viewer's clock: a zone comes from the browser, and may be anything."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from dashboard.page import times
from dashboard.wording import until_text
from tests.pages import open_page, words

SUMMER, WINTER = datetime(2026, 7, 1, 10, tzinfo=UTC), datetime(2026, 2, 1, 10, 0, 5, tzinfo=UTC)


@pytest.fixture
def viewer_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    def set_zone(name: str | None) -> None:
        monkeypatch.setattr(times.st, "context", SimpleNamespace(timezone=name))

    return set_zone


@pytest.mark.parametrize(
    ("zone", "moment", "text"),
    [
        ("Europe/Berlin", WINTER, "2026-02-01 11:00:05 CET"),
        ("Europe/Berlin", SUMMER, "2026-07-01 12:00:00 CEST"),
        ("America/New_York", WINTER, "2026-02-01 05:00:05 EST"),
        ("Asia/Kathmandu", WINTER, "2026-02-01 15:45:05 +0545"),
        (None, WINTER, "2026-02-01 10:00:05 UTC"),
        ("", WINTER, "2026-02-01 10:00:05 UTC"),
    ],
)
def test_a_moment_is_told_on_the_viewers_clock(
    viewer_in: Callable[[str | None], None], zone: str | None, moment: datetime, text: str
) -> None:
    viewer_in(zone)
    assert times.moment_text(moment) == text
    assert times.zone_name() == (zone or "UTC")


@pytest.mark.parametrize(
    "zone", ["../../etc/passwd", "/etc/localtime", "<b>", "Nowhere/At_all", "\0", "a" * 5000]
)
def test_a_zone_that_is_none_is_utc(viewer_in: Callable[[str | None], None], zone: str) -> None:
    viewer_in(zone)
    assert times.moment_text(WINTER) == "2026-02-01 10:00:05 UTC"
    assert times.zone_name() == "UTC"


def test_the_last_day_of_all_is_told_in_utc(viewer_in: Callable[[str | None], None]) -> None:
    viewer_in("Pacific/Auckland")
    assert times.moment_text(datetime.max.replace(tzinfo=UTC)) == "9999-12-31 23:59:59 UTC"


FINISHED = '<time datetime="2026-02-01T10:00:00+00:00" title="2026-02-01 10:00:00 UTC">'


def test_ages_tell_the_exact_moment_on_hover(finished_job: str) -> None:
    assert FINISHED in words(open_page())
    assert f"{FINISHED}changed " in words(open_page(job=finished_job))


@pytest.mark.usefixtures("storage")
def test_how_long_results_are_kept_is_a_moment_too(
    finished_job: str, put_record: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    put_record(finished_job, "SUCCESS", {"status": "completed"}, date_done=now.isoformat())
    monkeypatch.setenv("RESULT_RETENTION_HOURS", "30")
    until = f"{now + timedelta(hours=30):%Y-%m-%d %H:%M:%S} UTC"
    page = words(open_page(job=finished_job))
    assert f'title="{until}">available for 30 h, until {until}</time>' in page


def test_a_last_hour_is_not_none() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    said = {minutes: until_text(now + timedelta(minutes=minutes), now) for minutes in (-1, 20, 90)}
    assert said == {
        -1: "due to be removed",
        20: "available for less than 1 h",
        90: "available for 2 h",
    }


def test_the_table_has_a_column_in_the_viewers_zone(finished_job: str) -> None:
    [table] = open_page(view="table").dataframe
    assert "Updated, UTC" in table.proto.columns
    assert list(table.value["Moment"]) == list(table.value["Updated"])
