"""Submitting jobs: what the page's "Submit a sample job" and the feeder do."""

import secrets
from functools import cache

from celery import Celery
from kombu.exceptions import OperationalError

from dashboard.demo.broker import TASK_NAME, connect, storage_path
from dashboard.demo.plan import Plan, write_plan
from dashboard.demo.seeds import ID_ALPHABET, ID_LENGTH, seeded_random

WATCHABLE_PAUSE_S = 0.4  # between the steps of a job that somebody wants to watch


class BrokerAwayError(Exception):
    """The job was not submitted: the broker does not answer."""


def submit_sample_job() -> str:
    """Submit a job of a random kind for both models and give its id.

    Raises BrokerAwayError when the broker cannot be reached.
    """
    job_id = new_job_id()
    plan = Plan(severity=random_severity(job_id), pause_s=WATCHABLE_PAUSE_S)
    try:
        submit_job(job_id, "both", plan)
    except OperationalError as exc:
        raise BrokerAwayError("the demo's broker does not answer") from exc
    return job_id


def new_job_id() -> str:
    """A fresh job id, as the pipeline makes them: eight characters of 0-9a-z."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


def random_severity(job_id: str) -> dict[str, float]:
    """How bad the two models are at this job: mostly good, sometimes the other way round."""
    random = seeded_random(job_id, "severity")
    good, fair = float(random.uniform(0.6, 1.6)), float(random.choice([0.9, 1.2, 2.0, 4.5]))
    swapped = random.random() < 0.2
    return {"reconviagen": 0.6, "nvdiffrec": 4.0} if swapped else {
        "reconviagen": fair, "nvdiffrec": good,
    }  # fmt: skip


def submit_job(job_id: str, model_type: str, plan: Plan, task_id: str | None = None) -> None:
    """Write the plan into the job's directory, then send the task, by default with the job's id."""
    write_plan(storage_path() / job_id, plan)
    _app().send_task(TASK_NAME, args=[job_id, model_type], task_id=task_id or job_id, retry=False)


@cache
def _app() -> Celery:
    return connect()
