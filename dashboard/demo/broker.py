"""The Celery app of the demo, configured as the contract says the real pipeline is.

Importing it is cheap: the page does, to submit sample jobs.
"""

import os
from pathlib import Path

from celery import Celery

TASK_NAME = "reconstruction.process"
RESULT_EXPIRES_S = 24 * 60 * 60


class NotConfiguredError(RuntimeError):
    """An environment variable that the runner sets is missing."""


def connect() -> Celery:
    """Make the app for the broker and backend that the environment names."""
    app = Celery(
        "reconstruction",
        broker=environment("CELERY_BROKER_URL"),
        backend=environment("CELERY_RESULT_BACKEND"),
    )
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        task_track_started=True,
        result_expires=RESULT_EXPIRES_S,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        redis_socket_connect_timeout=2,
        redis_socket_timeout=5,
    )
    return app


def storage_path() -> Path:
    """Where the job directories are."""
    return Path(environment("JOB_STORAGE_PATH"))


def environment(name: str) -> str:
    """Read one variable; raises NotConfiguredError where it is missing or empty."""
    value = os.environ.get(name)
    if not value:
        raise NotConfiguredError(f"{name} is not set; `python -m dashboard.demo` sets it")
    return value
