"""Jobs of one kind are counted together, so that no list has to count or sort all jobs.

A kind is all that filters ask about: how the job stands, its models and their quality, which
figures it lacks, and the verdict on it. There are a few dozen kinds, whatever the number of jobs;
the database keeps how many jobs are of each. A filter picks kinds; a page merges the tops of their
indexes.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

from dashboard.catalog.entries import Entry
from dashboard.celery_record import (
    FAILURE,
    NO_RECORD,
    PENDING,
    REVOKED,
    SUCCESS,
    CeleryRecord,
    RecordFault,
)
from dashboard.errors import JobStatus
from dashboard.job_query import NO_QUALITY
from dashboard.status import Facts, OutputState, decide
from dashboard.verdict import UNREVIEWED

# More than these in one job would make a kind of nearly every job, and a text that is too long for
# an index of PostgreSQL: 2,700 bytes, of which a model's name may take 255.
MODELS_MAX = 8


class Phase(StrEnum):
    """What the record says, as far as the decision depends on it."""

    PENDING = "pending"
    RUNNING = "running"
    FAILED = "failed"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    UNREADABLE = "unreadable"


# A record that stands for all of its phase.
STANDARD: dict[Phase, CeleryRecord | RecordFault] = {
    Phase.PENDING: NO_RECORD,
    Phase.RUNNING: CeleryRecord(state="STARTED"),
    Phase.FAILED: CeleryRecord(state=FAILURE),
    Phase.CANCELLED: CeleryRecord(state=REVOKED),
    Phase.COMPLETED: CeleryRecord(state=SUCCESS),
    Phase.UNREADABLE: RecordFault.UNREADABLE,
}
ENDED = frozenset({Phase.FAILED, Phase.CANCELLED, Phase.COMPLETED})


@dataclass(frozen=True)
class Circumstances:
    """What the status of a job depends on beside the job itself."""

    backend_away: bool = False
    serve_unrecorded: bool = False


@dataclass(frozen=True)
class Kind:
    """`models` are pairs of a model's name and its quality status; `lacks` names sort keys.

    `verdict` is one of VERDICTS.
    """

    phase: Phase
    output: OutputState
    models: tuple[tuple[str, str], ...]
    lacks: frozenset[str]
    is_surveyed: bool
    verdict: str = UNREVIEWED

    def status(self, now: Circumstances) -> JobStatus | None:
        return _status(self.phase, self.output, now)

    def as_columns(self) -> dict[str, object]:
        return {
            "phase": self.phase.value,
            "output": self.output.value,
            "models": json.dumps(self.models, ensure_ascii=False),
            "lacks": ",".join(sorted(self.lacks)),
            "is_surveyed": self.is_surveyed,
            "verdict": self.verdict,
        }


def kind_from_columns(
    phase: str,
    output: str,
    models: str,
    lacks: str,
    *,
    is_surveyed: bool,
    verdict: str = UNREVIEWED,
) -> Kind:
    pairs = tuple((name, quality) for name, quality in json.loads(models))
    lacking = frozenset(lacks.split(",")) if lacks else frozenset[str]()
    return Kind(Phase(phase), OutputState(output), pairs, lacking, bool(is_surveyed), verdict)


def kind_of(entry: Entry) -> Kind:
    outputs = entry.outputs
    verdict = entry.review.verdict.value if entry.review else UNREVIEWED
    if not outputs.models:
        phase = phase_of(entry.record)
        return _kind_without_models(phase, outputs.state, outputs.is_surveyed, verdict)
    figures = {"size_bytes": outputs.size_bytes, "psnr": outputs.psnr, "ssim": outputs.ssim}
    pairs = sorted(
        (model.name, (model.quality and model.quality.status) or NO_QUALITY)
        for model in outputs.models[:MODELS_MAX]
    )
    return Kind(
        phase_of(entry.record),
        outputs.state,
        tuple(pairs),
        frozenset(name for name, figure in figures.items() if figure is None),
        outputs.is_surveyed,
        verdict,
    )


@cache
def _kind_without_models(
    phase: Phase, output: OutputState, is_surveyed: bool, verdict: str
) -> Kind:
    return Kind(phase, output, (), frozenset({"size_bytes", "psnr", "ssim"}), is_surveyed, verdict)


def phase_of(record: CeleryRecord | RecordFault) -> Phase:
    if isinstance(record, RecordFault):
        return Phase.UNREADABLE
    if record.state == PENDING:
        return Phase.PENDING
    if record.state == FAILURE or (record.state == SUCCESS and record.outcome == "failed"):
        return Phase.FAILED
    if record.state == REVOKED or (record.state == SUCCESS and record.outcome == "cancelled"):
        return Phase.CANCELLED
    return Phase.COMPLETED if record.state == SUCCESS else Phase.RUNNING


@lru_cache(maxsize=256)
def _status(phase: Phase, output: OutputState, now: Circumstances) -> JobStatus | None:
    """Ask the one decision; a backend that is away leaves only ends that are known."""
    is_unknown = now.backend_away and phase not in ENDED
    record = RecordFault.UNAVAILABLE if is_unknown else STANDARD[phase]
    facts = Facts(job_id="any", record=record, output=output, serve_unrecorded=now.serve_unrecorded)
    return decide(facts).status
