"""The samples cover the decision table, with ids that stay."""

import re
import subprocess
import sys

from dashboard.demo.aftermath import AFTERMATHS
from dashboard.demo.objects import KINDS
from dashboard.demo.plan import Outcome, Plan, read_plan, write_plan
from dashboard.demo.samples import SAMPLES
from dashboard.demo.seeds import seeded_job_id
from dashboard.demo.submit import new_job_id


def test_every_outcome_is_among_the_samples():
    assert {sample.plan.outcome for sample in SAMPLES} == set(Outcome)
    assert AFTERMATHS.keys() < set(Outcome)


def test_samples_are_of_known_kinds_and_of_every_kind_at_least_once():
    assert {sample.plan.kind for sample in SAMPLES} == KINDS.keys()


def test_sample_ids_are_stable_and_their_own():
    ids = [sample.job_id for sample in SAMPLES]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-z]{8}", job_id) for job_id in ids)
    assert seeded_job_id("amphora") == "i5a5mgp7"


def test_new_job_ids_look_like_the_pipelines():
    assert re.fullmatch("[0-9a-z]{8}", new_job_id())
    assert new_job_id() != new_job_id()


def test_a_plan_survives_its_file(tmp_path):
    plan = Plan("vase", {"nvdiffrec": 2.0}, Outcome.RAISES, 0.5, fed=True)
    write_plan(tmp_path / "abcd1234", plan)
    assert read_plan(tmp_path / "abcd1234") == plan
    assert not (tmp_path / "abcd1234" / "output").exists()


def test_a_job_without_a_plan_is_completed(tmp_path):
    assert read_plan(tmp_path) == Plan()


def test_submitting_is_cheap_to_import():
    heavy = "{'trimesh', 'skimage', 'scipy', 'embreex', 'fast_simplification'}"
    code = f"import sys, dashboard.demo.submit; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
