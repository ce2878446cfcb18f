"""GET /jobs/{job_id}/report: everything of a job in one file, and every text in it only a text."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from dashboard import verdicts
from dashboard.catalog.database import CatalogUnavailableError
from dashboard.live import live
from dashboard.report import models
from dashboard.verdict import Verdict
from tests.pages import open_page, words

DONE = {"status": "completed"}


class Document(HTMLParser):
    """The words of a document by tag, and the attributes of each tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.styles: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        (self.styles if self._inside == "style" else self.words).append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))

    def sources(self) -> list[str]:
        return [str(facts["src"]) for tag, facts in self.tags if tag == "img"]


def figures_of(text: str) -> dict[str, list[str]]:
    """The rows of the comparison, by name."""
    rows = re.findall(r'<tr>\s*<th scope="row">(.*?)</th>(.*?)</tr>', text, re.DOTALL)
    return {
        Document(head).text.strip(): [
            Document(cell).text.strip() for cell in re.findall(r"<td.*?</td>", cells, re.DOTALL)
        ]
        for head, cells in rows
    }


def quality_of(psnr: float, **more: Any) -> dict[str, Any]:
    metrics = {"psnr": psnr, "ssim": 0.91, "depth_mae": 0.5 - psnr / 100, "depth_rmse": None}
    return {"status": "warning", "metrics": metrics, "summary": f"PSNR {psnr}"} | more


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no surface, but where the test is about it."""
    monkeypatch.setattr(models, "SURFACE_WAIT_S", 0)


@pytest.fixture
def two_models(put_outputs: Callable[..., Path], put_record: Callable[..., None]) -> Path:
    """A job of two models; reconviagen is better."""
    output = put_outputs("both", "reconviagen", "nvdiffrec")
    (output / "nvdiffrec" / "quality.json").write_text(json.dumps(quality_of(21.5)))
    put_record("both", "SUCCESS", DONE)
    return output


def test_it_is_one_html_file_with_a_name(http: TestClient, two_models: Path) -> None:
    response = http.get("/jobs/both/report")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-disposition"] == "inline; filename=both-report.html"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_figures_stand_beside_each_other_with_unit_and_winner(
    http: TestClient, two_models: Path
) -> None:
    text = http.get("/jobs/both/report").text
    rows = figures_of(text)
    assert rows["PSNR higher is better"] == ["21.5 dB", "27.1 dB best"]
    assert rows["SSIM higher is better"] == ["0.910", "0.910"]  # level: nobody wins
    assert rows["Depth MAE lower is better"] == ["0.2850", "0.0120 best"]
    assert rows["Depth RMSE lower is better"] == ["–", "0.0310"]  # alone is not best
    assert rows["Measured at"] == ["–", "2026-01-31 13:38 UTC"]
    assert rows["Vertices"] == ["4", "4"]
    told = Document(text).text
    assert "ReconViaGen beats nvdiffrec by 5.6 dB PSNR." in told
    assert "Normal from 25 dB and 0.85 SSIM" in told
    assert "Finished2026-02-01 10:00 UTC" in told.replace(" 2026", "2026")


def test_nobody_is_best_where_the_models_were_measured_differently(
    http: TestClient, two_models: Path
) -> None:
    quality = quality_of(21.5, metadata={"num_views": 12, "image_resolution": [512, 512]})
    (two_models / "nvdiffrec" / "quality.json").write_text(json.dumps(quality))
    text = http.get("/jobs/both/report").text
    assert figures_of(text)["PSNR higher is better"] == ["21.5 dB", "27.1 dB"]
    assert "they were measured under different settings" in Document(text).text


def test_every_preview_is_in_the_file_itself(http: TestClient, two_models: Path) -> None:
    document = Document(http.get("/jobs/both/report").text)
    assert len(document.sources()) == 2 * (1 + 4)
    for source in document.sources():
        kind, _, data = source.partition(",")
        assert kind == "data:image/webp;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert max(picture.size) in {256, 600}


def test_every_file_is_listed_with_its_size(http: TestClient, two_models: Path) -> None:
    text = Document(http.get("/jobs/both/report").text).text
    for name in http.get("/jobs/both").json()["models"][0]["files"]:
        assert text.count(f" {name} ") >= 2


def test_nothing_in_it_leads_outside(http: TestClient, two_models: Path) -> None:
    response = http.get("/jobs/both/report")
    document = Document(response.text)
    assert {tag for tag, _ in document.tags}.isdisjoint({"script", "link", "iframe", "a", "base"})
    for _, facts in document.tags:
        assert not [name for name in facts if name.startswith("on") or name in {"href", "style"}]
    assert "url(" not in document.styles[0]
    assert "@import" not in document.styles[0]


def test_its_policy_allows_its_own_style_and_pictures_alone(
    http: TestClient, two_models: Path
) -> None:
    response = http.get("/jobs/both/report")
    document = Document(response.text)
    [policy] = [str(f["content"]) for _, f in document.tags if "http-equiv" in f]
    digest = base64.b64encode(hashlib.sha256(document.styles[0].encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; ")
    assert response.headers["content-security-policy"].startswith(policy)


HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(1)> {{ 42 + 7 }} & \" ' \u202e"


def test_hostile_texts_stay_texts(
    http: TestClient, put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> None:
    odd = "it's & co {{ 42 + 7 }}"
    quality = quality_of(21.5, summary=HOSTILE, metadata={"timestamp": HOSTILE[:60]})
    output = put_outputs("hostile", odd, quality=quality)
    preview = output / odd / "previews" / "textured_00.png"
    preview.rename(preview.with_name("textured_'onerror='alert(1).png"))
    result = {"status": "failed", "error": HOSTILE, "error_code": HOSTILE}
    put_record("hostile", "SUCCESS", result)
    document = Document(http.get("/jobs/hostile/report").text)
    tags = {tag for tag, _ in document.tags}
    assert "script" not in tags
    assert all(source.startswith("data:image/webp") for source in document.sources())
    assert not [f for _, f in document.tags if any(name.startswith("on") for name in f)]
    assert document.text.count("<script>alert(1)</script>") == 3
    assert odd in document.text
    assert document.text.count("{{ 42 + 7 }}") == 3 + 2
    assert any("textured_'onerror='alert(1).png" in str(f.get("alt")) for _, f in document.tags)


def test_every_verdict_is_told_with_who_when_and_why_the_last_one_first(
    http: TestClient, two_models: Path
) -> None:
    assert "Verdict" not in Document(http.get("/jobs/both/report").text).text
    first = verdicts.give_verdict("both", Verdict.REWORK, "Holes below", "Ada", upon=None)
    note = f"Closed now\nby hand {HOSTILE}"
    verdicts.give_verdict("both", Verdict.ACCEPTED, note, HOSTILE, upon=first.id)
    document = Document(http.get("/jobs/both/report").text)
    assert "script" not in {tag for tag, _ in document.tags}
    assert document.text.count("<script>alert(1)</script>") == 2
    told = document.text[document.text.index("Verdict") : document.text.index("Models compared")]
    assert re.search(r"Accepted .*UTC Closed now by hand .* Rework Ada .*UTC Holes below", told)
    assert f"{first.decided_at:%Y-%m-%d %H:%M} UTC" in told


def test_verdicts_that_cannot_be_read_cost_a_line_and_not_the_report(
    http: TestClient, two_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts.give_verdict("both", Verdict.REWORK, "Holes below", "Ada", upon=None)

    def away(*_: object) -> None:
        raise CatalogUnavailableError("the catalog is locked")

    monkeypatch.setattr(live().database, "reading", away)
    response = http.get("/jobs/both/report")
    assert response.status_code == 200
    assert "The verdicts could not be read" in Document(response.text).text


def test_a_failed_job_tells_the_pipelines_error(
    http: TestClient, put_record: Callable[..., None]
) -> None:
    put_record("failed1", "SUCCESS", {"status": "failed", "error": "out of memory"})
    text = Document(http.get("/jobs/failed1/report").text).text
    error = http.get("/jobs/failed1").json()["error"]
    assert "Failed" in text
    assert "Job failed1 failed: out of memory" in text
    assert error["suggestion"] in text
    assert "JOB_FAILED · HTTP 500" in text


def test_a_running_job_tells_how_far_it_is(
    http: TestClient, put_record: Callable[..., None]
) -> None:
    put_record("run1", "PROGRESS", {"progress": 45})
    text = Document(http.get("/jobs/run1/report").text).text
    assert "Still processing" in text
    assert "45% complete" in text


def test_broken_files_are_told_and_break_nothing(http: TestClient, two_models: Path) -> None:
    (two_models / "nvdiffrec" / "quality.json").write_text("{")
    (two_models / "nvdiffrec" / "mesh.ply").write_bytes(b"not a mesh")
    (two_models / "nvdiffrec" / "previews" / "textured_00.png").write_bytes(b"not a picture")
    text = http.get("/jobs/both/report").text
    assert "Quality unavailable: quality.json is not valid JSON." in Document(text).text
    assert "Facts about mesh.ply are unavailable" in Document(text).text
    assert len(Document(text).sources()) == 2 * (1 + 4)
    assert figures_of(text)["Vertices"] == ["–", "4"]


def test_a_model_without_anything_is_told(
    http: TestClient, put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> None:
    output = put_outputs("bare", quality=None, previews=0)
    for mesh in {*output.glob("*/mesh.*")} - {*output.glob("*/mesh.mtl")}:
        mesh.unlink()
    put_record("bare", "SUCCESS", DONE)
    text = Document(http.get("/jobs/bare/report").text).text
    assert "This model left no mesh." in text
    assert "This model left no previews." in text
    assert "the pipeline left no quality.json" in text


def test_the_surface_is_there_once_it_is_measured(
    http: TestClient, two_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SURFACE_WAIT_S", 60)
    rows = figures_of(http.get("/jobs/both/report").text)
    assert rows["Watertight"] == ["Yes", "Yes"]
    assert rows["Extents, in the file's units"] == ["2 × 3 × 4", "2 × 3 × 4"]


def test_a_surface_that_takes_long_is_not_waited_for(
    http: TestClient, two_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.report.mesh.read_surface", lambda *_: None)
    monkeypatch.setattr(models, "SURFACE_WAIT_S", 0.1)
    text = http.get("/jobs/both/report").text
    assert figures_of(text)["Faces"] == ["4", "4"]
    assert "The surface was still being measured." in Document(text).text


def test_an_odd_job_does_not_take_minutes(
    http: TestClient, put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> None:
    output = put_outputs("odd", *(f"model{number}" for number in range(10)), previews=0)
    for number in range(15):
        picture = Image.new("RGB", (8, 8))
        picture.save(output / "model0" / "previews" / f"textured_{number:02}.png")
    put_record("odd", "SUCCESS", DONE)
    text = http.get("/jobs/odd/report").text
    assert len(Document(text).sources()) == 1 + 12
    assert "3 more are in the job." in Document(text).text
    assert "2 more models are left out." in Document(text).text
    assert text.count("<table") == 2


@pytest.mark.parametrize(("job_id", "status"), [("nobody", 404), ("a.b", 404)])
def test_a_job_that_is_not_there_has_no_report(http: TestClient, job_id: str, status: int) -> None:
    response = http.get(f"/jobs/{job_id}/report")
    assert (response.status_code, response.json()["error"]["code"]) == (status, "JOB_NOT_FOUND")


def test_while_nobody_can_say_whether_a_job_exists_it_is_refused(
    http: TestClient, point_at: Callable[[str], None]
) -> None:
    point_at("redis://127.0.0.1:9/0")
    response = http.get("/jobs/nobody/report")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "STATE_UNAVAILABLE")


def test_the_page_links_to_it(two_models: Path, put_record: Callable[..., None]) -> None:
    put_record("failed1", "FAILURE")
    for job_id in ("both", "failed1"):
        assert f'href="/jobs/{job_id}/report"' in words(open_page(job=job_id))
