"""The feeder: submits the samples a few at a time, then always keeps one job moving."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from celery import Celery
from redis import Redis

from dashboard.demo.broker import connect, environment, storage_path
from dashboard.demo.plan import PLAN_FILE, Outcome, Plan, read_plan, write_plan
from dashboard.demo.samples import SAMPLES, Sample
from dashboard.demo.seeds import seeded_random
from dashboard.demo.submit import new_job_id, random_severity, submit_job

AT_ONCE = 4  # unfinished jobs; a submitted job then waits for two others at most
# A task's id that is no job id leaves a record that belongs to no job.
NO_JOB_ID = ".copied"
FED_KEPT = 16  # jobs of the feeder's own: about 100 MB
FED_PAUSE_S = 0.9  # between steps: one takes half a minute and most of a core stays free
NEXT_FROM_PERCENT = 85  # of the last unfinished job, so that another moves before it ends
REVOKED_AT_PERCENT = {Outcome.REVOKED_QUEUED: 0, Outcome.REVOKED_RUNNING: 20}
FINAL = frozenset({"SUCCESS", "FAILURE", "REVOKED"})
PENDING = "PENDING"

ENDS = {  # the record that a sample leaves when all went as planned: state and status
    Outcome.RAISES: ("FAILURE", None),
    Outcome.RETURNS_FAILED: ("SUCCESS", "failed"),
    Outcome.RETURNS_CANCELLED: ("SUCCESS", "cancelled"),
    Outcome.REVOKED_RUNNING: ("REVOKED", None),
    Outcome.REVOKED_QUEUED: ("REVOKED", None),
}
WITH_OUTPUT = {Outcome.COMPLETED, Outcome.INCOMPLETE, Outcome.ODD, Outcome.BARE}


@dataclass(frozen=True)
class Record:
    """What the backend knows of a job; PENDING when it knows nothing."""

    state: str = PENDING
    status: str | None = None
    progress: float = 0.0


class Feeder:
    """Submits, revokes and forgets; `step` is called about twice a second and never waits."""

    def __init__(self) -> None:
        self._app: Celery = connect()
        self._redis = Redis.from_url(
            environment("CELERY_RESULT_BACKEND"), socket_timeout=2, socket_connect_timeout=2
        )
        self._storage: Path = storage_path()
        self._waiting: list[Sample] = []
        self._unfinished: dict[str, Plan] = {}

    def begin(self) -> int:
        """Look at what an earlier run left: keep what is finished, begin anew what is not.

        Gives the number of jobs to do. Messages still queued are dropped: the jobs that they
        stand for are submitted again here.
        """
        self._app.control.purge()
        for sample in SAMPLES:
            if not self._settled(sample):
                self._remove(sample.job_id)
                self._waiting.append(sample)
        known = {sample.job_id for sample in SAMPLES}
        for job_dir in self._storage.iterdir():
            interrupted = self._record(job_dir.name).state not in FINAL
            if interrupted and job_dir.name not in known and (job_dir / PLAN_FILE).exists():
                self._remove(job_dir.name)
        return len(self._waiting)

    def step(self) -> None:
        """Do whatever is due now."""
        records = self._records(list(self._unfinished))
        for job_id, record in records.items():
            self._attend(job_id, self._unfinished[job_id], record)
        while self._waiting and len(self._unfinished) < AT_ONCE:
            self._submit_sample(self._waiting.pop(0))
        if not self._waiting and not self._anything_moves():
            self._feed()

    def _submit_sample(self, sample: Sample) -> None:
        if sample.plan.outcome is Outcome.QUEUED:
            write_plan(self._storage / sample.job_id, sample.plan)
            return
        task_id = sample.job_id
        if sample.plan.outcome is Outcome.UNRECORDED:
            task_id += NO_JOB_ID
        submit_job(sample.job_id, sample.model_type, sample.plan, task_id)
        self._unfinished[task_id] = sample.plan

    def _attend(self, job_id: str, plan: Plan, record: Record) -> None:
        """Do to a submitted job what its plan leaves to the feeder, and let go of finished ones."""
        if self._to_be_revoked(job_id, plan, record):
            self._app.control.revoke(job_id, terminate=True, signal="SIGKILL")
        elif record.state in FINAL:
            del self._unfinished[job_id]

    def _to_be_revoked(self, job_id: str, plan: Plan, record: Record) -> bool:
        """Whether to tell the worker again; it may not have listened the last time.

        Celery records REVOKED before a job that is just starting has ended, so the job is over
        when the worker has deleted its files.
        """
        if plan.outcome not in REVOKED_AT_PERCENT or record.state in {"SUCCESS", "FAILURE"}:
            return False
        due = record.state == "REVOKED" or record.progress >= REVOKED_AT_PERCENT[plan.outcome]
        return due and (self._storage / job_id).exists()

    def _anything_moves(self) -> bool:
        """Whether a job of ours is on its way, or one that the page submitted is running."""
        jobs = [path.name for path in self._storage.iterdir() if (path / PLAN_FILE).exists()]
        return any(
            record.state not in FINAL
            and record.progress < NEXT_FROM_PERCENT
            and (record.state != PENDING or job_id in self._unfinished)
            for job_id, record in self._records(jobs).items()
        )

    def _feed(self) -> None:
        job_id = self._next_fed_id()
        models = str(seeded_random(job_id, "models").choice(["both", "nvdiffrec", "reconviagen"]))
        plan = Plan(severity=random_severity(job_id), pause_s=FED_PAUSE_S, fed=True)
        submit_job(job_id, models, plan)
        self._unfinished[job_id] = plan

    def _next_fed_id(self) -> str:
        """A new id, or that of the oldest job: removed ones would stay listed as expired."""
        oldest = self._fed_jobs()[FED_KEPT - 1 :]
        for job_id in oldest:
            self._remove(job_id)
        return oldest[-1] if oldest else new_job_id()

    def _fed_jobs(self) -> list[str]:
        """The feeder's own jobs, newest first."""
        plans = [d / PLAN_FILE for d in self._storage.iterdir() if (d / PLAN_FILE).exists()]
        fed = [file for file in plans if read_plan(file.parents[1]).fed]
        fed.sort(key=lambda file: file.stat().st_mtime, reverse=True)
        return [file.parents[1].name for file in fed]

    def _settled(self, sample: Sample) -> bool:
        record, outcome = self._record(sample.job_id), sample.plan.outcome
        output = self._storage / sample.job_id / "output"
        if outcome is Outcome.QUEUED:
            return output.parent.exists() and not output.exists()
        if outcome is Outcome.UNRECORDED:
            return record.state == PENDING and any(output.glob("*/quality.json"))
        expected = ENDS.get(outcome, ("SUCCESS", "completed"))
        kept = output.exists() or outcome not in WITH_OUTPUT
        return (record.state, record.status) == expected and kept

    def _remove(self, job_id: str) -> None:
        shutil.rmtree(self._storage / job_id, ignore_errors=True)
        self._app.AsyncResult(job_id).forget()

    def _record(self, job_id: str) -> Record:
        return self._records([job_id])[job_id]

    def _records(self, job_ids: list[str]) -> dict[str, Record]:
        if not job_ids:
            return {}
        stored = self._redis.mget([f"celery-task-meta-{job_id}" for job_id in job_ids])
        return {i: _parsed(raw) for i, raw in zip(job_ids, stored, strict=True)}


def _parsed(raw: bytes | str | None) -> Record:
    if raw is None:
        return Record()
    stored = json.loads(raw)
    result = stored["result"] if isinstance(stored["result"], dict) else {}
    return Record(stored["status"], result.get("status"), result.get("progress", 0.0))
