"""What is to become of one demo job: a small file among its inputs, written by the submitter.

It keeps the task's signature as the real pipeline has it: `(job_id, model_type)`.
"""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

PLAN_FILE = Path("input") / "sample.json"


class Outcome(StrEnum):
    """How a job ends. The worker sees to all of them but those marked with the feeder."""

    COMPLETED = "completed"
    RAISES = "raises"
    RETURNS_FAILED = "returns_failed"
    RETURNS_CANCELLED = "returns_cancelled"
    EXPIRED = "expired"  # completed, then the output is removed
    INCOMPLETE = "incomplete"  # completed, then one model's meshes are removed
    ODD = "odd"  # completed, then damaged in several small ways
    BARE = "bare"  # completed, then previews and quality are removed
    QUEUED = "queued"  # never submitted (feeder)
    UNRECORDED = "unrecorded"  # completed under another id, as files copied from elsewhere (feeder)
    REVOKED_RUNNING = "revoked_running"  # (feeder)
    REVOKED_QUEUED = "revoked_queued"  # (feeder)


@dataclass(frozen=True)
class Plan:
    """One job's plan; without one a job is completed, of a kind that its id chooses.

    `severity` multiplies the errors of a model; `pause_s` is slept between two steps, so that a
    job can be watched; `fed` marks jobs that the feeder may remove again.
    """

    kind: str | None = None
    severity: dict[str, float] = field(default_factory=dict)
    outcome: Outcome = Outcome.COMPLETED
    pause_s: float = 0.0
    fed: bool = False


def write_plan(job_dir: Path, plan: Plan) -> None:
    """Make the job's directory, with its plan as the only input."""
    file = job_dir / PLAN_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(plan), indent=2) + "\n")


def read_plan(job_dir: Path) -> Plan:
    """Read the plan of a job; a job without one gets the default.

    Raises ValueError or TypeError if the file is not a plan.
    """
    try:
        stored = json.loads((job_dir / PLAN_FILE).read_text())
    except FileNotFoundError:
        return Plan()
    return Plan(**{**stored, "outcome": Outcome(stored["outcome"])})
