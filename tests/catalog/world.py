"""What happens around a catalog: files, records, pushes, and who looks at them."""

import json
import shutil
import time
from pathlib import Path

import redis
from sqlalchemy import select

from dashboard.catalog.database import Database
from dashboard.catalog.entries import Entry
from dashboard.catalog.reading import load_entries
from dashboard.catalog.tables import jobs
from dashboard.reconcile import Reconciler
from dashboard.records import RecordReader
from tests.catalog.samples import empty

PREFIX = "celery-task-meta-"
FINAL = ("SUCCESS", "FAILURE", "REVOKED")
# What has not changed for so long counts as settled here; a tick of the clock is 4 ms at most.
SETTLED_S = 0.02
RECORDS = {
    "received": {"status": "RECEIVED"},
    "progress": {"status": "PROGRESS", "result": {"progress": 45, "step": "Meshing"}},
    "pending": {"status": "PENDING", "result": {"step": "waiting"}},
    "completed": {"status": "SUCCESS", "result": {"status": "completed"}},
    "failed": {"status": "SUCCESS", "result": {"status": "failed", "error": "no faces"}},
    "raised": {"status": "FAILURE", "result": {"exc_type": "E", "exc_message": ["x"]}},
    "revoked": {"status": "REVOKED", "date_done": "2026-01-01T00:00:00"},
    "garbage": {},
}


class World:
    """A storage, a result backend, and a catalog that follows both."""

    def __init__(
        self, storage: Path, backend: redis.Redis, database: Database, reader: RecordReader
    ) -> None:
        self.storage, self.backend = storage, backend
        self.database, self.reader = database, reader
        self.reconciler = Reconciler(database, reader)
        self.pushed: set[str] = set()
        self.ended: set[str] = set()

    def clear(self) -> None:
        for path in self.storage.iterdir():
            shutil.rmtree(path)
        self.backend.flushall()
        empty(self.database)
        self.__init__(self.storage, self.backend, self.database, self.reader)  # type: ignore[misc]

    def directory(self, job_id: str) -> None:
        (self.storage / job_id).mkdir(exist_ok=True)

    def model(self, job_id: str) -> Path:
        path = self.storage / job_id / "output" / "reconviagen"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def mesh(self, job_id: str) -> None:
        (self.model(job_id) / "mesh.glb").write_bytes(b"glTF")

    def no_mesh(self, job_id: str) -> None:
        (self.model(job_id) / "mesh.glb").unlink(missing_ok=True)

    def quality(self, job_id: str) -> None:
        unfinished = self.model(job_id) / "quality.part"
        unfinished.write_text(json.dumps({"metrics": {"psnr": 20 + time.time() % 1}}))
        unfinished.rename(unfinished.with_name("quality.json"))

    def no_output(self, job_id: str) -> None:
        shutil.rmtree(self.storage / job_id / "output", ignore_errors=True)

    def gone(self, job_id: str) -> None:
        shutil.rmtree(self.storage / job_id, ignore_errors=True)

    def record(self, job_id: str, name: str, *, is_pushed: bool) -> None:
        self.backend.set(f"{PREFIX}{job_id}", json.dumps(RECORDS[name]))
        if RECORDS[name].get("status") in FINAL:
            self.ended.add(job_id)
        if is_pushed:
            self.pushed.add(job_id)

    def lost_record(self, job_id: str) -> None:
        """What never ended is forgotten by Celery and catalog alike."""
        if job_id not in self.ended:
            self.backend.delete(f"{PREFIX}{job_id}")

    def take_pushes(self, _job_id: str = "") -> None:
        self.pushed = self.reconciler.take(self.pushed, is_alive=True)

    def hint(self, job_id: str) -> None:
        self.reconciler.take({job_id}, is_alive=False)

    def round(self, _job_id: str = "") -> None:
        self.reconciler.round(lambda: True)

    def take_over(self, _job_id: str = "") -> None:
        """Another dashboard goes on."""
        self.reconciler = Reconciler(self.database, self.reader)

    def settle(self) -> None:
        time.sleep(SETTLED_S * 1.5)
        for _ in range(3):
            self.reconciler.ask_for_all()
            self.round()

    def entries(self) -> dict[str, Entry]:
        with self.database.reading() as connection:
            job_ids = connection.execute(select(jobs.c.job_id)).scalars().all()
            return load_entries(connection, job_ids)
