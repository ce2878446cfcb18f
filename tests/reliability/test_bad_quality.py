"""A quality.json that nobody should have written.

What must be observed: "Quality unavailable" with the reason, within 0.1 s, and the rest of the page
as usual; a figure that is missing, of a wrong type or not finite costs that figure alone.
"""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dashboard.outputs import read_outputs
from dashboard.quality import QUALITY_MAX_BYTES, QualityError, parse_quality
from dashboard.report import models
from tests.pages import open_page, words

NESTED = 60_000
WRONG = b'{"status": 5, "summary": [], "metrics": {"psnr": "27", "ssim": {}, "depth_mae": true}, '
WRONG += b'"thresholds": 3, "metadata": [1]}'
FILES = {
    "empty": (b"", "empty"),
    "blank": (b" \n", "empty"),
    "cut off": (b'{"status": "norm', "not valid JSON"),
    "list": (b'[{"status": "normal"}]', "does not hold a JSON object"),
    "null": (b"null", "does not hold a JSON object"),
    "UTF-16": ('{"status": "normal"}'.encode("utf-16"), "not UTF-8"),
    "BOM": ('{"status": "normal"}'.encode("utf-8-sig"), "not valid JSON"),
    "bad UTF-8": (b'{"status": "\xff"}', "not UTF-8"),
    "nested lists": (b"[" * NESTED, "not valid JSON"),
    "nested objects": (b'{"metrics":' * NESTED + b"1" + b"}" * NESTED, "larger than 128 kB"),
    "nested below the limit": (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "not valid JSON"),
    "a long number": (b'{"metrics": {"psnr": ' + b"9" * 5000 + b"}}", "not valid JSON"),
    "NaN": (b'{"metrics": {"psnr": NaN, "ssim": Infinity, "depth_mae": 1e999}}', "no figure"),
    "duplicate keys": (b'{"metrics": {"psnr": 30}, "metrics": {"psnr": 10}}', "names a key twice"),
    "duplicate figures": (b'{"metrics": {"psnr": 30, "psnr": 10}}', "names a key twice"),
    "wrong types": (WRONG, "no figure"),
    "nothing": (b"{}", "no figure"),
    "many objects": (b"[" + b"{}," * (QUALITY_MAX_BYTES // 3 - 2) + b"{}]", "does not hold"),
    "too large": (b" " * QUALITY_MAX_BYTES + b"{}", "larger than 128 kB"),
}


@pytest.mark.parametrize(("raw", "reason"), FILES.values(), ids=FILES.keys())
def test_what_cannot_be_used_says_why_at_once(raw: bytes, reason: str) -> None:
    took = []
    for _ in range(3):  # the quickest: the machine may be busy with others
        began = time.thread_time()
        with pytest.raises(QualityError, match=reason):
            parse_quality(raw)
        took.append(time.thread_time() - began)
    assert min(took) < 0.1


@pytest.fixture
def ready(http: TestClient, finished_job: str, storage: Path) -> Callable[[bytes], str]:
    """Put a quality.json into a ready job."""
    quality = storage / finished_job / "output" / "reconviagen" / "quality.json"

    def put(raw: bytes) -> str:
        quality.write_bytes(raw)
        return finished_job

    return put


@pytest.mark.parametrize("kind", ["wrong types", "duplicate keys"])
def test_the_rest_of_the_page_is_as_usual(
    http: TestClient,
    ready: Callable[[bytes], str],
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models, "SURFACE_WAIT_S", 0)
    raw, reason = FILES[kind]
    job_id = ready(raw)
    [model] = http.get(f"/jobs/{job_id}").json()["models"]
    assert model["quality"] is None
    assert reason in model["quality_problem"]
    html = words(open_page(job=job_id))
    assert f"Quality unavailable: {model['quality_problem']}" in html
    assert f'href="/jobs/{job_id}/download"' in html
    assert html.count("textured_01.png") > 1
    assert "Quality unavailable" in http.get(f"/jobs/{job_id}/report").text
    assert http.get(f"/jobs/{job_id}/download").status_code == 200


def test_a_huge_one_is_not_read(finished_job: str, storage: Path) -> None:
    quality = storage / finished_job / "output" / "reconviagen" / "quality.json"
    with quality.open("r+b") as file:
        file.truncate(100_000_000)
    began = time.thread_time()
    [model] = read_outputs(finished_job).models
    assert time.thread_time() - began < 0.1
    assert model.quality_problem == "quality.json is larger than 128 kB"


def test_a_figure_that_is_not_finite_costs_itself_alone(
    http: TestClient, ready: Callable[[bytes], str]
) -> None:
    job_id = ready(b'{"metrics": {"psnr": NaN, "ssim": 0.91}}')
    [model] = http.get(f"/jobs/{job_id}").json()["models"]
    assert model["quality"]["metrics"]["psnr"] is None
    assert model["quality"]["metrics"]["ssim"] == 0.91
