"""A worker whose job never ends: started by Celery, killed by a test."""

import os
import time

from celery import Celery

app = Celery(
    "slow", broker=os.environ["CELERY_BROKER_URL"], backend=os.environ["CELERY_BROKER_URL"]
)
app.conf.task_track_started = True


@app.task(bind=True, name="reconstruction.process")
def process(self, job_id: str, model_type: str) -> None:
    self.update_state(
        state="PROGRESS", meta={"progress": 45, "step": f"Texturing {job_id}", "model": model_type}
    )
    time.sleep(600)
