"""Verdicts and the review on the page, through Streamlit's own test harness."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from streamlit.testing.v1 import AppTest

from dashboard import verdicts
from dashboard.verdict import Review, Verdict
from tests.pages import page_at, press, run, words

DONE = {"status": "completed"}
EVIL = "![x](http://evil.example/x.png) <img src=http://evil.example/y.png> **b**"

pytestmark = pytest.mark.usefixtures("backend", "storage")


@pytest.fixture
def three(put_outputs: Callable[..., Path], put_record: Callable[..., None]) -> list[str]:
    """Three jobs that are ready."""
    for job_id in ("one", "three", "two"):
        put_outputs(job_id, "reconviagen", "nvdiffrec")
        put_record(job_id, "SUCCESS", DONE)
    return ["one", "three", "two"]


def open_as(reviewer: str, **parameters: str) -> AppTest:
    page = page_at(**parameters)
    if reviewer:
        page.session_state["reviewer"] = reviewer
    return run(page)


def said_by(name: str) -> str:
    return f'<p class="facts quiet">{name} · <time'


def badges(page: AppTest) -> str:
    return "\n".join(each.value for each in page.markdown)


def button(page: AppTest, label: str) -> Any:
    return next(each for each in page.button if each.label == label)


def give(job_id: str, verdict: Verdict, upon: Review | None = None, note: str = "") -> Review:
    last = upon.id if upon else None
    return verdicts.give_verdict(job_id, verdict, note, "Grace", upon=last)


def test_a_verdict_is_given_on_the_jobs_page(three: list[str]) -> None:
    page = open_as("Ada", job="one")
    assert "Unreviewed" in badges(page)
    page.text_area(key="note-one").set_value("Holes\nat the neck")
    press(page, "Rework")
    [review] = verdicts.read_history("one")
    assert (review.verdict, review.note, review.reviewer) == ("rework", "Holes\nat the neck", "Ada")
    assert "Rework" in badges(page)
    assert said_by("Ada") in words(page)
    assert page.text_area(key="note-one").value == ""
    press(page, "Accept")
    assert [r.verdict for r in verdicts.read_history("one")] == ["accepted", "rework"]
    assert [each.label for each in page.expander if "verdicts" in each.label] == ["All 2 verdicts"]


def test_the_name_is_asked_for_once(three: list[str]) -> None:
    page = open_as("", job="one")
    assert button(page, "Accept").disabled
    page.text_input(key="reviewer-field").set_value("  Ada\tLovelace ").run()
    press(page, "Accept")
    assert verdicts.read_history("one")[0].reviewer == "Ada Lovelace"
    page.query_params.clear()
    page.query_params["job"] = "two"
    page.run()
    assert not button(page, "Accept").disabled
    press(page, "Change")
    page.text_input(key="reviewer-field").set_value("Grace").run()
    press(page, "Reject")
    assert verdicts.read_history("two")[0].reviewer == "Grace"


def test_who_was_overtaken_sees_by_whom_and_may_insist(three: list[str]) -> None:
    page = open_as("Ada", job="one")
    page.text_area(key="note-one").set_value("No!")
    hers = give("one", Verdict.ACCEPTED, note="Fine")
    press(page, "Reject")
    [warning] = page.warning
    assert warning.proto.title == "Somebody else decided meanwhile"
    assert "`VERDICT_OVERTAKEN`" in warning.value
    assert said_by("Grace") in words(page)
    assert "Fine" in words(page)
    assert verdicts.read_history("one") == [hers]
    assert "Accept" not in [each.label for each in page.button]
    press(page, "Reject all the same")
    mine, _ = verdicts.read_history("one")
    assert (mine.verdict, mine.note, mine.replaced) == ("rejected", "No!", hers.id)
    assert not page.warning


def test_who_was_overtaken_may_leave_it_and_keeps_the_note(three: list[str]) -> None:
    page = open_as("Ada", job="one")
    page.text_area(key="note-one").set_value("No!")
    hers = give("one", Verdict.ACCEPTED)
    press(page, "Reject")
    press(page, "Leave it as it is")
    assert verdicts.read_history("one") == [hers]
    assert not page.warning
    assert "Accept" in [each.label for each in page.button]


def test_whoever_insists_may_be_overtaken_again(three: list[str]) -> None:
    page = open_as("Ada", job="one")
    hers = give("one", Verdict.ACCEPTED)
    press(page, "Reject")
    last = give("one", Verdict.REWORK, hers)
    press(page, "Reject all the same")
    assert verdicts.read_history("one") == [last, hers]
    assert page.warning
    press(page, "Reject all the same")
    assert len(verdicts.read_history("one")) == 3


def test_a_catalog_that_cannot_be_written_is_said_and_the_verdict_can_be_given_again(
    three: list[str], storage: Path
) -> None:
    page = open_as("Ada", job="one")
    journal = storage.parent / "jobs.catalog.sqlite3.verdicts.jsonl"
    journal.mkdir()
    page.text_area(key="note-one").set_value("Fine")
    press(page, "Accept")
    assert "`CATALOG_UNAVAILABLE`" in page.error[0].value
    journal.rmdir()
    press(page, "Accept, once more")
    assert verdicts.read_history("one")[0].note == "Fine"


def test_texts_of_reviewers_are_shown_literally(three: list[str]) -> None:
    first = verdicts.give_verdict("one", Verdict.ACCEPTED, EVIL, EVIL, upon=None)
    verdicts.give_verdict("one", Verdict.REJECTED, EVIL, EVIL, upon=first.id)
    page = open_as(EVIL, job="one")
    assert "evil" not in badges(page)
    assert not any("evil" in each.label for each in page.button)
    assert "<img src=http" not in words(page)
    assert "&lt;img src=http://evil.example/y.png&gt;" in words(page)


def test_jobs_without_results_are_not_judged(
    put_record: Callable[..., None], put_outputs: Callable[..., Path]
) -> None:
    put_record("failed1", "FAILURE")
    put_outputs("running1")
    put_record("running1", "PROGRESS", {"progress": 5})
    for job_id in ("failed1", "running1"):
        assert "Accept" not in [each.label for each in open_as("Ada", job=job_id).button]
    give("failed1", Verdict.REJECTED)
    assert "Rejected" in badges(open_as("Ada", job="failed1"))


def test_cards_and_table_show_verdicts_and_the_filter_finds_them(three: list[str]) -> None:
    give("two", Verdict.REJECTED)
    page = open_as("Ada")
    assert badges(page).count("Rejected") == 1
    assert "2 unreviewed · 1 rejected" in words(page)
    page.selectbox(key="verdicts").set_value("rejected").run()
    assert page.query_params["verdict"] == "rejected"
    opened = [each.label for each in page.button if str(each.key).startswith("open-")]
    assert opened == ["two"]
    [table] = open_as("Ada", view="table", sort="job_id").dataframe
    assert [row and list(row) for row in table.value["Verdict"]] == [None, None, ["Rejected"]]


def test_review_begins_with_what_is_ready_and_unreviewed(
    three: list[str], put_record: Callable[..., None]
) -> None:
    put_record("failed1", "FAILURE")
    give("one", Verdict.ACCEPTED)
    page = open_as("Ada", sort="job_id")
    press(page, "Review")
    asked = {"review": "1", "status": "ready", "verdict": "unreviewed", "sort": "job_id"}
    assert page.query_params == asked
    assert page.title[0].value == "three"
    assert "1 of 2" in words(page)
    press(page, "All jobs")
    assert page.query_params == {"sort": "job_id"}


def test_review_takes_over_the_lists_own_filters(three: list[str]) -> None:
    give("two", Verdict.REJECTED)
    page = open_as("Ada", verdict="rejected", status="ready,incomplete", q="t")
    press(page, "Review")
    assert page.title[0].value == "two"
    assert page.query_params["verdict"] == "rejected"
    assert page.query_params["q"] == "t"


def test_deciding_goes_on_and_the_way_back_stays(three: list[str]) -> None:
    page = open_as("Ada", review="1", verdict="unreviewed", sort="job_id")
    for number, job_id in enumerate(three, 1):
        assert page.title[0].value == job_id
        assert f"{number} of 3" in words(page)
        press(page, "Accept")
    assert page.title[0].value == "two"  # the last one stays
    assert "This is the last job of the review." in words(page)
    assert button(page, "Next").disabled
    press(page, "Previous")
    press(page, "Previous")
    assert page.title[0].value == "one"
    assert "1 of 3" in words(page)
    assert button(page, "Previous").disabled
    press(page, "Reject")
    assert page.title[0].value == "three"
    assert [r.verdict for r in verdicts.read_history("one")] == ["rejected", "accepted"]


def test_a_conflict_in_the_review_stays_at_its_job(three: list[str]) -> None:
    page = open_as("Ada", review="1", verdict="unreviewed", sort="job_id")
    give("one", Verdict.REWORK)
    press(page, "Accept")
    assert page.title[0].value == "one"
    assert page.warning
    press(page, "Next")
    assert page.title[0].value == "three"
    assert not page.warning
    press(page, "Previous")
    press(page, "Accept all the same")
    assert page.title[0].value == "three"
    assert verdicts.read_history("one")[0].verdict == "accepted"


def test_flipping_keeps_the_place(three: list[str]) -> None:
    page = open_as("Ada", review="1", sort="job_id", at="three")
    assert "textured_00.png" in words(page).split('class="prefetched"')[0]
    press(page, "Wireframe")
    shown, _, ahead = words(page).partition('class="prefetched"')
    assert "wireframe_00.png" in shown
    assert "textured_00.png" not in shown
    assert "/jobs/three/thumbnails/nvdiffrec/textured_00.png" in ahead
    press(page, "Next")
    assert page.query_params == {"review": "1", "sort": "job_id", "at": "two", "kind": "wireframe"}


def test_the_next_jobs_pictures_are_fetched_ahead(three: list[str]) -> None:
    page = open_as("Ada", review="1", sort="job_id")
    ahead = words(page).partition('class="prefetched"')[2]
    for model in ("reconviagen", "nvdiffrec"):
        for kind in ("textured", "wireframe"):
            assert f"/jobs/three/thumbnails/{model}/{kind}_00.png?edge=1024" in ahead
    assert "/jobs/two/" not in ahead


def test_a_job_opened_from_the_review_leads_back_to_it(three: list[str]) -> None:
    page = open_as("Ada", review="1", sort="job_id", at="three")
    press(page, "Open the job")
    assert page.query_params == {"job": "three"}
    press(page, "Review")
    assert page.query_params == {"review": "1", "sort": "job_id", "at": "three"}


def test_an_empty_review_and_a_bad_address_are_said(three: list[str], backend: redis.Redis) -> None:
    assert open_as("Ada", review="1", q="nothing").info[0].proto.title == "Nothing to review"
    page = open_as("Ada", review="1", at="gone", sort="job_id")
    press(page, "Begin anew")
    assert page.title[0].value == "one"
    page = open_as("Ada", review="1", verdict="fine")
    assert "`INVALID_PARAMETER`" in page.warning[0].value


def test_files_that_changed_after_the_verdict_are_told(
    three: list[str], storage: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    give("one", Verdict.ACCEPTED)
    assert "changed since" not in words(open_as("Ada", job="one"))
    (storage / "one" / "output" / "nvdiffrec" / "mesh.glb").write_bytes(b"glTF" + b"x" * 900)
    (storage / "one" / "output" / "nvdiffrec" / "extra.png").touch()
    until(lambda: "files have changed since" in words(open_as("Ada", job="one")))
