"""The page through Streamlit's own test harness: every gap is said in words."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from streamlit.testing.v1 import AppTest

from dashboard.page.wording import model_label
from dashboard.wording import age_text, size_text
from tests.pages import open_page, press, words

pytestmark = pytest.mark.usefixtures("backend", "storage")


def cards(page: AppTest) -> list[str]:
    return [button.label for button in page.button if str(button.key).startswith("open-")]


def test_a_widget_that_says_what_the_address_says_changes_nothing(
    put_record: Callable[..., None],
) -> None:
    """Streamlit calls it a change where the run before was cut short."""

    def chosen() -> None:
        from dashboard.page.address import choose, note_shown

        note_shown()
        choose("sort", ["-created_at"])
        choose("view", ["cards"])
        choose("status", ["failed"])

    page = AppTest.from_function(chosen)
    page.query_params["page"] = "2"
    page.query_params["status"] = "failed"
    page.run()
    assert not page.exception
    assert dict(page.query_params) == {"page": "2", "status": "failed"}
    page.query_params["status"] = "ready"
    page.run()
    assert dict(page.query_params) == {"status": "failed"}


def test_an_empty_storage_says_what_will_appear() -> None:
    [told] = open_page().info
    assert told.proto.title == "No jobs yet"
    assert "Submit a job" in told.value
    assert "JOB_STORAGE_PATH" in told.value


def test_counts_add_up_to_all_jobs(
    storage: Path, put_record: Callable[..., None], finished_job: str
) -> None:
    (storage / "queued1").mkdir()
    put_record("failed1", "FAILURE")
    put_record("expired1", "SUCCESS", {})
    page = open_page()
    assert {metric.label: metric.value for metric in page.metric} == {
        "All jobs": "4",
        "In progress": "1",
        "Ready": "1",
        "Failed or gone": "2",
    }
    assert "1 queued · 1 ready · 1 failed · 1 expired" in words(page)


def test_a_running_card_shows_step_and_progress(put_record: Callable[..., None]) -> None:
    put_record("run1", "PROGRESS", {"progress": 45, "step": "<b>Texturing</b> [a](http://x)"})
    page = open_page()
    assert "&lt;b&gt;Texturing&lt;/b&gt; [a](http://x) · 45 %" in words(page)


def test_filters_come_from_the_address(finished_job: str, put_record: Callable[..., None]) -> None:
    put_record("failed1", "FAILURE")
    assert cards(open_page(status="failed")) == ["failed1"]
    page = open_page(q="ABCD", sort="job_id")
    assert cards(page) == [finished_job]
    assert page.text_input(key="q").value == "ABCD"
    assert page.selectbox(key="sort").value == "job_id"


@pytest.mark.parametrize("quality", ["normal", "none"])
def test_a_quality_in_the_address_is_chosen_on_the_page(
    put_outputs: Callable[..., Path], put_record: Callable[..., None], quality: str
) -> None:
    for job_id, content in {"normal": {"status": "normal"}, "none": None}.items():
        put_outputs(job_id, quality=content)
        put_record(job_id, "SUCCESS", {"status": "completed"})
    page = open_page(quality=quality)
    assert page.selectbox(key="qualities").value == quality
    assert cards(page) == [quality]


def test_what_a_running_job_lacks_may_come_yet(
    put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> None:
    put_outputs("running1", "reconviagen", "nvdiffrec", quality=None, previews=0)
    put_record("running1", "PROGRESS", {"progress": 72})
    text = words(open_page(job="running1"))
    for told in ("No previews yet", "No wireframe previews yet.", "Not measured yet."):
        assert told in text
    assert "left no" not in text


def test_a_box_says_how_many_the_address_chooses(finished_job: str) -> None:
    page = open_page(verdict=["accepted", "unreviewed"], quality="normal,warning")
    for key in ("verdicts", "qualities"):
        box = page.selectbox(key=key)
        assert (box.value, box.proto.placeholder) == (None, "2 chosen")
    assert cards(page) == [finished_job]


def test_a_search_takes_no_notice_of_blanks_around_it(finished_job: str) -> None:
    assert cards(open_page(q=f" {finished_job} ")) == [finished_job]


def test_a_search_goes_into_the_address(finished_job: str, put_record: Callable[..., None]) -> None:
    put_record("failed1", "FAILURE")
    page = open_page()
    page.text_input(key="q").set_value("fail").run()
    assert page.query_params["q"] == "fail"
    assert cards(page) == ["failed1"]


def test_a_filter_without_match_offers_the_way_back(finished_job: str) -> None:
    page = open_page(q="nothing")
    assert cards(page) == []
    assert "Take a filter back" in page.text[0].value
    press(page, "Show all jobs")
    assert cards(page) == [finished_job]


def test_a_quality_filter_can_be_taken_back(finished_job: str) -> None:
    page = open_page(quality="failure")
    assert page.selectbox(key="qualities").value == "failure"
    assert cards(page) == []
    press(page, "Show all jobs")
    assert cards(page) == [finished_job]


def test_a_page_beyond_the_last_offers_the_first(finished_job: str) -> None:
    page = open_page(q=finished_job, page="9")
    assert cards(page) == []
    press(page, "Show the first page")
    assert cards(page) == [finished_job]
    assert page.query_params["q"] == finished_job


def test_a_bad_address_is_told_and_offers_the_way_back(finished_job: str) -> None:
    page = open_page(sort="name")
    assert "`INVALID_PARAMETER` · HTTP 422" in page.warning[0].value
    press(page, "Show all jobs")
    assert cards(page) == [finished_job]


def test_the_list_is_paged(put_record: Callable[..., None]) -> None:
    for number in range(30):
        put_record(f"job{number:02}", "STARTED")
    assert cards(open_page(sort="job_id")) == [f"job{n:02}" for n in range(12)]
    assert cards(open_page(sort="job_id", page="3")) == [f"job{n}" for n in range(24, 30)]
    assert cards(open_page(page="99")) == []


def test_opening_a_job_and_going_back_keeps_the_filter(finished_job: str) -> None:
    page = open_page(status="ready", sort="job_id")
    page.button(key=f"open-{finished_job}").click().run()
    assert page.query_params == {"job": finished_job}
    assert page.title[0].value == finished_job
    press(page, "All jobs")
    assert page.query_params == {"status": "ready", "sort": "job_id"}


def test_the_table_holds_the_same_jobs(finished_job: str) -> None:
    [table] = open_page(view="table").dataframe
    assert list(table.value["Job"]) == [finished_job]
    assert list(table.value["Status"]) == [["Ready"]]
    assert list(table.value["PSNR"]) == [27.1]


def test_two_models_are_compared(
    put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> None:
    put_outputs("two", "reconviagen", quality={"metrics": {"psnr": 24.0, "depth_mae": 0.5}})
    put_outputs("two", "nvdiffrec", quality={"metrics": {"psnr": 27.1, "depth_mae": 0.25}})
    put_record("two", "SUCCESS", {"status": "completed"})
    page = open_page(job="two")
    assert "nvdiffrec beats ReconViaGen by 3.1 dB PSNR." in words(page)
    figures = {metric.label.partition(" ·")[0]: metric for metric in page.metric}
    assert (figures["PSNR"].value, figures["PSNR"].delta) == ("27.1 dB", "+3.1 dB")
    assert (figures["Depth MAE"].value, figures["Depth MAE"].delta) == ("0.2500", "-0.2500")
    assert figures["SSIM"].value == "not given"
    page.segmented_control(key="model-two").set_value(1).run()
    assert page.metric[0].delta == "-3.1 dB"


def test_mesh_facts_are_measured(finished_job: str) -> None:
    page = open_page(job=finished_job)
    for _ in range(200):
        if "Watertight" in words(page):
            break
        time.sleep(0.1)
        page.run()
    text = words(page)
    assert "<th>Vertices</th><td>4</td>" in text
    assert "<th>Faces</th><td>4</td>" in text
    assert "<th>Watertight</th><td>Yes</td>" in text
    assert "2 × 3 × 4" in text


def test_gaps_are_said_in_words(
    put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> None:
    output = put_outputs("gaps", "a [model](x)", quality="{broken", previews=0)
    (output / "a [model](x)" / "mesh.ply").write_bytes(b"ply\nnonsense")
    put_record("gaps", "SUCCESS", {"status": "completed"})
    text = words(open_page(job="gaps"))
    assert "This model left no previews" in text
    assert "This model left no textured previews." in text
    assert "Quality unavailable: quality.json is not valid JSON." in text
    assert "Facts about mesh.ply are unavailable: its header cannot be read." in text
    assert "Model directory: a [model](x)" in text


def test_an_unknown_job_keeps_its_literal_name_out_of_markdown(backend: redis.Redis) -> None:
    page = open_page(job="![x](http://evil)<img src=x>")
    assert page.title[0].value == "Job not found"
    assert "&lt;img src=x&gt;" in words(page)
    assert not any("evil" in warning.value for warning in page.warning)


def test_the_sample_control_is_the_demos_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    label = "Submit a sample job"
    assert label not in [button.label for button in open_page().button]
    monkeypatch.setenv("RECON_DEMO", "1")
    assert label in [button.label for button in open_page().button]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9949, "9.9 kB"),
        (9951, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (24_900_000, "25 MB"),
        (2_500_000_000, "2.5 GB"),
    ],
)
def test_sizes_read_as_in_a_file_manager(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "just now"), (59, "just now"), (60, "1 min ago"), (7199, "1 h ago"), (172800, "2 d ago")],
)
def test_ages_in_the_largest_whole_unit(seconds: int, text: str) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert age_text(now - timedelta(seconds=seconds), now) == text


def test_names_that_markdown_would_read_become_numbers() -> None:
    assert model_label("nvdiffrec", 0) == "nvdiffrec"
    assert model_label("my_model-2", 0) == "my_model-2"
    assert model_label("my-_model_", 0) == "Model 1"
    assert model_label("[a](b)", 2) == "Model 3"
