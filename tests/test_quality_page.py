"""The page of all quality through Streamlit's own test harness."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.job_query import JobQuery
from dashboard.page.chart_parts import COLOURS, DASHES, SHAPES, Palette
from dashboard.quality import METRICS
from dashboard.quality_figures import MODELS_MAX, OTHER_MODELS, load_figures
from dashboard.verdict import Verdict
from dashboard.verdicts import give_verdict
from tests.pages import open_page, press, words

NASTY = "![x](evil.example) &amp; $y$ `z`"

pytestmark = pytest.mark.usefixtures("backend", "storage")

Put = Callable[..., Any]


@pytest.fixture
def put_result(put_outputs: Put, put_record: Put, until: Put) -> Put:
    """Finish a job of given figures, and wait until it is catalogued."""

    def put(
        job_id: str, psnr: float | None, ssim: float | None, model: str = "nvdiffrec", **more: Any
    ) -> None:
        total = load_figures(JobQuery(), METRICS[0]).total
        quality = {"status": "warning", "metrics": {"psnr": psnr, "ssim": ssim, **more}}
        put_outputs(job_id, model, quality=quality, previews=0)
        put_record(job_id, "SUCCESS", {"status": "completed"})
        until(lambda: load_figures(JobQuery(), METRICS[0]).total > total)

    return put


def open_quality(**parameters: str) -> AppTest:
    return open_page(show="quality", **parameters)


def worst(page: AppTest) -> list[str]:
    return [button.label for button in page.button if str(button.key).startswith("open-")]


def specs(page: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in page.get("vega_lite_chart")]


def test_without_results_it_says_what_will_appear() -> None:
    [told] = open_quality().info
    assert told.proto.title == "No results yet"


def test_the_list_offers_it_with_its_filters_and_it_leads_back(put_result: Put) -> None:
    put_result("some1", 22, 0.8)
    page = open_page(status="ready")
    press(page, "Quality")
    assert page.title[0].value == "Quality"
    assert page.query_params == {"status": "ready", "show": "quality"}
    press(page, "All jobs")
    assert page.query_params == {"status": "ready"}
    assert page.title[0].value == "Reconstructions"


def test_results_are_counted_described_and_listed_worst_first(put_result: Put) -> None:
    put_result("good1", 31.5, 0.95)
    put_result("bad1", 18.25, 0.7)
    put_result("half1", 24, None)
    page = open_quality()
    assert {metric.label: metric.value for metric in page.metric} == {
        "Results": "3",
        "Normal": "0",
        "Warning": "3",
        "Failure": "0",
    }
    assert worst(page) == ["bad1", "half1", "good1"]
    text = words(page)
    assert "All 3 results of 3 jobs, lowest PSNR first." in text
    assert "2 of 3 results, the rest lack PSNR or SSIM." in text
    assert "nvdiffrec: median 24." in text
    assert len(specs(page)) == 3


def test_a_row_opens_its_job_and_back_leads_to_the_same_box(put_result: Put) -> None:
    put_result("good1", 31.5, 0.95)
    put_result("bad1", 18.25, 0.7)
    page = open_quality(box="30,40,0.5,1")
    assert worst(page) == ["good1"]
    assert "All 1 result of 1 job inside 30.0 to 40.0 dB and 0.500 to 1.000 SSIM" in words(page)
    press(page, "good1")
    assert page.query_params == {"job": "good1"}
    press(page, "Quality")
    assert page.query_params == {"show": "quality", "box": "30,40,0.5,1"}
    press(page, "Clear the box")
    assert worst(page) == ["bad1", "good1"]


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "nan,1,2,3", "5,1,0,1", "1e999,1,0,1"])
def test_a_box_that_is_none_is_left_out(put_result: Put, box: str) -> None:
    put_result("some1", 22, 0.8)
    assert worst(open_quality(box=box)) == ["some1"]


def test_an_empty_box_says_what_to_do(put_result: Put) -> None:
    put_result("some1", 22, 0.8)
    page = open_quality(box="40,50,0,1")
    assert worst(page) == []
    assert "No result lies inside 40.0 to 50.0 dB and 0.000 to 1.000 SSIM." in words(page)


def test_another_metric_ranks_and_is_charted(put_result: Put) -> None:
    put_result("low1", 20, 0.9, depth_mae=0.01)
    put_result("high1", 30, 0.9, depth_mae=0.03)
    page = open_quality(metric="depth_mae")
    assert worst(page) == ["high1", "low1"]
    assert "highest Depth MAE first" in words(page)
    assert [heading.value for heading in page.subheader][2:] == [
        "How Depth MAE is spread",
        "Depth MAE over time",
    ]
    page.segmented_control(key="metric-depth_mae").set_value("ssim").run()
    assert page.query_params["metric"] == "ssim"


def test_a_metric_that_nobody_has_is_told(put_result: Put) -> None:
    put_result("some1", 22, 0.8)
    page = open_quality(metric="depth_rmse")
    assert "No result has Depth RMSE" in words(page)
    assert worst(page) == []


def test_figures_are_those_of_the_verdict_that_is_asked_for(put_result: Put) -> None:
    put_result("good1", 31, 0.95)
    put_result("poor2", 15, 0.5)
    give_verdict("good1", Verdict.ACCEPTED, "", "Ada", upon=None)
    page = open_quality()
    assert page.metric[0].value == "2"
    page.query_params["verdict"] = "accepted"
    page.run()
    assert page.metric[0].value == "1"
    assert worst(page) == ["good1"]


def test_a_filter_without_match_offers_the_way_back(put_result: Put) -> None:
    put_result("some1", 22, 0.8)
    page = open_quality(quality="failure")
    assert "No result matches these filters" in [heading.value for heading in page.subheader]
    press(page, "Show all results")
    assert worst(page) == ["some1"]
    assert page.query_params == {"show": "quality"}


def test_a_bad_address_is_told_and_offers_the_way_back(put_result: Put) -> None:
    put_result("some1", 22, 0.8)
    page = open_quality(status="odd", sort="odd")
    assert "`INVALID_PARAMETER` · HTTP 422" in page.warning[0].value
    press(page, "Show all results")
    assert worst(page) == ["some1"]


def test_names_of_models_are_never_read_as_markup(put_result: Put) -> None:
    put_result("some1", 22, 0.8, model=NASTY)
    page = open_quality()
    assert "![x](evil.example) &amp;amp; $y$ `z`" in words(page)
    labels = [*page.button, *page.selectbox, *page.pills, *page.metric]
    assert not [each for each in labels if "evil" in str(each.label)]


def test_thresholds_are_drawn_where_there_are_any(put_result: Put) -> None:
    put_result("some1", 22, 0.8, depth_mae=0.01)
    plane, spread, _ = specs(open_quality())
    rules = [layer for layer in plane["layer"] if layer["mark"]["type"] == "rule"]
    assert len(rules) == 2
    _, depths, _ = specs(open_quality(metric="depth_mae"))
    assert not [layer for layer in depths["layer"] if layer["mark"]["type"] == "rule"]
    assert spread


def test_each_model_looks_the_same_whatever_is_shown_beside_it() -> None:
    palette = Palette(("a", "b", "nvdiffrec", "reconviagen"), "light")
    alone = palette.channels(["reconviagen"])["color"].to_dict()["scale"]
    assert alone == {"domain": ["ReconViaGen"], "range": [COLOURS["light"][3]]}
    others = palette.channels(["unknown", "a"])["shape"].to_dict()["scale"]
    assert others == {"domain": ["a", "other models"], "range": [SHAPES[0], SHAPES[-1]]}


def test_there_is_a_look_for_every_model_and_for_the_others() -> None:
    for looks in (SHAPES, DASHES, *COLOURS.values()):
        assert len(set(looks)) == MODELS_MAX + 1


def test_models_that_would_be_called_alike_keep_their_own_names() -> None:
    palette = Palette(("ReconViaGen", "reconviagen"), "light")
    assert [palette.name(name) for name in palette.models] == ["ReconViaGen", "reconviagen"]
    assert palette.name(OTHER_MODELS) == "other models"
