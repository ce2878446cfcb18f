"""Texts of jobs that try to be more than text, where programs read them.

What must be observed: JSON, CSV and the report carry them as text, whatever it is, in UTF-8. What
browsers make of them on every page: tests/browser/test_hostile_texts.py.
"""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

TEXT = "**b** ![x](//evil.example/x.png) <img src=//evil.example/y> :material/home: $x^2$ \ud800\0"
SHOWN = TEXT.replace("\ud800", "?").replace("\0", "?")


@pytest.fixture
def hostile(put_outputs: Callable[..., Path], put_record: Callable[..., None]) -> None:
    """A ready job, a failed and a running one, all of whose texts are hostile."""
    quality = {"status": "normal", "summary": TEXT, "metadata": {"input_file": TEXT}}
    put_outputs("ready1", quality=quality)
    put_record("ready1", "SUCCESS", {"status": "completed"})
    put_record("failed1", "FAILURE", {"exc_type": TEXT, "exc_message": [TEXT]})
    put_record("running1", "PROGRESS", {"step": TEXT, "model": TEXT, "progress": 5})


@pytest.mark.usefixtures("hostile")
def test_every_answer_carries_them_as_text(http: TestClient) -> None:
    ready, failed, running = (
        http.get(f"/jobs/{job_id}").json() for job_id in ("ready1", "failed1", "running1")
    )
    assert ready["models"][0]["quality"]["summary"] == SHOWN
    assert SHOWN in failed["error"]["message"]
    assert running["step"] == SHOWN[:120]
    assert SHOWN in http.get("/jobs/failed1/download").json()["error"]["message"]
    rows = csv.DictReader(io.StringIO(http.get("/jobs/export.csv").content.decode("utf-8-sig")))
    assert any(SHOWN in text for row in rows for text in row.values())
    for job_id in ("ready1", "failed1", "running1"):
        report = http.get(f"/jobs/{job_id}/report").content.decode()
        assert "<img src=//evil" not in report
        assert "&lt;img src=//evil.example/y&gt; :material/home: $x^2$ ??" in report or (
            job_id == "running1"
        )


def test_answers_are_json_that_every_parser_takes(
    http: TestClient, put_outputs: Callable[..., Path], put_record: Callable[..., None]
) -> None:
    put_outputs("odd", quality='{"metrics": {"psnr": NaN, "ssim": 1e999}, "summary": "\\ud800"}')
    put_record("odd", "PROGRESS", {"step": "\ud800", "progress": float("nan")})
    text = http.get("/jobs/odd").text
    assert json.loads(text, parse_constant=pytest.fail)["step"] == "?"
