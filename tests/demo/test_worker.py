"""A real store, a real worker and small jobs: every way in which a job ends."""

import json
from pathlib import Path

import pytest
from redis import Redis

from dashboard.demo.feeder import FINAL, Feeder
from dashboard.demo.plan import Outcome, Plan
from dashboard.demo.samples import Sample
from dashboard.demo.submit import submit_job, submit_sample_job

PREVIEWS = [f"{kind}_{view:02}.png" for kind in ("textured", "wireframe") for view in range(6)]


@pytest.fixture
def storage(demo_environment) -> Path:
    return Path(demo_environment["JOB_STORAGE_PATH"])


@pytest.fixture
def record_of(demo_environment, worker, until):
    """Read the record of a job as soon as its state is final, or any one that fits."""
    backend = Redis.from_url(demo_environment["CELERY_RESULT_BACKEND"])

    def record_of(job_id: str, fits=lambda record: record["status"] in FINAL) -> dict:
        key = f"celery-task-meta-{job_id}"
        until(lambda: (raw := backend.get(key)) and fits(json.loads(raw)), worker)
        return json.loads(backend.get(key))

    yield record_of
    backend.close()


def test_a_completed_job_leaves_the_contracts_files_and_return_value(storage, record_of):
    submit_job("complete", "both", Plan("vase"))
    record = record_of("complete")
    assert record["status"] == "SUCCESS"
    assert record["result"]["status"] == "completed"
    output = storage / "complete" / "output"
    assert sorted(path.name for path in output.iterdir()) == ["nvdiffrec", "reconviagen"]
    for model, meshes in {
        "reconviagen": {"mesh.glb", "mesh.ply"},
        "nvdiffrec": {"mesh.glb", "mesh.ply", "mesh.obj", "mesh.mtl", "mesh.png"},
    }.items():
        names = {path.name for path in (output / model).iterdir()}
        assert names == {*meshes, "previews", "quality.json"}
        assert sorted(path.name for path in (output / model / "previews").iterdir()) == PREVIEWS


def test_quality_says_what_was_measured(storage, record_of):
    submit_job("measured", "nvdiffrec", Plan("pumpkin"))
    result = record_of("measured")["result"]
    quality = json.loads((storage / "measured/output/nvdiffrec/quality.json").read_text())
    assert result["quality"] == {"nvdiffrec": quality["status"]}
    assert quality["metrics"]["psnr"] > 20
    assert quality["metadata"]["processing_duration_sec"] > 0
    assert quality["metadata"]["image_resolution"] == [96, 96]
    assert quality["metadata"]["num_views"] == 6


def test_progress_has_exactly_the_contracts_keys(record_of):
    submit_job("progress", "both", Plan("vase", pause_s=0.05))
    seen = record_of("progress", lambda record: record["status"] == "PROGRESS")["result"]
    assert seen.keys() == {"progress", "step", "model", "model_index", "total_models"}
    assert 0 <= seen["progress"] <= 100
    assert (seen["model"], seen["total_models"]) == ("reconviagen", 2)
    record_of("progress")


def test_a_job_that_raises_is_a_failure_with_its_reason(record_of):
    submit_job("raising1", "nvdiffrec", Plan("vase", outcome=Outcome.RAISES))
    record = record_of("raising1")
    assert record["status"] == "FAILURE"
    assert record["result"]["exc_type"] == "ReconstructionError"
    assert "preview 4 of 6" in str(record["result"]["exc_message"])


def test_a_job_may_fail_by_its_return_value(record_of):
    submit_job("failing1", "both", Plan("vase", outcome=Outcome.RETURNS_FAILED))
    record = record_of("failing1")
    assert record["status"] == "SUCCESS"
    assert record["result"]["status"] == "failed"
    assert record["result"]["model"] == "nvdiffrec"
    assert record["result"].keys() >= {"error", "error_code", "details"}


def test_a_cancelled_job_leaves_no_files(storage, record_of):
    submit_job("cancel01", "nvdiffrec", Plan("vase", outcome=Outcome.RETURNS_CANCELLED))
    assert record_of("cancel01")["result"]["status"] == "cancelled"
    assert not (storage / "cancel01").exists()


@pytest.mark.parametrize("outcome", [Outcome.REVOKED_RUNNING, Outcome.REVOKED_QUEUED])
def test_a_revoked_job_is_revoked_by_the_worker_and_leaves_no_files(
    storage, feeder: Feeder, worker, until, outcome
):
    sample = Sample(f"test {outcome}", "both", Plan("vase", {}, outcome, pause_s=0.1))
    feeder._submit_sample(sample)

    def over() -> bool:
        for job_id, record in feeder._records(list(feeder._unfinished)).items():
            feeder._attend(job_id, sample.plan, record)
        return not feeder._unfinished

    until(over, worker)
    assert feeder._record(sample.job_id).state == "REVOKED"
    assert not (storage / sample.job_id).exists()


def test_aftermaths_are_there_when_the_job_is_final(storage, record_of):
    models = {"expired": "reconviagen", "incomplete": "nvdiffrec", "odd": "both"}
    models["bare"] = "reconviagen"
    for outcome, model_type in models.items():
        submit_job(outcome, model_type, Plan("vase", outcome=Outcome(outcome)))
    for outcome in models:
        assert record_of(outcome)["result"]["status"] == "completed"
    assert not (storage / "expired" / "output").exists()
    incomplete = storage / "incomplete" / "output" / "nvdiffrec"
    assert not {"mesh.glb", "mesh.obj"} & {path.name for path in incomplete.iterdir()}
    odd = storage / "odd" / "output"
    assert sorted(path.name for path in odd.iterdir()) == ["gaussian-field_v2", "reconviagen"]
    with pytest.raises(json.JSONDecodeError):
        json.loads((odd / "reconviagen" / "quality.json").read_text())
    bare = storage / "bare" / "output" / "reconviagen"
    assert sorted(path.name for path in bare.iterdir()) == ["mesh.glb", "mesh.ply"]


def test_a_finished_sample_is_settled_and_a_lost_one_is_not(storage, record_of, feeder: Feeder):
    sample = Sample("test settled", "nvdiffrec", Plan("vase"))
    assert not feeder._settled(sample)
    feeder._submit_sample(sample)
    record_of(sample.job_id)
    assert feeder._settled(sample)
    feeder._remove(sample.job_id)
    assert not feeder._settled(sample)
    assert not (storage / sample.job_id).exists()


def test_the_pages_sample_job_is_taken_by_the_worker(storage, record_of):
    job_id = submit_sample_job()
    assert (storage / job_id / "input" / "sample.json").exists()
    record_of(job_id, lambda record: record["status"] in {"STARTED", "PROGRESS", "SUCCESS"})
