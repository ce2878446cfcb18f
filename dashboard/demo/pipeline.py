"""The worker's side: the Celery task, its progress, and the files of jobs that were revoked.

`python -m celery -A dashboard.demo.pipeline worker` runs it; the runner does so.
"""

import os
import shutil
import time
from typing import Any

from celery import Celery, Task
from celery.signals import task_revoked, worker_process_init

from dashboard.demo.broker import TASK_NAME, connect, storage_path
from dashboard.demo.plan import read_plan
from dashboard.demo.reconstruction import MODELS, run_job
from dashboard.demo.tether import die_with_parent

NICENESS = 3  # of the processes that compute: the dashboard and the store come first
REMOVAL_ATTEMPTS = 10  # a process that is being killed may still be writing

app: Celery = connect()


@app.task(bind=True, name=TASK_NAME)
def process(self: "Task[Any, Any]", job_id: str, model_type: str) -> dict[str, object]:
    """Reconstruct one job; the return value says how it ended."""
    job_dir = storage_path() / job_id
    plan = read_plan(job_dir)
    models = MODELS[model_type]

    def report(progress: float, step: str, index: int) -> None:
        time.sleep(plan.pause_s)
        meta = {
            "progress": round(progress),
            "step": step,
            "model": models[index],
            "model_index": index + 1,
            "total_models": len(models),
        }
        self.update_state(state="PROGRESS", meta=meta)

    return run_job(job_id, model_type, job_dir, plan, report)


@task_revoked.connect(sender=process)
def remove_files(request: Any, **_: object) -> None:
    """Delete the files of a job that was revoked, as the pipeline does for cancelled jobs."""
    job_dir = storage_path() / request.id
    for _attempt in range(REMOVAL_ATTEMPTS):
        shutil.rmtree(job_dir, ignore_errors=True)
        if not job_dir.exists():
            return
        time.sleep(0.1)


@worker_process_init.connect
def settle_in(**_: object) -> None:
    """Give way to the dashboard, and end with the worker even if that is killed."""
    os.nice(NICENESS)
    die_with_parent()
